"""Running the shards of a job, in this process or in worker processes."""
