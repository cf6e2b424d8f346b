"""Ctrl-C and SIGTERM: a command exits with 130 or 143 and without a traceback, at any moment.

Imported before everything else, so it must not import slow modules.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_Handler: TypeAlias = "Callable[[int, FrameType | None], object]"

_received: list[int] = []


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
    """Make an event loop in the block cancel its work at a signal and raise `KeyboardInterrupt`."""
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


def _end_or_report(ignored: sys.UnraisableHookArgs) -> None:
    error = ignored.exc_value
    if isinstance(error, KeyboardInterrupt):
        os._exit(code_of(received()))
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        os._exit(error.code)
    sys.__unraisablehook__(ignored)


def _interrupt(number: int, _: FrameType | None) -> None:
    _received.append(number)
    # Event loops handle SIGINT themselves.
    signal.raise_signal(signal.SIGINT)


def _handle(handler: _Handler) -> None:
    for number in _SIGNALS:
        if signal.getsignal(number) == signal.SIG_IGN:
            continue  # as in a shell's background jobs
        ours = handler
        if handler is _interrupt and number == signal.SIGINT:
            ours = signal.default_int_handler  # replaced by event loops with their own handler
        signal.signal(number, ours)
