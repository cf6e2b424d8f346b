"""What a client of any service is made of: its arguments, credentials, hooks and lifetime."""
