"""The storage of a local service: records in SQLite, files, and variants derived from them."""
