"""Everything that knows Imgwire: client, resources, uploads, CDN URLs and the generated endpoints."""
