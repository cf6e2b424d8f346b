"""File names of downloaded images."""

from __future__ import annotations

import re

from imgwire_async.bodies.image_types import EXTENSIONS, extension_of
from imgwire_async.downloads.names import safe_name, split_suffix, with_suffix
from imgwire_async.imgwire.lowlevel.models import Image


def file_name_of(image: Image, content_type: str | None) -> str:
    """A name for an image's file that is valid on every system.

    Args:
        image: the record. Its name comes from the uploader, so only the last path segment is used, and a
            leading dot is never kept.
        content_type: MIME type as delivered, which a transformation may have changed. If it differs from the
            type that the name suggests, the suffix is changed to match.
    """
    given = re.split(r"[/\\]", image.original_filename)[-1].strip(". ")
    name = safe_name(given) if given else str(image.id)
    suffix = split_suffix(name)[1].lower()
    usual = extension_of(content_type or "")
    if not usual or EXTENSIONS.get(suffix) == content_type:
        return name
    return with_suffix(name, usual) if suffix in EXTENSIONS else safe_name(name + usual)
