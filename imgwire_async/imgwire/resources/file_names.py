"""What a downloaded image is called in a folder."""

from __future__ import annotations

import re

from imgwire_async.bodies.image_types import EXTENSIONS, extension_of
from imgwire_async.downloads.names import safe_name, split_suffix, with_suffix
from imgwire_async.imgwire.lowlevel.models import Image


def file_name_of(image: Image, content_type: str | None) -> str:
    """The name of an image's file, possible on every system.

    Args:
        image: the record. Its name comes from its uploader, so only the last part counts, and no
            hidden file results.
        content_type: MIME type as delivered, which a transformation may have changed. If it is that of
            another image type than the name tells, the suffix follows it.
    """
    given = re.split(r"[/\\]", image.original_filename)[-1].strip(". ")
    name = safe_name(given) if given else str(image.id)
    suffix = split_suffix(name)[1].lower()
    usual = extension_of(content_type or "")
    if not usual or EXTENSIONS.get(suffix) == content_type:
        return name
    return with_suffix(name, usual) if suffix in EXTENSIONS else safe_name(name + usual)
