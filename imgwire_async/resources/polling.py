"""Waiting for the service to finish something that it does in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio

T = TypeVar("T")

FIRST_PAUSE: Final = 0.1
SLOWEST_PAUSE: Final = 2.0


async def poll(
    look: Callable[[], Awaitable[T | None]],
    *,
    seconds: float,
    sleep: Callable[[float], Awaitable[None]],
    clock: Callable[[], float],
) -> T | None:
    """Look again and again, first quickly, then every two seconds.

    Returns:
        The first thing that `look` finds, or None when the time has passed.
    """
    pause, end = FIRST_PAUSE, clock() + seconds
    # Two clocks: `sleep` may pass time that the event loop knows nothing of, and `look` may hang.
    with anyio.move_on_after(seconds):
        while (found := await look()) is None:
            await sleep(pause)
            if clock() >= end:
                return None
            pause = min(pause * 1.5, SLOWEST_PAUSE)
        return found
    return None
