"""Decoding, transforming and encoding pictures with libvips."""
