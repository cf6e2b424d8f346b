"""Whole programs to run, read and copy."""
