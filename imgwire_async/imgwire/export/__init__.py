"""Export: the originals of an environment into a folder or bucket, with a manifest that `ingest` reads."""
