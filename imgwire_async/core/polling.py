"""Waiting for a service to finish something that it does in the background."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from imgwire_async.core.logical_call import SharedState
from imgwire_async.core.values.numbers import is_finite
from imgwire_async.errors import InvalidArgumentError

T = TypeVar("T")


async def poll(look: Callable[[], Awaitable[T | None]], *, seconds: float, shared: SharedState) -> T | None:
    """Call `look` until it returns a result, with the service's delays in between.

    Returns:
        The first result of `look` that is not None, or None if the time has passed.
    """
    pauses, found = shared.service.pauses, None
    pause = pauses.first
    with shared.time.move_on_after(seconds):
        while (found := await look()) is None:
            await shared.time.sleep(pause)
            pause = pauses.after(pause)
    return found


def as_wait(seconds: float, operation: str) -> float:
    """Check how long to wait, in seconds; `math.inf` is allowed.

    Raises:
        InvalidArgumentError: `seconds` is not a number, or is negative.
    """
    if seconds == math.inf or (is_finite(seconds) and seconds >= 0):
        return seconds
    raise InvalidArgumentError(
        f"timeout must be a number of seconds, at least 0, got {seconds!r:.80}", operation=operation
    )
