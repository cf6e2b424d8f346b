"""The operations of the service as users call them."""
