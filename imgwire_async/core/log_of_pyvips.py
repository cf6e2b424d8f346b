"""The log of pyvips, which can block threads that use pictures."""

from __future__ import annotations

import logging


def keep_above_debug() -> None:
    """Set the level of pyvips to INFO, unless the application has set one.

    At DEBUG level, pyvips logs each picture. While a handler formats that message and holds its lock, the
    picture's `__repr__` logs again: with two handlers, two threads would wait for each other forever.
    """
    log = logging.getLogger("pyvips")
    if log.level == logging.NOTSET:
        log.setLevel(logging.INFO)
