"""Passes images from an application's callers on to Imgwire, without holding them in memory as a whole."""

from __future__ import annotations

import io
from typing import IO, Final, TypedDict, Unpack

from fastapi import HTTPException, UploadFile
from starlette.requests import ClientDisconnect, Request

from imgwire_async.bodies.base import Patience, source_thread
from imgwire_async.bodies.in_use import exclusive
from imgwire_async.core.pace.local_limits import LONGEST_WAIT
from imgwire_async.core.values.metadata import Metadata
from imgwire_async.errors import UploadSourceError
from imgwire_async.imgwire.client import AsyncImgwireClient
from imgwire_async.imgwire.resources.arguments import as_whole
from imgwire_async.integrations.fastapi.limits import TOO_LARGE, declared_length
from imgwire_async.models import Image, SupportedMimeType

_ALREADY_READ: Final = "it is not seekable, and part of it has already been read"
_CANNOT_SEEK: Final = (OSError, ValueError, AttributeError)
"""Also raised for a closed file, which `images.upload` reports."""


class UploadDetails(TypedDict, total=False):
    """Arguments of `images.upload` that describe an image; see there."""

    file_name: str | None
    mime_type: SupportedMimeType | str | None
    hash_sha256: str | None
    idempotency_key: str | None
    purpose: str | None
    custom_metadata: Metadata | None


async def upload_body(
    imgwire: AsyncImgwireClient, request: Request, *, max_bytes: int, **details: Unpack[UploadDetails]
) -> Image:
    """Stream the body of a request to Imgwire as it arrives.

    The bytes can be read only once. If sending fails after the first byte, the upload fails; creating the
    record is retried as usual. If the caller stops sending, the upload times out: before the first bytes are
    sent to Imgwire after the shortest of the client's `read`, `write` and `total` timeouts, then after
    `write`.

    Args:
        imgwire: the application's client.
        request: a request whose body is the image itself, not yet read.
        max_bytes: largest `Content-Length` that is accepted.
        **details: passed on to `images.upload`.

    Raises:
        HTTPException: 411 without a `Content-Length`, which Imgwire needs, and 413 if it is over `max_bytes`.
        ClientDisconnect: the caller has disconnected.
        ImgwireError: as for `images.upload`.
    """
    max_bytes = as_whole(max_bytes, "max_bytes", "upload_body")
    length = declared_length(request.headers.get("content-length", "").encode())
    if length is None:
        raise HTTPException(411, "The request needs a Content-Length.")
    if length > max_bytes:
        raise HTTPException(413, TOO_LARGE)
    try:
        return await imgwire.images.upload(request.stream(), size=length, **details)
    except UploadSourceError as error:
        # The framework's own exceptions are for the framework to handle.
        if not isinstance(error.__cause__, ClientDisconnect | HTTPException):
            raise
        of_the_request = error.__cause__
    raise of_the_request


async def upload_form_file(
    imgwire: AsyncImgwireClient, file: UploadFile, *, max_bytes: int, **details: Unpack[UploadDetails]
) -> Image:
    """Upload a form's file to Imgwire from its first byte, even if the handler has read from it before.

    By then FastAPI has received the whole form and written all but small files to disk. Use `LimitBodySize`
    to reject forms that are too large before that.

    Args:
        imgwire: the application's client.
        file: the file; its name is stored unless `file_name` is given.
        max_bytes: largest file that is accepted.
        **details: passed on to `images.upload`.

    Raises:
        HTTPException: 413 if the file is over `max_bytes`, whatever its `size` says.
        UploadSourceError: the file cannot seek, and the handler has read from it before.
        ImgwireError: as for `images.upload`.
    """
    max_bytes = as_whole(max_bytes, "max_bytes", "upload_form_file")
    thread = source_thread()
    async with exclusive(file, Patience(LONGEST_WAIT), thread, thread.end):  # another call may be reading it
        size = await thread.run(lambda: _rewind(file.file))
        if max(size or 0, file.size or 0) > max_bytes:
            raise HTTPException(413, TOO_LARGE)
    # Both wait for their turn.
    if size is None:
        return await _upload_counted(imgwire, _CountedFile(file, max_bytes), details)
    # This rewinds the file again.
    return await imgwire.images.upload(file, **details)


async def _upload_counted(imgwire: AsyncImgwireClient, file: _CountedFile, details: UploadDetails) -> Image:
    try:
        return await imgwire.images.upload(file, **details)
    except UploadSourceError:
        if file.is_too_large:
            raise HTTPException(413, TOO_LARGE) from None
        raise


def _rewind(file: IO[bytes]) -> int | None:
    """Rewind the file. Returns its length, or None if that cannot be measured.

    Raises:
        UploadSourceError: it cannot seek, and has been read from.
    """
    try:
        file.seek(0)
    except _CANNOT_SEEK:
        if _position(file) > 0:
            raise UploadSourceError(
                f"cannot read the file: {_ALREADY_READ}", operation="images.upload"
            ) from None
        return None
    try:
        return file.seek(0, io.SEEK_END)
    except _CANNOT_SEEK:
        return None
    finally:
        file.seek(0)


def _position(file: IO[bytes]) -> int:
    try:
        return file.tell()
    except _CANNOT_SEEK:
        return 0


class _CountedFile:
    """A form's file that cannot seek, so its length is known only while reading it."""

    def __init__(self, file: UploadFile, max_bytes: int) -> None:
        self.filename = file.filename
        self.file = self
        self.wrapped = file.file  # which `exclusive` finds
        self._announced = file.size or 0
        self._max_bytes = max_bytes
        self._received = 0

    @property
    def is_too_large(self) -> bool:
        """Whether more than the limit has been read."""
        return self._received > self._max_bytes

    def read(self, size: int, /) -> bytes:
        """The next piece; raises what `images.upload` reports as an unusable source."""
        piece = self.wrapped.read(size)
        self._received += len(piece)
        if self.is_too_large:
            raise ValueError("it is longer than max_bytes")
        if not piece and self._received < self._announced:
            raise ValueError(_ALREADY_READ)
        return piece
