"""The results of a job: outcomes, the report, and the files they are written to."""
