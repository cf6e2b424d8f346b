"""The parts of a client that all services share: arguments, credentials, hooks and lifetime."""
