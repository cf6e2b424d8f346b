"""The content of the shared pages for a local imgix."""
