"""Ctrl-C and SIGTERM: a command ends with 130 or 143, without a traceback, from its first moment to its last.

Imported before everything else, so it imports nothing that takes time.
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
    """The exit code of a command that a signal has ended."""
    return 128 + number


def received() -> int:
    """The signal that has interrupted the command; SIGINT where nothing else is known."""
    return _received[-1] if _received else signal.SIGINT


def at_once() -> None:
    """End the process at a signal: for as long as there is nothing to clean up."""
    _handle(lambda number, _: os._exit(code_of(number)))


def by_exit() -> None:
    """Leave the program as `sys.exit` does at a signal, which lets prompts restore the terminal."""
    _handle(lambda number, _: sys.exit(code_of(number)))


@contextmanager
def by_cancelling() -> Iterator[None]:
    """Let an event loop in the block cancel its work at a signal, and raise `KeyboardInterrupt`."""
    try:
        before = [(number, signal.getsignal(number)) for number in _SIGNALS]
        _received.clear()
        _handle(_interrupt)
    except ValueError:  # not in the main thread, where signals are somebody else's
        yield
        return
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _interrupt(number: int, _: FrameType | None) -> None:
    _received.append(number)
    # Event loops know how to end at a SIGINT.
    signal.raise_signal(signal.SIGINT)


def _handle(handler: _Handler) -> None:
    for number in _SIGNALS:
        if signal.getsignal(number) == signal.SIG_IGN:
            continue  # as in a shell's background jobs
        ours = handler
        if handler is _interrupt and number == signal.SIGINT:
            ours = signal.default_int_handler  # which event loops replace by their own
        signal.signal(number, ours)
