"""Values that are checked, compared or hidden before they go anywhere."""
