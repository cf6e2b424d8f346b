"""Ctrl-C and SIGTERM: a command exits with 130 or 143 and without a traceback, at any moment.

Imported before everything else, so it must not import slow modules.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias, TypeVar

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_Handler: TypeAlias = "Callable[[int, FrameType | None], object]"

_Result = TypeVar("_Result")

_received: list[int] = []
_cancel: list[Callable[[], None]] = []
"""While an event loop runs, the last one cancels its work."""


def code_of(number: int) -> int:
    """The exit code of a command ended by a signal."""
    return 128 + number


def received() -> int:
    """The signal that interrupted the command; SIGINT if unknown."""
    return _received[-1] if _received else signal.SIGINT


def at_once() -> None:
    """End the process at a signal, while there is nothing to clean up."""
    _handle(lambda number, _: os._exit(code_of(number)))


def not_ignored() -> None:
    """End the process if a signal's exception is raised where Python ignores it, such as in a destructor."""
    sys.unraisablehook = _end_or_report


def by_exit() -> None:
    """Raise `SystemExit` at a signal, which lets prompts restore the terminal."""
    _handle(lambda number, _: sys.exit(code_of(number)))


@contextmanager
def by_cancelling() -> Iterator[None]:
    """At a signal, cancel what `run` runs, or raise `KeyboardInterrupt`; at a second one, exit."""
    try:
        before = [(number, signal.getsignal(number)) for number in _SIGNALS]
        _received.clear()
        _handle(_interrupt)
    except ValueError:  # not the main thread, so signals are handled elsewhere
        yield
        return
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def run(work: Callable[[], Awaitable[_Result]]) -> _Result:
    """Run `work` in an event loop, within `by_cancelling`.

    No exception is raised inside of the event loop, which it could break.

    Raises:
        KeyboardInterrupt: a signal has cancelled `work`, or arrived after its end.
    """
    import asyncio

    import anyio

    async def cancellable() -> _Result:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def cancel() -> None:
            if task is not None and not task.done():
                task.cancel()
                loop.call_soon_threadsafe(lambda: None)  # wakes the loop

        _cancel.append(cancel)
        if _received:  # while the loop started
            raise asyncio.CancelledError
        return await work()

    _cancel.append(lambda: None)
    try:
        result = anyio.run(cancellable)
    except asyncio.CancelledError:
        if not _received:
            raise
        raise KeyboardInterrupt from None
    finally:
        _cancel.clear()
    if _received:
        raise KeyboardInterrupt
    return result


@contextmanager
def read_by_work() -> Iterator[AsyncIterator[signal.Signals]]:
    """Let the work that `run` runs handle the signals in this block itself."""
    import anyio

    try:
        with anyio.open_signal_receiver(*_SIGNALS) as signals:
            yield signals
    finally:
        _handle(_interrupt)


def _end_or_report(ignored: sys.UnraisableHookArgs) -> None:
    error = ignored.exc_value
    if isinstance(error, KeyboardInterrupt):
        os._exit(code_of(received()))
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        os._exit(error.code)
    sys.__unraisablehook__(ignored)


def _interrupt(number: int, _: FrameType | None) -> None:
    _received.append(number)
    if len(_received) > 1:
        os._exit(code_of(number))
    if not _cancel:
        raise KeyboardInterrupt
    _cancel[-1]()


def _handle(handler: _Handler) -> None:
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # as in a shell's background jobs
            signal.signal(number, handler)
