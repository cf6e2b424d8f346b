"""What the shared pages show of a local imgix."""
