"""What `format=auto` means for a request, by its `Accept` header."""

from __future__ import annotations

from imgwire_async.sandbox.pictures.types import SupportedMimeType
from imgwire_async.sandbox.server.requests.negotiation import modern_formats

_ANCIENT = {SupportedMimeType.JPEG, SupportedMimeType.PNG, SupportedMimeType.GIF}
"""Formats that every browser supports."""


def takes_the_original(accepted: tuple[str, ...], mime_type: str) -> bool:
    """Whether the response for a URL without transformations is the stored bytes.

    So it is for clients that name no image type, such as download tools; for JPEG, PNG and GIF unless the
    client takes a smaller format; and for every other type that the client names.
    """
    if not accepted:
        return True
    if mime_type in _ANCIENT:
        return not modern_formats(accepted)
    return mime_type in accepted
