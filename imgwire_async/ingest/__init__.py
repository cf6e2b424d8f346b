"""Bulk jobs: sources of items, the journal that makes a job resumable, the coordinator, and the report."""
