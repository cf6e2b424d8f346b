"""The sandbox's CDN: reading of transformations, rendering with libvips, and a cache of results.

Everything here was written from the published facts about the URLs, apart from the client's own builder, so
that the two check each other.
"""
