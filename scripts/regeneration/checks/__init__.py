"""Checks for documents that the pipeline cannot generate from, before it starts."""
