"""How one call is made: operation, attempts, response. Knows no generated model."""
