"""How each imgix parameter is read and converted: a table, and a rule for every row."""
