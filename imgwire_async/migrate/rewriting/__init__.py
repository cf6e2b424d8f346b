"""Rewriting the imgix URLs in files and values."""
