"""Endpoint functions, one package for each resource."""
