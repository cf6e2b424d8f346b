"""The stages of a request to a local service: connection, log, faults, rate limits, authentication, body."""
