"""A service with a page for uploading images, with FastAPI.

Run it with `python -m imgwire_async.examples.gallery`; start reading at `service.py`.
"""
