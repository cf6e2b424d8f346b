"""Settings of connections that every transport has in common."""

from __future__ import annotations

import socket
from typing import Final

KEEPALIVE_SECONDS: Final = 30.0
"""How long a connection stays open without a request."""

# At most so many unsent bytes are left to the kernel, which would otherwise take megabytes at once and then
# none for a long time: a slow connection would look like a stalled one. (Windows does not know it.)
SOCKET_OPTIONS: Final = (
    [(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 128 * 1024)]
    if hasattr(socket, "TCP_NOTSENT_LOWAT")
    else []
)
