"""The sources of a job: folders, manifests, buckets, and iterables of items."""
