"""The decisions of a job: what to send, what to skip, and when to stop."""
