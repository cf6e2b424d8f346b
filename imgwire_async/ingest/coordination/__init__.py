"""The part of a job that decides: what is sent, what is left alone, and when to stop."""
