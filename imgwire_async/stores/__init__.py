"""Object stores in the cloud: what names an object, opening a bucket, reading, listing, writing, signing.

Everything here speaks of buckets and objects of any owner, and knows nothing of images. It is the only
place that imports obstore, which comes with the extra `cloud`, and does so when a bucket is first opened.
"""
