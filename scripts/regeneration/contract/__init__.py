"""From a service's document to the contract that code is generated from."""
