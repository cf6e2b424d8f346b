"""The public methods for the service's operations."""
