"""What a job remembers on disk, so that it can resume."""
