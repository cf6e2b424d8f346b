"""Decoding, transforming and encoding pictures with libvips."""

import logging

# At DEBUG level, pyvips logs each picture. While a handler formats that message and holds its lock, the
# picture's `__repr__` logs again: with two handlers, two threads would wait for each other forever.
_log_of_pyvips = logging.getLogger("pyvips")
if _log_of_pyvips.level == logging.NOTSET:
    _log_of_pyvips.setLevel(logging.INFO)
