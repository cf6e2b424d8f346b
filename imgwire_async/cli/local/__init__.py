"""`imgwire-async sandbox`: local services, in the foreground or beside the shell."""
