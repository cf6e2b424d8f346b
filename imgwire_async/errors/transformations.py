"""The error for a transformation that the service would reject."""

from __future__ import annotations

from imgwire_async.errors.base import ImgwireError


class InvalidTransformationError(ImgwireError, ValueError):
    """A transformation, preset or CDN URL that the service would reject. No request was sent.

    Can be pickled and copied, whatever the rejected value was.

    Attributes:
        transformation: The canonical name; an unknown name as given; `preset`, `cdn_url`, `srcset` or
            `attributes` when one of those was rejected.
        value: The rejected value. Long text is truncated; anything but plain data is described by its type.
        allowed: The allowed values, in words.
        suggestion: The closest allowed value or name, or None if there is no close match.
    """

    def __init__(
        self, transformation: str = "", value: object = None, allowed: str = "", suggestion: str | None = None
    ) -> None:
        name = transformation if transformation.isprintable() else repr(transformation)
        value = _plain(value)
        shown = repr(value)
        shown = shown if len(shown) <= 120 else f"{shown[:119]}…"
        hint = f" Did you mean {suggestion!r}?" if suggestion else ""
        super().__init__(f"{name[:120]}={shown} is not allowed.{hint} Allowed: {allowed}.")
        self.transformation = transformation
        self.value = value
        self.allowed = allowed
        self.suggestion = suggestion

    def __reduce__(self) -> tuple[type[InvalidTransformationError], tuple[object, ...]]:
        return type(self), (self.transformation, self.value, self.allowed, self.suggestion)


def _plain(value: object, depth: int = 3) -> object:
    """A bounded, picklable copy of `value`; calls no method of a foreign object."""
    kind = type(value)
    if kind is str and isinstance(value, str):
        return value if len(value) <= 200 else f"{value[:199]}…"
    if kind is int and isinstance(value, int):
        return value if value.bit_length() <= 128 else f"<an integer of {value.bit_length()} bits>"
    if value is None or kind in (bool, float):
        return value
    if depth and kind is dict and isinstance(value, dict) and len(value) <= 20:
        return {_plain(key, 0): _plain(item, depth - 1) for key, item in value.items()}
    if depth and kind is list and isinstance(value, list) and len(value) <= 20:
        return [_plain(item, depth - 1) for item in value]
    return f"<{kind.__name__}>"
