"""The HTTP transports: the only package that imports an HTTP library."""
