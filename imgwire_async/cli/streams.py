"""Robust standard streams: they may be closed, full, narrow, or in a legacy encoding."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from typing import Final, TextIO

from imgwire_async.cli.settings import settings

LEAST_WIDTH: Final = 40
"""Minimum columns for layout: a narrower terminal wraps the lines itself."""

_PLAINER: Final = str.maketrans(dict(zip("▁▂▃▄▅▆▇█·×…−–—’‘“”•│─", "_.-:=+*#-x~---''\"\"*|-", strict=True)))  # noqa: RUF001
_PLAINER[ord("\N{REPLACEMENT CHARACTER}")] = "?"


def _readable(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replaces characters that an encoding lacks by similar ones, or else by their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end].translate(_PLAINER)
    return lost.encode("ascii", "backslashreplace").decode(), error.end


def prepare_streams() -> None:
    """Make the standard streams usable in any state.

    A closed descriptor is opened on the null device, so that no file or connection gets its number. Reading
    from a closed standard input and writing to a closed standard output fail: nothing was read or shown.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # Gets the lowest free number, which is this one.
            os.open(os.devnull, os.O_RDONLY if descriptor == 1 else os.O_WRONLY)
            os.set_inheritable(descriptor, True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    codecs.register_error("imgwire_async.readable", _readable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="imgwire_async.readable")
    # Without a usable COLUMNS value, the terminal itself is queried.
    columns = os.environ.get("COLUMNS", "")
    if not columns.isdecimal() or int(columns) < LEAST_WIDTH:
        os.environ.pop("COLUMNS", None)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether the stream is a terminal, whatever environment variables say about colours."""
    return stream is not None and not stream.closed and stream.isatty()


def plain(text: str) -> str:
    """`text` without control characters: file names can contain terminal escape sequences."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def say(*lines: str) -> None:
    """Print lines to standard output, without control characters, so that each stays one line.

    Raises:
        OSError: they cannot be written.
    """
    _write(sys.stdout, lines)


def note(line: str) -> None:
    """Print a note to standard error, unless `--quiet` is given."""
    if not settings.quiet:
        complain(line)


def complain(*lines: str) -> None:
    """Print lines to standard error, like `say`. If that fails, there is nowhere to report it."""
    try:
        _write(sys.stderr, lines)
    except OSError:
        silence(sys.stderr)


class Beside:
    """Standard error for progress, silenced once it cannot be written, such as when its terminal is closed.

    Nobody sees the progress then, but the work that it is about goes on.

    Args:
        stream: standard error.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, or nothing."""
        try:
            return self._stream.write(text)
        except OSError:
            silence(self._stream)
            return len(text)

    def flush(self) -> None:
        """Write what is buffered, or nothing."""
        try:
            self._stream.flush()
        except OSError:
            silence(self._stream)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def silence(stream: TextIO) -> None:
    """Redirect a stream's unwritten buffer to the null device."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
        stream.flush()


def _write(stream: TextIO | None, lines: tuple[str, ...]) -> None:
    if stream is None:
        return
    stream.write("".join(f"{plain(line)}\n" for line in lines))
    stream.flush()
