"""Closing async objects of the caller's code, in a call that may be cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from imgwire_async.core.concurrency.cancellation import CallingTask
from imgwire_async.core.pace.local_limits import LONGEST_WAIT


async def close_patiently(close: Callable[[], Awaitable[object]], task: CallingTask, grace: float) -> None:
    """Await `close`, but not for ever.

    Args:
        close: closes the object; a later cancellation reaches it.
        task: the task of the call.
        grace: for how many seconds it may take if the call has been cancelled; otherwise it may take a
            minute.
    """
    if task.is_lost():
        return
    is_cancelled = task.is_cancelled()
    with anyio.move_on_after(grace if is_cancelled else LONGEST_WAIT, shield=is_cancelled):
        await close()
