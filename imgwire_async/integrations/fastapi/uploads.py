"""Images that an application takes from its own callers and hands on, never whole in memory."""

from __future__ import annotations

from typing import Final, TypedDict, Unpack

from fastapi import HTTPException, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgwire_async.client import AsyncImgwireClient
from imgwire_async.models import Image, SupportedMimeType
from imgwire_async.resources.arguments import Metadata

_TOO_LARGE: Final = "The image is too large."


class UploadDetails(TypedDict, total=False):
    """What can be said about an image beside its bytes; see `images.upload`."""

    file_name: str | None
    mime_type: SupportedMimeType | str | None
    hash_sha256: str | None
    idempotency_key: str | None
    purpose: str | None
    custom_metadata: Metadata | None


async def upload_body(
    imgwire: AsyncImgwireClient, request: Request, *, max_bytes: int, **details: Unpack[UploadDetails]
) -> Image:
    """Send the body of a request to Imgwire while it arrives.

    The bytes cannot be had a second time. When sending them fails after the first of them, the upload fails;
    creating the record is retried as ever.

    Args:
        imgwire: the application's client.
        request: a request whose body is the image itself, not yet read.
        max_bytes: largest `Content-Length` that is accepted.
        **details: passed on to `images.upload`.

    Raises:
        HTTPException: 411 without a `Content-Length`, which Imgwire needs, and 413 if it is over `max_bytes`.
        ImgwireError: as `images.upload`.
    """
    length = _declared_length(request.headers.get("content-length", "").encode())
    if length is None:
        raise HTTPException(411, "The request needs a Content-Length.")
    if length > max_bytes:
        raise HTTPException(413, _TOO_LARGE)
    return await imgwire.images.upload(request.stream(), size=length, **details)


async def upload_form_file(
    imgwire: AsyncImgwireClient, file: UploadFile, *, max_bytes: int, **details: Unpack[UploadDetails]
) -> Image:
    """Send a file of a form to Imgwire.

    FastAPI has received the whole form by then, and has put all but small files on disk. `LimitBodySize`
    keeps it from doing so with forms that are too large.

    Args:
        imgwire: the application's client.
        file: the file; its name is stored unless `file_name` is given.
        max_bytes: largest file that is accepted.
        **details: passed on to `images.upload`.

    Raises:
        HTTPException: 413 if the file is over `max_bytes`.
        ImgwireError: as `images.upload`.
    """
    if file.size is not None and file.size > max_bytes:
        raise HTTPException(413, _TOO_LARGE)
    return await imgwire.images.upload(file, **details)


def _declared_length(header: bytes) -> int | None:
    """The number in a `Content-Length`; of more digits than any file has, the first ones are enough."""
    return int(header[:30]) if header.isdigit() else None


class LimitBodySize:
    """ASGI middleware that answers 413 to longer bodies: `app.add_middleware(LimitBodySize, max_bytes=…)`.

    A body of known length is refused before any of it is read, another one as soon as it is too long.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = scope["headers"]
        length = _declared_length(next((value for name, value in headers if name == b"content-length"), b""))
        if length is not None and length > self._max_bytes:
            await JSONResponse({"detail": _TOO_LARGE}, 413)(scope, receive, send)
            return
        received, answered, refused = 0, False, False

        async def counted_receive() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received <= self._max_bytes or refused:
                return message
            refused = True
            if not answered:
                await JSONResponse({"detail": _TOO_LARGE}, 413)(scope, receive, send)
            # For the application this request has ended.
            return {"type": "http.disconnect"}

        async def noted_send(message: Message) -> None:
            nonlocal answered
            if not refused:
                answered = True
                await send(message)

        await self._app(scope, counted_receive, noted_send)
