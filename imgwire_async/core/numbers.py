"""Numbers that a caller gives: refused with a sentence when they make no sense."""

from __future__ import annotations

import sys
from typing import TypeGuard


def check_whole(name: str, value: object, *, least: int, most: int | None = None) -> None:
    """Refuse what cannot be a count.

    Raises:
        ValueError: `value` is no whole number, or is out of its range.
    """
    if not isinstance(value, int) or value < least or (most is not None and value > most):
        what = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number, {what}, got {value!r:.80}")


def is_positive(value: object) -> bool:
    """Whether `value` is a finite number above 0."""
    return is_finite(value) and value > 0


def is_finite(value: object) -> TypeGuard[float]:
    """Whether `value` is a number that a float can hold; NaN is none."""
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max
