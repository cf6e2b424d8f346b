"""Numbers that a caller gives: rejected with a sentence when they make no sense."""

from __future__ import annotations

import sys
from numbers import Real
from operator import index
from typing import SupportsIndex, TypeGuard


def as_int(value: object) -> int | None:
    """`value` as an `int`, or None for anything but a whole number.

    The integers of numpy and the like are whole numbers; True and False are not.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return index(value)
    except TypeError:  # the truth values of some versions of numpy
        return None


def as_number(value: object) -> int | float | None:
    """`value` as a plain `int` or `float`, or None for what is not a number, True and False included."""
    number = as_int(value)
    if number is not None or isinstance(value, bool) or not isinstance(value, Real):
        return number
    try:
        return float(value)
    except OverflowError:  # a fraction beyond all floats
        return None


def whole(name: str, value: object, *, least: int, most: int | None = None) -> int:
    """`value` as a count.

    Raises:
        ValueError: `value` is not a whole number, or is out of its range.
    """
    number = as_int(value)
    if number is None or number < least or (most is not None and number > most):
        what = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number, {what}, got {value!r:.80}")
    return number


def is_positive(value: object) -> bool:
    """Whether `value` is a finite number above 0."""
    return is_finite(value) and value > 0


def is_finite(value: object) -> TypeGuard[float]:
    """Whether `value` is a number that a float can hold; NaN is none, and neither are True and False."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return abs(float(value)) <= sys.float_info.max
    except OverflowError:  # a whole number or fraction beyond all floats
        return False
