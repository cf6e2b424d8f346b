"""Streaming responses of httpx and aiohttp: a download is passed straight into an upload."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Protocol, TypeGuard

import anyio

from imgwire_async.bodies.base import CLOSING_SECONDS, Patience, base_name, checked_chunk, refused
from imgwire_async.bodies.in_use import exclusive
from imgwire_async.errors import UploadSourceError


class HttpxResponse(Protocol):
    """An `httpx.Response`, as from `client.stream(...)` of an `httpx.AsyncClient`."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Tell the number of bytes."""
        ...

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The content, unpacked."""
        ...


class AiohttpContent(Protocol):
    """The `content` of an `aiohttp.ClientResponse`."""

    def iter_any(self) -> AsyncIterable[bytes]:
        """The content, decompressed unless the session is configured otherwise."""
        ...


class AiohttpResponse(Protocol):
    """An `aiohttp.ClientResponse`, as from `session.get(...)`."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Tell the number of bytes."""
        ...

    @property
    def content(self) -> AiohttpContent:
        """The bytes."""
        ...


def is_response(file: object) -> TypeGuard[HttpxResponse | AiohttpResponse]:
    """Whether `file` looks like one of the two."""
    has_content = hasattr(file, "aiter_bytes") or hasattr(getattr(file, "content", None), "iter_any")
    return has_content and isinstance(getattr(file, "headers", None), Mapping)


class ReceivedResponse:
    """The properties of a response that an upload needs.

    Args:
        response: the response.
        patience: how long to wait for a thread in which an earlier upload still reads it.

    Raises:
        UploadSourceError: the response is an error, so its body is not the image.
    """

    def __init__(self, response: HttpxResponse | AiohttpResponse, patience: Patience) -> None:
        status = getattr(response, "status_code", None) or getattr(response, "status", None)
        if isinstance(status, int) and not 200 <= status < 300:
            raise refused(f"the response to be uploaded has the status {status}")
        self._response = response
        self._patience = patience
        self.file_name = base_name(getattr(getattr(response, "url", None), "path", None))
        self.size = _content_length(response.headers)

    @asynccontextmanager
    async def stream(self) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """The content. The response stays open; closing it is up to the caller."""
        async with exclusive(self._response, self._patience), aclosing(self._chunks()) as chunks:
            yield chunks

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        response = self._response
        content = response.aiter_bytes() if hasattr(response, "aiter_bytes") else response.content.iter_any()
        try:
            async for chunk in content:
                yield checked_chunk(chunk, "the response")
        except UploadSourceError:
            raise
        except Exception as error:  # of an HTTP library that is not known here
            # The error's text may quote the received data.
            raise refused(f"receiving the response failed: {type(error).__name__}") from error
        finally:
            if isinstance(content, AsyncGenerator):
                await _abandon(content)


async def _abandon(content: AsyncGenerator[bytes, None]) -> None:
    """Cancel httpx's nested generators where they wait, instead of leaving them to the garbage collector."""
    # Other errors of an abandoned response do not matter.
    with suppress(Exception), anyio.CancelScope(shield=True) as scope:
        scope.cancel()
        async for _ in content:
            pass
    with anyio.move_on_after(CLOSING_SECONDS, shield=True):
        await content.aclose()


def _content_length(headers: Mapping[str, str]) -> int | None:
    """The number of bytes, or None if it is unknown or refers to compressed bytes."""
    packed = headers.get("content-encoding", "identity").lower() != "identity"
    length = headers.get("content-length", "")
    return int(length) if not packed and length.isascii() and length.isdigit() else None
