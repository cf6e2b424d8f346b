"""A FastAPI service with a page for uploading images.

Run it with `python -m imgwire_async.examples.gallery`; start reading at `service.py`.
"""
