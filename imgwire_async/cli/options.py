"""Options that several commands read alike."""

from __future__ import annotations

from typing import Literal

from imgwire_async.errors import InvalidArgumentError


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
