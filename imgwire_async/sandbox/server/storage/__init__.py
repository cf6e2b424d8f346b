"""What a local service keeps: records in SQLite, files, and the variants made of them."""
