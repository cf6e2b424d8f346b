"""Cloud object stores: URIs, opening buckets, reading, listing, writing and signing.

This package deals with buckets and objects and does not depend on images. It is the only place that imports
obstore, from the `cloud` extra, and only when a bucket is first opened.
"""
