"""Complete programs to run, read and copy."""
