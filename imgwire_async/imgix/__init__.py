"""Everything that knows imgix: client, resources, rendering URLs and the generated endpoints."""
