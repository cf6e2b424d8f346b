"""The endpoints of the local Imgwire, one module for each resource."""
