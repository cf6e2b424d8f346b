"""The way of a request into a local service: connection, log, faults, rate limits, authentication, body."""
