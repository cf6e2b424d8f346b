"""Access to the connection under a request, for faults that HTTP itself cannot express."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import cast

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_KEY = "imgwire.transport"


class SandboxProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol that shows its transport to the application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wrap the application of this connection."""
        super().connection_made(transport)
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
