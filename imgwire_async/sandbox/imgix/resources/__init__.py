"""The endpoints of the local imgix, one module for each resource."""
