"""From the contract to a package in the place of the one before."""
