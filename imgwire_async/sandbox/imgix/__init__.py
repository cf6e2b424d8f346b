"""A local imgix: the Management API, and the hosts that render its pictures."""
