"""The image types that an `Accept` header names."""

from __future__ import annotations

_MODERN = {"image/avif": "avif", "image/webp": "webp"}
"""Smaller formats that are sent only to clients that name them: `*/*` says nothing about AVIF."""


def accepted_types(accept: str) -> tuple[str, ...]:
    """The image types that a request names, most preferred first; without wildcards."""
    wanted = []
    for item in accept.split(","):
        media_type, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = next((_quality(part[2:]) for part in parameters if part.startswith("q=")), 1.0)
        if media_type.startswith("image/") and not media_type.endswith("*") and quality > 0:
            wanted.append((quality, media_type))
    wanted.sort(key=lambda pair: -pair[0])
    return tuple(dict.fromkeys(media_type for _, media_type in wanted))


def modern_formats(accepted: tuple[str, ...]) -> tuple[str, ...]:
    """AVIF and WebP if accepted, most preferred first."""
    return tuple(_MODERN[media_type] for media_type in accepted if media_type in _MODERN)


def _quality(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0
