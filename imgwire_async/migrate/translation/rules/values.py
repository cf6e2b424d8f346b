"""Values of imgix parameters: numbers, switches, directions and colours."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from imgwire_async.migrate.translation.rules.colors import NAMED_COLORS

LARGEST_SIDE = 8192
FARTHEST = 2**31 - 1
"""Limit of numbers that have no other, so that none is too large for Imgwire."""
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})")
_HEX = re.compile(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_SWITCHES = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
_VERTICAL = {"top": "north", "bottom": "south"}
_HORIZONTAL = {"left": "west", "right": "east"}


class Color(NamedTuple):
    """Six hex digits, and the opacity from 0 to 1."""

    rgb: str
    alpha: float


class Compass(NamedTuple):
    """A gravity made of directions."""

    gravity: str
    contradiction: bool
    unknown: tuple[str, ...]


def number(text: str) -> float | None:
    """A finite decimal number; an int if it is whole."""
    if text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    found = float(text)
    if found in (float("inf"), float("-inf")):
        return None
    return int(found) if found.is_integer() else found


def fraction(text: str) -> Fraction | None:
    """A decimal number, exactly."""
    text = text.strip()
    return Fraction(text) if _NUMBER.fullmatch(text) else None


def half_up(value: Fraction | float) -> int:
    """The nearest whole number, the greater one of two."""
    if isinstance(value, int):
        return value
    exact = Fraction(value)
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


def written(value: float) -> str:
    """A number as Imgwire writes it, with at most four decimal places."""
    if isinstance(value, int):
        return str(value)
    value = round(value, 4)
    return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")


def switch(text: str) -> bool | None:
    """True or false, or None for other words."""
    return _SWITCHES.get(text.strip().lower())


def words(text: str) -> list[str]:
    """The parts of a list, in lower case, without blanks and empty ones."""
    return [word for part in text.lower().split(",") if (word := part.strip())]


def color(text: str) -> Color | None:
    """A colour of 3 or 6 digits, of 4 or 8 that begin with the opacity, or a CSS name."""
    text = text.strip().lower()
    match = _HEX.fullmatch(text)
    if match is None:
        if text == "transparent":
            return Color("000000", 0)
        found = NAMED_COLORS.get(text)
        return None if found is None else Color(found, 1)
    digits = match[1]
    if len(digits) < 6:
        digits = "".join(digit * 2 for digit in digits)
    if len(digits) == 6:
        return Color(digits, 1)
    return Color(digits[2:], round(int(digits[:2], 16) / 255, 4))


def compass(parts: list[str]) -> Compass:
    """The gravity of directions, at most one of each axis: the first."""
    vertical = horizontal = ""
    contradiction = False
    unknown = []
    for part in parts:
        if part in _VERTICAL:
            contradiction |= vertical not in ("", _VERTICAL[part])
            vertical = vertical or _VERTICAL[part]
        elif part in _HORIZONTAL:
            contradiction |= horizontal not in ("", _HORIZONTAL[part])
            horizontal = horizontal or _HORIZONTAL[part]
        elif part not in ("center", "middle"):
            unknown.append(part)
    return Compass(vertical + horizontal or "center", contradiction, tuple(unknown))
