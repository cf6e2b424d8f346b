"""Thumbnails of local files, embedded in an HTML page."""

from __future__ import annotations

import base64
from importlib import import_module
from pathlib import Path
from typing import Final

MOST_PIXELS: Final = 160
"""On the longer side."""
_MOST_BYTES: Final = 64 * 1024 * 1024
"""Maximum size of a file that is opened for a thumbnail."""


def thumbnail(path: str) -> str | None:
    """A `data:` URL with a thumbnail of a local image, if it can be decoded.

    Args:
        path: the file.

    Returns:
        None without pyvips (extras `sandbox` and `migrate`), and for files that are not images or exceed 64
        MiB.
    """
    try:
        vips = import_module("pyvips")
    except (ImportError, OSError):  # the latter where its library is missing
        return None
    try:
        if Path(path).stat().st_size > _MOST_BYTES:
            return None
        picture = vips.Image.thumbnail(path, MOST_PIXELS, height=MOST_PIXELS, size="down", fail_on="none")
        content = picture.jpegsave_buffer(Q=70, strip=True, background=[255, 255, 255])
    except (OSError, ValueError, vips.Error):
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
