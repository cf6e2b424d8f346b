"""The state that a job keeps on disk, so that it can resume."""
