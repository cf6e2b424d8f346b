"""Rendering parameters of imgix, from the query of a delivery URL.

Implemented from imgix's documentation of its rendering API, independently of the SDK's translation:
pictures of the two local services are compared to test that translation.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from PIL import ImageColor

from imgwire_async.sandbox.pictures.color import Color

RENDERED: Final = frozenset(
    {
        *("w", "h", "fit", "crop", "ar", "rect", "fp-x", "fp-y", "fp-z", "max-w", "max-h", "min-w", "min-h"),
        *(
            "dpr",
            "pad",
            "pad-top",
            "pad-right",
            "pad-bottom",
            "pad-left",
            "border",
            "bg",
            "fill",
            "fill-color",
        ),
        *("flip", "rot", "orient", "bri", "con", "sat", "exp", "invert", "blur", "px", "sharp", "monochrome"),
        *("duotone", "fm", "q", "auto", "cs", "lossless", "chromasub", "dpi"),
    }
)
"""The parameters that the local rendering host knows."""

DELIVERY: Final = frozenset({"s", "ixlib", "ixid", "expires"})
"""Parameters that do not affect the picture."""

ALIASES: Final = {
    "w": ("width",),
    "h": ("height",),
    "fit": ("f",),
    "max-w": ("max-width",),
    "max-h": ("max-height",),
    "min-w": ("min-width",),
    "min-h": ("min-height",),
    "fill-color": ("fillcolor",),
    "orient": ("or",),
    "invert": ("inv",),
    "monochrome": ("mono",),
}
"""Other names of the parameters above."""

_CANONICAL: Final = {alias: name for name, aliases in ALIASES.items() for alias in aliases}


class Parameters:
    """The parameters of one request by canonical name. Invalid values count as omitted."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)

    @classmethod
    def read(cls, query: bytes, defaults: Mapping[str, object] | None = None) -> Parameters:
        """Read a query; `defaults` are the `default_params` of the source.

        If a parameter is repeated, the last one counts; values of `auto` are joined.
        """
        values: dict[str, str] = {}
        automatic: list[str] = []
        given = [(name, str(value)) for name, value in (defaults or {}).items()]
        for name, text in [*given, *parse_qsl(query.decode("latin-1"), encoding="utf-8", errors="replace")]:
            plain, value = _decoded(name, text)
            plain = _CANONICAL.get(plain, plain)
            if value is None:
                continue
            if plain == "auto":
                automatic += value.split(",")
            else:
                values[plain] = value
        if automatic:
            values["auto"] = ",".join(automatic)
        return cls(values)

    @property
    def is_plain(self) -> bool:
        """Whether no parameter affects the picture, so that the original is delivered."""
        return not set(self.values) - DELIVERY

    @property
    def not_rendered(self) -> tuple[str, ...]:
        """Names of the parameters that have no effect here."""
        return tuple(sorted(set(self.values) - RENDERED - DELIVERY))

    def word(self, name: str) -> str | None:
        """A value in lower case."""
        value = self.values.get(name)
        return None if value is None else value.strip().lower()

    def words(self, name: str) -> list[str]:
        """The parts of a list, in lower case."""
        return [part.strip() for part in (self.word(name) or "").split(",") if part.strip()]

    def number(self, name: str, least: float, most: float) -> float | None:
        """A number, limited to its range."""
        try:
            value = float(self.values[name])
        except (KeyError, ValueError):
            return None
        # Not-a-number fails both comparisons and becomes `least`.
        return max(least, min(most, value)) if value == value else None

    def flag(self, name: str) -> bool:
        """A boolean."""
        return self.word(name) in {"true", "1"}

    def color(self, name: str) -> Color | None:
        """A colour."""
        value = self.word(name)
        return None if value is None else read_color(value)


def read_color(text: str) -> Color | None:
    """Read a colour: 3 digits are RGB, 4 are ARGB, 6 are RRGGBB, 8 are AARRGGBB; or a name of CSS."""
    text = text.strip().lower()
    digits = text.removeprefix("#")
    if len(digits) in {3, 4, 6, 8} and all(digit in "0123456789abcdef" for digit in digits):
        if len(digits) < 6:
            digits = "".join(digit * 2 for digit in digits)
        alpha = 1.0 if len(digits) == 6 else int(digits[:2], 16) / 255
        red, green, blue = (int(part, 16) for part in (digits[-6:-4], digits[-4:-2], digits[-2:]))
        return Color(red, green, blue, alpha)
    if text == "transparent":
        return Color(255, 255, 255, 0.0)
    if text in ImageColor.colormap:
        named = ImageColor.getrgb(text)
        return Color(named[0], named[1], named[2])
    return None


def _decoded(name: str, text: str) -> tuple[str, str | None]:
    """A parameter's plain name and value; `name64` holds URL-safe base64 without padding."""
    if not name.endswith("64"):
        return name, text
    try:
        padded = text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4)
        return name.removesuffix("64"), base64.urlsafe_b64decode(padded).decode()
    except (binascii.Error, UnicodeDecodeError):
        return name, None
