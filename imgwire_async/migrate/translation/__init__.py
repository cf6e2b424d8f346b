"""Translating imgix rendering URLs into Imgwire transformations, without I/O."""
