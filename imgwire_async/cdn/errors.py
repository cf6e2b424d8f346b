"""The one error of URL building."""

from __future__ import annotations


class InvalidTransformationError(ValueError):
    """A transformation, preset or CDN URL that the service would refuse; nothing was sent.

    Plain data: it pickles and copies, whatever the refused value was.

    Attributes:
        transformation: The name as given, or the canonical name of one given twice; `preset` or `cdn_url`
            when those were refused.
        value: What was refused. Long text is cut; anything but plain data is described by its type.
        allowed: What would have been right, in words.
        suggestion: The closest allowed value or name, or None when nothing is close.
    """

    def __init__(
        self, transformation: str = "", value: object = None, allowed: str = "", suggestion: str | None = None
    ) -> None:
        self.transformation = transformation
        self.value = _plain(value)
        self.allowed = allowed
        self.suggestion = suggestion
        super().__init__(transformation, self.value, allowed, suggestion)

    def __str__(self) -> str:
        shown = repr(self.value)
        shown = shown if len(shown) <= 120 else f"{shown[:119]}…"
        name = self.transformation if self.transformation.isprintable() else repr(self.transformation)
        hint = f" Did you mean {self.suggestion!r}?" if self.suggestion else ""
        return f"{name[:120]}={shown} is not allowed.{hint} Allowed: {self.allowed}."


def _plain(value: object, depth: int = 3) -> object:
    """A bounded copy of `value` that pickles; no method of a foreign object is called."""
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
