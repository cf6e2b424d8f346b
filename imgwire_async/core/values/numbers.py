"""Checks of numbers that a caller passes, with readable errors."""

from __future__ import annotations

import sys
from numbers import Real
from operator import index
from typing import SupportsIndex, TypeGuard


def as_int(value: object) -> int | None:
    """Convert `value` to an `int`, or return None if it is not a whole number.

    Integers of numpy and similar libraries are accepted; True and False are not.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return index(value)
    except TypeError:  # booleans of some numpy versions
        return None


def as_number(value: object) -> int | float | None:
    """Convert `value` to a plain `int` or `float`; None if it is not a number, or is True or False."""
    number = as_int(value)
    if number is not None or isinstance(value, bool) or not isinstance(value, Real):
        return number
    try:
        return float(value)
    except OverflowError:  # a fraction too large for a float
        return None


def json_number(value: object) -> int | float:
    """Convert a number of another library for JSON; the `default` of an encoder.

    Raises:
        TypeError: `value` is not a number.
    """
    number = as_number(value)
    if number is None:
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
    return number


def json_number_or_repr(value: object) -> int | float | str:
    """Like `json_number`, but the `repr` of anything else: where the text is not sent."""
    number = as_number(value)
    return repr(value) if number is None else number


def whole(name: str, value: object, *, least: int, most: int | None = None) -> int:
    """Check a count, and return it as an `int`.

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
    """Whether `value` is a finite number within the range of a float; not NaN, True or False."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return abs(float(value)) <= sys.float_info.max
    except OverflowError:  # a whole number or fraction too large for a float
        return False
