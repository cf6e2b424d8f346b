"""The type, size and bytes of a picture as delivered to a current browser."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Scope

from imgwire_async.sandbox.server.runtime import ServerRuntime

ACCEPT: Final = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
"""The `Accept` header that browsers send for images. For pages they list fewer types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A delivered picture, or the reason why it was not delivered."""

    error: str | None = None
    mime_type: str = ""
    width: int = 0
    """Pixels; 0 if the picture cannot be read here."""
    height: int = 0
    size_bytes: int = 0
    not_rendered: str = ""
    """Transformations that had no effect."""


async def deliver(application: ASGIApp, runtime: ServerRuntime, target: str) -> Delivered:
    """Request a picture from the service itself, bypassing faults and rate limits.

    Args:
        application: The service, behind its gateway.
        runtime: Provides temporary storage for the picture.
        target: Path and query, encoded.
    """
    received = _Received()
    path = runtime.files.incoming_file()
    try:
        with path.open("wb") as received.file:
            await application(_scope(target), _still_there, received.take)
        if received.status != 200:
            return Delivered(error=_detail(path) or f"status {received.status}")
        width, height = await asyncio.to_thread(_pixels, path)
        headers = Headers(raw=received.headers)
        return Delivered(
            mime_type=headers.get("content-type", ""),
            width=width,
            height=height,
            size_bytes=path.stat().st_size,
            not_rendered=next((v for k, v in headers.items() if k.endswith("sandbox-not-rendered")), ""),
        )
    finally:
        path.unlink(missing_ok=True)


class _Received:
    """A response that is being received into a file."""

    file: BinaryIO
    status = 0

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.file.write(message.get("body", b""))


def _scope(target: str) -> Scope:
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"accept", ACCEPT.encode())],
        "client": None,
        "server": None,
    }


async def _still_there() -> Message:
    # Responses listen for the end of their connection while they are sent.
    await asyncio.Event().wait()
    raise AssertionError


def _detail(path: Path) -> str:
    try:
        answer = json.loads(path.read_bytes())
    except ValueError:
        return ""
    if not isinstance(answer, dict):
        return ""
    first = next(iter(answer.get("errors", [])), answer)  # JSON:API has a list
    return str(first.get("detail", ""))


def _pixels(path: Path) -> tuple[int, int]:
    # Image libraries take a quarter of a second to import.
    import pyvips

    try:
        image = pyvips.Image.new_from_file(str(path))
    except pyvips.Error:
        return 0, 0
    return image.width, image.height
