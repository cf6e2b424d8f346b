"""How messages reach a server: the only place that imports an HTTP library."""
