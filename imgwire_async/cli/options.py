"""Options that several commands read alike."""

from __future__ import annotations

import re
from typing import Final, Literal

import typer

from imgwire_async.errors import InvalidArgumentError

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmg])(i)?)?b?", re.IGNORECASE)


def concurrency_of(given: str) -> int | Literal["auto"]:
    """The value of `--concurrency`.

    Raises:
        InvalidArgumentError: it is neither a number nor `auto`.
    """
    if given == "auto":
        return "auto"
    if not given.isdecimal():
        raise InvalidArgumentError(
            f'--concurrency must be a number or "auto", got {given!r}', operation="ingest"
        )
    return int(given)


def size_of(given: str) -> float:
    """A number of bytes, such as 500K or 1.5M: with K, M and G for thousands of them, Ki, Mi and Gi for 1024.

    Raises:
        typer.BadParameter: it is none.
    """
    found = _SIZE.fullmatch(given.strip())
    if found is None:
        raise typer.BadParameter(f"{given!r} is not a size, such as 500K or 1.5M")
    power = "kmg".find(found[2].lower()) + 1 if found[2] else 0
    return float(found[1]) * float((1024 if found[3] else 1000) ** power)
