"""Waiting for imgix to finish something that it does in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from imgwire_async.core.time import Time

T = TypeVar("T")

FIRST_PAUSE: Final = 0.5
SLOWEST_PAUSE: Final = 5.0
"""Seconds. imgix allows 4 requests per second for nearly everything together."""


async def poll(look: Callable[[], Awaitable[T | None]], *, seconds: float, time: Time) -> T | None:
    """Look again and again, first quickly, then every five seconds.

    Returns:
        The first thing that `look` finds, or None when the time has passed.
    """
    pause, found = FIRST_PAUSE, None
    with time.move_on_after(seconds):
        while (found := await look()) is None:
            await time.sleep(pause)
            pause = min(pause * 1.5, SLOWEST_PAUSE)
    return found
