"""What a job can be made of: folders, manifests, and iterables of items."""
