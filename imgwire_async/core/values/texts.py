"""Checks of texts that a caller passes."""

from __future__ import annotations

from imgwire_async.errors import InvalidArgumentError


def is_encodable(text: str) -> bool:
    """Whether text can be sent: file names may contain lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def checked_content_type(value: object, operation: str | None = None) -> str:
    """Check that a MIME type can be sent in a header.

    Raises:
        InvalidArgumentError: it is not a string of printable ASCII characters.
    """
    if isinstance(value, str) and value.isascii() and value.isprintable():
        return value
    raise InvalidArgumentError(
        f"content_type must be a MIME type such as 'image/png', got {value!r:.80}", operation=operation
    )
