"""Rendering a stored image with the transformations of a URL."""
