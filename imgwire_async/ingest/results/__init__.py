"""What a job tells: outcomes, its report, and the files they are written to."""
