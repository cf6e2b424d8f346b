"""Closing what belongs to the caller's code, in a call that may be cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from imgwire_async.core.concurrency.cancellation import is_cancelled
from imgwire_async.core.pace.local_limits import LONGEST_WAIT


async def close_patiently(close: Callable[[], Awaitable[object]], grace: float) -> None:
    """Await `close` for up to a minute, or for `grace` seconds after the call has been cancelled.

    Args:
        close: does not return if it is cancelled.
        grace: also the time for which a cancellation in the first moment does not reach `close`.

    Raises:
        BaseException: that of `close`.
    """
    if is_cancelled():
        with anyio.move_on_after(grace, shield=True):
            await close()
        return
    error: BaseException | None = None
    closed = anyio.Event()
    with anyio.move_on_after(LONGEST_WAIT, shield=True) as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_expose, scope, closed, grace)
            try:
                await close()
            except anyio.get_cancelled_exc_class():
                raise
            except BaseException as raised:  # noqa: BLE001 - raised below, without a group
                error = raised
            closed.set()  # cancelling the other task would leave garbage
    if error is not None:
        raise error


async def _expose(scope: anyio.CancelScope, closed: anyio.Event, seconds: float) -> None:
    """Let cancellations through after some seconds."""
    with anyio.move_on_after(seconds):
        await closed.wait()
    scope.shield = closed.is_set()
