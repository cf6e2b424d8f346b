"""From a stored image and the transformations of a URL to a picture."""
