"""Open files that the caller passes as a target: sync ones, which are used in threads, and async ones.

They are checked before the first request, written from their current position, and left open.
"""

from __future__ import annotations

import codecs
import inspect
import io
import operator
from collections.abc import Callable, Coroutine
from typing import Any, BinaryIO, Final, Protocol, TypeAlias, TypeVar

from imgwire_async.core.concurrency.cancellation import ForeignCode
from imgwire_async.core.concurrency.open_files import OpenFile
from imgwire_async.core.concurrency.threads import ExclusiveThread
from imgwire_async.errors import DownloadTargetError, ImgwireError, InvalidArgumentError

T = TypeVar("T")

BLOCK_SIZE: Final = 1024 * 1024
"""Bytes that are buffered before a write, and so roughly the memory that one download takes."""


class AsyncBinaryTarget(Protocol):
    """A binary file of anyio or aiofiles, or anything with an async `write`.

    If it has async `flush`, `tell`, `seek` and `truncate` as well, a download into it can be restarted.
    """

    async def write(self, data: bytes, /) -> object:
        """Write some bytes; returns how many, or None for all."""
        ...


FileTarget: TypeAlias = BinaryIO | AsyncBinaryTarget
"""An open file that a download can be written to."""


class FileSink:
    """A sink that writes a download to a file in large blocks."""

    def __init__(self, file: OutputFile) -> None:
        self._file = file
        self._waiting: list[bytes] = []
        self._size = 0

    async def write(self, chunk: bytes) -> None:
        """Buffer some bytes, and write them once they fill a block."""
        self._waiting.append(chunk)
        self._size += len(chunk)
        if self._size >= BLOCK_SIZE:
            await self.flush()

    async def flush(self) -> None:
        """Write the buffered bytes.

        Raises:
            DownloadTargetError: the file cannot be written.
        """
        chunks, self._waiting, self._size = self._waiting, [], 0
        await self._file.write(b"".join(chunks))

    async def restart(self) -> bool:
        """Truncate the file to where the download started; False if that is not possible."""
        self._waiting, self._size = [], 0
        return await self._file.cut_back()


class OutputFile:
    """An open binary file that is written. Its errors are raised as `DownloadTargetError`.

    Args:
        file: the file, positioned where the download begins.
        name: its name in errors.
        thread: where a sync file is used, which its creator has to `end`; None for an async one.
        before: called where the file is used before the first bytes are written.
    """

    def __init__(
        self,
        file: BinaryIO | AsyncBinaryTarget,
        name: str,
        thread: ExclusiveThread | None,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._open_file = OpenFile(file, thread)
        self._file = file
        self._name = name
        self._before = before
        self._start: int | None = None
        self._opened = False

    async def write(self, data: bytes) -> None:
        """Write all of `data` and flush it."""
        await self._run(lambda: self._write(data))

    async def cut_back(self) -> bool:
        """Truncate the file to its initial position; False if that is not possible."""
        return await self._run(self._cut_back)

    async def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        with ForeignCode("the file", DownloadTargetError):
            return await self._open_file.run(lambda: self._typed(work))

    async def _typed(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            if not self._opened:
                self._opened = True
                self._before()
                self._start = await self._position()
            return await work()
        except ImgwireError:
            raise
        except Exception as error:
            raise target_error(self._name, error) from error

    async def _write(self, data: bytes) -> None:
        rest: bytes | memoryview = data if self._open_file.thread is None else memoryview(data)
        while rest:
            written: object = await self._open_file.call("write", rest)
            if written is None and not isinstance(self._file, io.RawIOBase):
                break  # not a file of `io`, and it does not say
            rest = rest[_counted(written) :]
        if hasattr(self._file, "flush"):
            await self._open_file.call("flush")

    async def _position(self) -> int | None:
        if not all(hasattr(self._file, name) for name in ("tell", "seek", "truncate")):
            return None
        if hasattr(self._file, "seekable") and not await self._open_file.call("seekable"):
            return None
        position: int = await self._open_file.call("tell")
        return position

    async def _cut_back(self) -> bool:
        if self._start is None:
            return False
        await self._open_file.call("seek", self._start)
        await self._open_file.call("truncate")
        return True


async def open_target(file: object, thread: ExclusiveThread) -> OutputFile:
    """Wrap the caller's file after checking that it can be written to.

    Args:
        file: what the caller passes as `to=`.
        thread: where a sync file is used.

    Raises:
        InvalidArgumentError: it is closed, in text mode, open for reading only, or not a binary file.
        DownloadTargetError: checking it raised an error.
    """
    try:
        with ForeignCode("the file", DownloadTargetError):
            problem = await _problem_of(file)
    except ImgwireError:
        raise
    except Exception as error:
        raise target_error("to the file", error) from error
    if problem is not None:
        raise InvalidArgumentError(f"to= {problem}")
    thread_of_file = None if _is_async(file.write) else thread  # type: ignore[attr-defined]
    return OutputFile(file, "to the file", thread_of_file)  # type: ignore[arg-type]


async def _problem_of(file: Any) -> str | None:  # noqa: ANN401 - anything may be passed
    write = getattr(file, "write", None)
    if isinstance(file, type) or not callable(write):
        return f"must be a path or a binary file that is open for writing, got {type(file).__name__}"
    if isinstance(file, io.TextIOBase | codecs.StreamWriter) or isinstance(
        getattr(file, "encoding", None), str
    ):
        return "is a file in text mode; open it in binary mode ('wb')"
    if _is_closed(file):
        return "is a closed file"
    if not await _is_writable(file):
        return "is a file that was opened for reading only"
    if not _is_async(write) and not callable(getattr(file, "flush", None)):
        return f"must be a binary file; a {type(file).__name__} has write() but is not a file"
    return None


def _is_async(write: object) -> bool:
    return inspect.iscoroutinefunction(write) or inspect.iscoroutinefunction(getattr(write, "__call__", None))  # noqa: B004


def _is_closed(file: Any) -> bool:  # noqa: ANN401 - any duck
    inner = getattr(file, "file", None)  # of a form file, or a temporary one
    return getattr(file, "closed", False) is True or getattr(inner, "closed", False) is True


async def _is_writable(file: Any) -> bool:  # noqa: ANN401 - any duck
    writable = getattr(file, "writable", None)
    if callable(writable):
        return bool(await _result(writable()))
    mode = getattr(file, "mode", None)
    return not isinstance(mode, str) or any(letter in mode for letter in "wax+")


async def _result(value: Any) -> object:  # noqa: ANN401 - of a method that may be async
    return await value if inspect.isawaitable(value) else value


def _counted(written: object) -> int:
    """How many bytes `write` reported as written."""
    if inspect.isawaitable(written):
        if inspect.iscoroutine(written):
            written.close()
        raise TypeError("its write() returned an awaitable; an async write must be an async function")
    if written is None or (written == 0 and not isinstance(written, bool)):
        raise BlockingIOError("the file accepts no more bytes")
    try:
        count = -1 if isinstance(written, bool) else operator.index(written)  # type: ignore[arg-type]
    except TypeError:
        count = -1
    if count < 0:
        raise TypeError(f"its write() returned {written!r}, not the number of bytes written")
    return count


def target_error(name: str, error: Exception) -> DownloadTargetError:
    """The error for a target that the operating system or the caller's file rejects."""
    number = error.errno if isinstance(error, OSError) else None
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return DownloadTargetError(f"cannot write {name}: {reason}", errno=number)
