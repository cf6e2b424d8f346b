"""The connection under a request: the spelling of headers, and faults that HTTP itself cannot express."""

from __future__ import annotations

import asyncio
import socket
import struct
from functools import lru_cache
from typing import cast

import h11
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_KEY = "imgwire.transport"
LONGEST_HEAD_BYTES = 64 * 1024
"""Longest start line and headers of a request."""


class _DocumentedSpelling(h11.Connection):
    """Sends header names as the service documents them, such as `X-Total-Count`.

    ASGI and Starlette write them in lower case. HTTP ignores the case of names, but some clients look them
    up in a plain dict.
    """

    def send(self, event: h11.Event) -> bytes | None:  # type: ignore[override]
        """Encode an event."""
        if isinstance(event, h11.Response):
            event = h11.Response(
                status_code=event.status_code,
                reason=event.reason,
                http_version=event.http_version,
                headers=[(_documented(name), value) for name, value in event.headers.raw_items()],
            )
        return super().send(event)


@lru_cache(maxsize=256)
def _documented(name: bytes) -> bytes:
    return b"ETag" if name.lower() == b"etag" else name.title()


class SandboxProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol that shows its transport to the application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wrap the application of this connection."""
        super().connection_made(transport)
        self.conn = _DocumentedSpelling(h11.SERVER, LONGEST_HEAD_BYTES)
        application = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope[_KEY] = transport
            await application(scope, receive, send)

        self.app = with_transport


def reset_connection(scope: Scope) -> None:
    """Kill the connection with a TCP RST, dropping what has not been sent."""
    transport = cast("asyncio.Transport", scope[_KEY])
    sock = cast("socket.socket", transport.get_extra_info("socket"))
    if not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def close_connection(scope: Scope) -> None:
    """Close the connection after what has been written is sent."""
    cast("asyncio.Transport", scope[_KEY]).close()
