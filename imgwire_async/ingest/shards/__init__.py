"""One shard of a job: preparing its items and sending them."""
