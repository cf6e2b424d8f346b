"""A local Imgwire: the Resource API, the object store and the CDN."""
