"""Connection settings shared by all transports."""

from __future__ import annotations

import socket
from typing import Final

KEEPALIVE_SECONDS: Final = 30.0
"""How long an idle connection stays open, in seconds."""

# Limits the unsent bytes that the kernel buffers. It would otherwise take megabytes at once and then none for
# a long time, so a slow connection would look like a stalled one. (Not available on Windows.)
SOCKET_OPTIONS: Final = (
    [(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 128 * 1024)]
    if hasattr(socket, "TCP_NOTSENT_LOWAT")
    else []
)
