"""Custom metadata stored with an image: arbitrary names with scalar values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from imgwire_async.core.concurrency.cancellation import ENDS_PROGRAM
from imgwire_async.core.values.numbers import as_number
from imgwire_async.errors import InvalidArgumentError

Metadata: TypeAlias = Mapping[str, str | int | float | bool]
"""Custom metadata: arbitrary names with scalar values; nested values and nulls are not allowed."""


def items_of(values: Mapping[object, object], operation: str) -> list[tuple[object, object]]:
    """Names and values of a mapping, which may be an instance of the caller's own class.

    Raises:
        InvalidArgumentError: the mapping's code raises an exception.
    """
    try:
        return list(values.items())
    except ENDS_PROGRAM:
        raise
    except BaseException as error:  # the caller's code may raise anything, and nothing here can be cancelled
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        problem = f"custom_metadata cannot be read: {what}"
        raise InvalidArgumentError(problem, operation=operation) from error


def checked_metadata(values: object, operation: str) -> dict[str, str | int | float | bool]:
    """Check custom metadata, and return it as a plain dict that a service can store.

    Raises:
        InvalidArgumentError: it is not a mapping, its code raises an exception, a name is not a string, or a
            value is not a scalar.
    """
    if not isinstance(values, Mapping):
        problem = f"custom_metadata must map names to values, got {type(values).__name__}"
        raise InvalidArgumentError(problem, operation=operation)
    checked: dict[str, str | int | float | bool] = {}
    for name, value in items_of(values, operation):
        scalar = value if isinstance(value, str | bool | float) else as_number(value)
        if not isinstance(name, str) or scalar is None:
            raise InvalidArgumentError(
                f"custom_metadata must map strings to strings, numbers or booleans, got {name!r:.80}: "
                f"{type(value).__name__}",
                operation=operation,
            )
        checked[name] = scalar
    return checked
