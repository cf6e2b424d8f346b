"""Sources of uploads: everything in which a Python program may hold bytes.

Types of other libraries are recognised by their methods, so none of the libraries has to be installed.
Blocking calls run in worker threads. Large content is held in memory one chunk at a time.
"""

from __future__ import annotations

import gzip
import inspect
import io
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager, suppress
from functools import partial
from tarfile import ExFileObject
from types import TracebackType
from typing import IO, Literal, Protocol, TypeAlias, TypeGuard

from imgwire_async.bodies.base import (
    Patience,
    Source,
    base_name,
    opened_in_thread,
    refused,
    source_errors,
    source_thread,
)
from imgwire_async.bodies.files import (
    AsyncBinaryFile,
    AsyncWholeFile,
    BinaryFile,
    FileAccess,
    WholeFile,
    chunks_of_file,
    seekable_source,
    takes_size,
)
from imgwire_async.bodies.in_use import exclusive
from imgwire_async.bodies.memory import open_bytes
from imgwire_async.bodies.objects import StoredObject, open_object
from imgwire_async.bodies.paths import open_path
from imgwire_async.bodies.responses import AiohttpResponse, HttpxResponse, ReceivedResponse, is_response
from imgwire_async.bodies.streams import Chunks, fresh_stream, open_stream, stream_of
from imgwire_async.bodies.tar_members import TarMember, is_tar_member
from imgwire_async.core.concurrency.cancellation import ForeignCode
from imgwire_async.errors import UploadSourceError
from imgwire_async.stores.uris import is_object, local_path


class FormFile(Protocol):
    """A file from a form in FastAPI, Starlette, Litestar, aiohttp or Bottle."""

    @property
    def filename(self) -> str | None:
        """The name that the browser gave."""
        ...

    @property
    def file(self) -> BinaryFile:
        """The content."""
        ...


class FormStream(Protocol):
    """A file from a form: `FileStorage` of Flask, Quart and Werkzeug, or Falcon's `BodyPart`."""

    @property
    def filename(self) -> str | None:
        """The name that the browser sent. `name` is the name of the form's field."""
        ...

    @property
    def stream(self) -> BinaryFile:
        """The content."""
        ...


class Resource(Protocol):
    """Something that can be opened but has no path: a `zipfile.Path`, or a resource of a package."""

    @property
    def name(self) -> str:
        """Its name without folders."""
        ...

    def open(self, mode: Literal["rb"]) -> IO[bytes]:
        """The content as a file."""
        ...

    def read_bytes(self) -> bytes:
        """All of the content."""
        ...


UploadFile: TypeAlias = (
    str
    | os.PathLike[str]
    | StoredObject
    | bytes
    | bytearray
    | memoryview
    | BinaryFile
    | AsyncBinaryFile
    | WholeFile
    | AsyncWholeFile
    | Resource
    | FormFile
    | FormStream
    | HttpxResponse
    | AiohttpResponse
    | Chunks
    | Callable[[], Chunks]
)
"""What `images.upload` accepts.

| Source | Sent again after a failure | | --- | --- | | path: `str`, `PathLike`, `anyio.Path`; also as text
with `file://` | yes | | object of a cloud store: text such as `s3://bucket/key`, or a `StoredObject` | yes,
the same version | | `bytes`, `bytearray`, `memoryview` | yes | | open binary file, also of anyio and aiofiles
| yes, from its initial position | | uploaded file of a web framework | yes, from its first byte, whatever its
position | | opened member of a zip or tar archive; `zipfile.Path` | yes | | streaming response of httpx or
aiohttp | if its size is unknown | | iterator of bytes, sync or async | if its size is unknown | | function
that returns such an iterator | yes |

Content of unknown size that cannot seek, such as a pipe, is first copied to a temporary file, so that it can
be sent again.

A member of a compressed tar archive does not know its own name before Python 3.13; pass `file_name=`. Such
members must not be uploaded while something else reads the archive.

Concurrent uploads of the same open file, iterator or response run one after the other. A sync file
that a cancelled upload still reads is in use until the read returns.
"""


class _OpenSource:
    """A source, open inside of the block."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[Source]]) -> None:
        self._make = make
        self._opened: AbstractAsyncContextManager[Source]

    async def __aenter__(self) -> Source:
        with ForeignCode("the source", UploadSourceError):
            with source_errors("cannot use the source"):
                self._opened = self._make()
            return await self._opened.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._opened.__aexit__(kind, error, traceback)


def open_source(
    file: UploadFile,
    *,
    size: int | None = None,
    replayable: bool = False,
    patience: Patience = Patience(),  # noqa: B008 - immutable
) -> AbstractAsyncContextManager[Source]:
    """Open `file` for the duration of one upload.

    Args:
        file: what to upload.
        size: number of bytes, for a source of unknown size.
        replayable: whether the source must be readable more than once, whatever `file` is.
        patience: how long the source may yield nothing.

    Raises:
        UploadSourceError: on entering, `file` does not exist, cannot be read, is empty, is not a regular
            file, is not of the given size, or is not a supported source of bytes; or the caller's own code
            failed.
        APITimeoutError: on entering, reading it stalled.
    """
    if type(file) is bytes and size is None:
        return open_bytes(file)  # runs no code of the caller

    def opened() -> AbstractAsyncContextManager[Source]:
        found = _opened(file, size, patience, replayable=replayable)
        return found if size is None else _of_size(found, size)

    return _OpenSource(opened)


def _opened(
    file: object, size: int | None, patience: Patience, *, replayable: bool
) -> AbstractAsyncContextManager[Source]:
    match file:
        case bytes() | bytearray() | memoryview():
            return open_bytes(file)
        case str() if is_object(file):
            return open_object(StoredObject(uri=file), patience)
        case StoredObject():
            return open_object(file, patience)
        case str() if (path := local_path(file)) is not None:
            return open_path(path, patience)
        case str() | os.PathLike():
            return open_path(file, patience)
        case io.TextIOBase():
            raise refused("the file was opened in text mode; open it with mode 'rb'")
        case _ if hasattr(file, "recv"):
            raise refused("cannot upload from a socket; pass its makefile('rb'), or an iterator of bytes")
        case _ if (content := _content_of_form_file(file)) is not None and hasattr(file, "filename"):
            # The whole file was received; a handler that read its magic bytes still wants all of it sent.
            name = base_name(file.filename)
            return _open_file(content, name, size, patience, replayable=replayable, rewind=True)
        case _ if is_response(file):
            response = ReceivedResponse(file, patience)
            return open_stream(
                response.stream,
                patience,
                size=response.size if size is None else size,
                file_name=response.file_name,
                repeatable=False,
                replayable=replayable,
            )
        case _ if is_tar_member(file):
            return _open_tar_member(file, size, patience, replayable=replayable)
        case _ if _is_resource(file):
            return _open_resource(file, size, patience, replayable=replayable)
        case _ if hasattr(file, "read"):
            return _open_file(file, _name_of(file), size, patience, replayable=replayable)
        case AsyncIterable() | Iterable():
            stream, repeatable = partial(stream_of, file, patience), False
        case _ if callable(file):
            stream, repeatable = partial(fresh_stream, file, patience), True
        case _:
            raise refused(
                f"cannot upload a {type(file).__name__}: pass the path of a file, its bytes, an open binary "
                "file, or an iterator of bytes"
            )
    return open_stream(
        stream, patience, size=size, file_name=None, repeatable=repeatable, replayable=replayable
    )


def _name_of(file: object) -> str | None:
    name = base_name(getattr(file, "name", None))
    if name is not None and isinstance(file, gzip.GzipFile):
        return name.removesuffix(".gz")  # reading it decompresses
    if isinstance(file, ExFileObject):  # a sparse one, which is not read as a `TarMember`
        # Some versions of Python name the members of an archive after the archive.
        archive = getattr(getattr(file, "raw", None), "fileobj", None)
        return None if name == base_name(getattr(archive, "name", None)) else name
    return name


def _is_resource(file: object) -> TypeGuard[Resource]:
    return all(hasattr(file, name) for name in ("name", "open", "read_bytes"))


def _content_of_form_file(file: object) -> BinaryFile | None:
    for name in ("file", "stream"):
        content: BinaryFile | None = getattr(file, name, None)
        if hasattr(content, "read"):
            return content
    return None


@asynccontextmanager
async def _open_file(
    file: BinaryFile | AsyncBinaryFile | WholeFile | AsyncWholeFile,
    file_name: str | None,
    size: int | None,
    patience: Patience,
    *,
    replayable: bool,
    rewind: bool = False,
    close: Callable[[], object] | None = None,
) -> AsyncGenerator[Source, None]:
    thread = None if inspect.iscoroutinefunction(file.read) else source_thread()
    access = FileAccess(file, thread, close)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(exclusive(file, patience, thread, access.end))
        if not takes_size(file):
            with patience.step():
                content = await access.read_all()
            yield await stack.enter_async_context(open_bytes(content, file_name))
            return
        if rewind:
            with suppress(UploadSourceError), patience.step():
                await access.seek(0)
        source = await seekable_source(access, file_name, patience)
        if source is None:
            stream = partial(_chunks_of, access)
            source = await stack.enter_async_context(
                open_stream(
                    stream,
                    patience,
                    size=size,
                    file_name=file_name,
                    repeatable=False,
                    replayable=replayable,
                )
            )
        yield source


@asynccontextmanager
async def _open_resource(
    resource: Resource, size: int | None, patience: Patience, *, replayable: bool
) -> AsyncGenerator[Source, None]:
    def open_it() -> IO[bytes]:
        with source_errors("cannot open the file"):
            file = resource.open("rb")
            if not hasattr(file, "read"):
                raise refused(f"its open() returned a {type(file).__name__} instead of a file")
            return file

    with source_errors("cannot open the file"):
        name = base_name(resource.name)
    file = await opened_in_thread(open_it, lambda file: file.close(), patience)
    opened = _open_file(file, name, size, patience, replayable=replayable, close=file.close)
    async with opened as source:
        yield source


@asynccontextmanager
async def _open_tar_member(
    file: ExFileObject, size: int | None, patience: Patience, *, replayable: bool
) -> AsyncGenerator[Source, None]:
    with patience.step(), source_errors("cannot read the member of the archive"):
        member = await source_thread().run(lambda: TarMember(file))
    opened = _open_file(member, base_name(member.name), size, patience, replayable=replayable)
    async with opened as source:
        yield source


@asynccontextmanager
async def _chunks_of(access: FileAccess) -> AsyncGenerator[AsyncIterator[bytes], None]:
    async with aclosing(chunks_of_file(access)) as chunks:
        yield chunks


@asynccontextmanager
async def _of_size(opened: AbstractAsyncContextManager[Source], size: int) -> AsyncGenerator[Source, None]:
    async with opened as source:
        if source.size != size:
            raise refused(f"size={size} is wrong: the source has {source.size} bytes")
        yield source
