"""Where the shards of a job run: in this process or in worker processes."""
