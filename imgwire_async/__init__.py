"""Async-first Python SDK for Imgwire, the image API and CDN."""
