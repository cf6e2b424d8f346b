"""The image CDN of the local imgix."""
