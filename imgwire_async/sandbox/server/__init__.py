"""The base of all local services: sockets, requests, faults, rate limits, SQLite."""
