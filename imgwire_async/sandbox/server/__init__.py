"""What local services share: sockets, requests, faults, rate limits, SQLite."""
