"""What the pipeline cannot generate from, found before it starts."""
