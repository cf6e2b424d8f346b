"""Where the bytes of an upload come from: everything that a Python program may hold bytes in.

Types of other libraries are recognised by what they can do, so that none of them has to be installed.
Whatever blocks is done in worker threads. Of large content, one chunk at a time is in memory.
"""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Protocol, TypeAlias

from imgwire_async.core.threads import ExclusiveThread
from imgwire_async.uploads.base import Source, base_name, refused
from imgwire_async.uploads.files import (
    AsyncBinaryFile,
    AsyncFileAccess,
    BinaryFile,
    FileAccess,
    SyncFileAccess,
    chunks_of_file,
    seekable_source,
)
from imgwire_async.uploads.memory import open_bytes
from imgwire_async.uploads.paths import open_path
from imgwire_async.uploads.responses import AiohttpResponse, HttpxResponse, ReceivedResponse, is_response
from imgwire_async.uploads.streams import Chunks, fresh_stream, open_stream, stream_of


class FormFile(Protocol):
    """A file that came with a form: the `UploadFile` of FastAPI and Starlette."""

    @property
    def filename(self) -> str | None:
        """The name that the browser gave."""
        ...

    @property
    def file(self) -> BinaryFile:
        """The content."""
        ...


UploadFile: TypeAlias = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | BinaryFile
    | AsyncBinaryFile
    | FormFile
    | HttpxResponse
    | AiohttpResponse
    | Chunks
    | Callable[[], Chunks]
)
"""What `images.upload` accepts.

| What | Sent again after a failure |
| --- | --- |
| path: `str`, `PathLike`, `anyio.Path` | yes |
| `bytes`, `bytearray`, `memoryview` | yes |
| open binary file, also of anyio and aiofiles; `UploadFile` of FastAPI | yes, from where it stood |
| response of httpx or aiohttp that is being received | if its size is unknown |
| iterator of bytes, sync or async | if its size is unknown |
| function that returns such an iterator | yes |

What has no known size and cannot seek, such as a pipe, is put into a temporary file first, so that it can be
sent again.
"""


def open_source(
    file: UploadFile, *, size: int | None = None, replayable: bool = False
) -> AbstractAsyncContextManager[Source]:
    """Open `file` for the time of one upload.

    Args:
        file: what to upload.
        size: number of bytes, for a source that cannot tell.
        replayable: whether the source must be readable more than once, whatever `file` is.

    Raises:
        UploadSourceError: on entering, when `file` is missing, unreadable, empty, not a regular file, not
            of the given size, or of a type that holds no bytes.
    """
    source = _opened(file, size, replayable=replayable)
    return source if size is None else _of_size(source, size)


def _opened(file: object, size: int | None, *, replayable: bool) -> AbstractAsyncContextManager[Source]:
    match file:
        case bytes() | bytearray() | memoryview():
            return open_bytes(file)
        case str() | os.PathLike():
            return open_path(file)
        case io.TextIOBase():
            raise refused("the file was opened in text mode; open it with mode 'rb'")
        case _ if hasattr(file, "recv"):
            raise refused("cannot upload from a socket; pass its makefile('rb'), or an iterator of bytes")
        case _ if hasattr(file, "filename") and hasattr(file, "file"):
            return _open_file(file.file, base_name(file.filename), size, replayable=replayable)
        case _ if is_response(file):
            response = ReceivedResponse(file)
            return open_stream(
                response.stream,
                size=response.size if size is None else size,
                file_name=response.file_name,
                repeatable=False,
                replayable=replayable,
            )
        case _ if hasattr(file, "read"):
            name = base_name(getattr(file, "name", None))
            return _open_file(file, name, size, replayable=replayable)
        case AsyncIterable() | Iterable():
            stream = partial(stream_of, file)
            return open_stream(stream, size=size, file_name=None, repeatable=False, replayable=replayable)
        case _ if callable(file):
            stream = partial(fresh_stream, file)
            return open_stream(stream, size=size, file_name=None, repeatable=True, replayable=replayable)
    raise refused(
        f"cannot upload a {type(file).__name__}: pass the path of a file, its bytes, an open binary file, "
        "or an iterator of bytes"
    )


@asynccontextmanager
async def _open_file(
    file: BinaryFile | AsyncBinaryFile, file_name: str | None, size: int | None, *, replayable: bool
) -> AsyncGenerator[Source, None]:
    thread = ExclusiveThread()
    access: FileAccess = (
        AsyncFileAccess(file) if inspect.iscoroutinefunction(file.read) else SyncFileAccess(file, thread)
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(thread.end)
        source = await seekable_source(access, file_name)
        if source is None:
            stream = partial(stream_of, chunks_of_file(access))
            source = await stack.enter_async_context(
                open_stream(stream, size=size, file_name=file_name, repeatable=False, replayable=replayable)
            )
        yield source


@asynccontextmanager
async def _of_size(opened: AbstractAsyncContextManager[Source], size: int) -> AsyncGenerator[Source, None]:
    async with opened as source:
        if source.size != size:
            raise refused(f"size={size} is wrong: the source has {source.size} bytes")
        yield source
