"""`imgwire-async sandbox`: local services, in the foreground or in the background of a shell."""
