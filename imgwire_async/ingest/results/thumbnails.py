"""Small pictures of local files, within an HTML page."""

from __future__ import annotations

import base64
import os
import stat
from importlib import import_module
from typing import Final

from imgwire_async.bodies.image_types import image_type_of
from imgwire_async.core.log_of_pyvips import keep_above_debug

MOST_PIXELS: Final = 160
"""On the longer side."""
_MOST_BYTES: Final = 64 * 1024 * 1024
"""Of a file that is opened for it."""
_MOST_DECODED: Final = 64_000_000
"""Pixels of a picture that is decoded for it. A file of a few kilobytes can have billions."""
_LONGEST_SIDE: Final = 65_535
"""Pixels on the longer side of such a picture, as in JPEG. Every row costs time, however short it is."""
_LOADERS: Final = {
    "image/avif": "heifload_buffer",
    "image/gif": "gifload_buffer",
    "image/heic": "heifload_buffer",
    "image/jpeg": "jpegload_buffer",
    "image/jxl": "jxlload_buffer",
    "image/png": "pngload_buffer",
    "image/tiff": "tiffload_buffer",
    "image/webp": "webpload_buffer",
}
"""How each type is decoded. Other loaders would open what a file names, as an SVG or a script can."""


def thumbnail(path: str) -> str | None:
    """A `data:` URL with a small picture of a local image, as far as it can be decoded.

    Args:
        path: the file.

    Returns:
        None without pyvips (extras `sandbox` and `migrate`), and of what is not a regular file, no picture, a
        bitmap or icon of Windows, larger than 64 MiB or 64 million pixels, or longer than 65,535 pixels.
    """
    try:
        vips = import_module("pyvips")
    except (ImportError, OSError):  # the latter where its library is missing
        return None
    keep_above_debug()
    try:
        content = _content(path)
        loader = _LOADERS.get(image_type_of(content, "") or "")
        if loader is None:
            return None
        picture = getattr(vips.Image, loader)(content, access="sequential", fail_on="none")
        if (
            picture.width * picture.height > _MOST_DECODED
            or max(picture.width, picture.height) > _LONGEST_SIDE
        ):
            return None
        small = picture.thumbnail_image(MOST_PIXELS, height=MOST_PIXELS, size="down")
        shown = small.jpegsave_buffer(Q=70, strip=True, background=[255, 255, 255])
    except (OSError, ValueError, AttributeError, vips.Error):  # AttributeError: built without this loader
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(shown).decode()}"


def _content(path: str) -> bytes:
    """What a regular file holds; nothing of a large one, or of another, as a pipe that nobody writes to."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            return b""
        return file.read(_MOST_BYTES)
