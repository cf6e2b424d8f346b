"""Verifying that the pictures of both services look the same."""
