"""From the contract to a package that replaces the previous one."""
