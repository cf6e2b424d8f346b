"""Export of an environment's originals to a folder or bucket, with a manifest that `ingest` reads."""
