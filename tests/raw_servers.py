"""Servers on bare sockets, for responses that no well-behaved server would send."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

if sys.platform == "linux":
    import fcntl
    import termios

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Behaviour = Callable[["Connection"], None]


@dataclass
class Connection:
    """One accepted connection, and the bytes read from it so far."""

    socket: socket.socket
    server: RawServer
    unread: bytes = b""

    def read_head(self) -> bytes:
        """The next request line and headers; empty when the client has closed the connection."""
        while b"\r\n\r\n" not in self.unread:
            data = self.socket.recv(65536)
            if not data:
                return b""
            self.unread += data
        head, self.unread = self.unread.split(b"\r\n\r\n", 1)
        self.server.heads.append(head)
        return head

    def read_body(self, head: bytes) -> bytes:
        """The whole body that `head` declares, or the part of it that arrived."""
        length = content_length(head)
        body = bytearray(self.unread[:length])
        self.unread = self.unread[length:]
        while len(body) < length:
            data = self.socket.recv(min(1 << 20, length - len(body)))
            if not data:
                break
            body += data
        self.server.bodies.append(bytes(body))
        return bytes(body)

    def read_request(self) -> bytes:
        """The head of a request that was read completely."""
        head = self.read_head()
        self.read_body(head)
        return head

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hang_up(self) -> None:
        self.socket.close()

    def wait_until_received(self) -> None:
        """Wait until the client's machine has all that was sent, which a reset would otherwise discard."""
        if sys.platform != "linux":
            time.sleep(0.02)
            return
        while int.from_bytes(fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4)), sys.byteorder):
            time.sleep(0.001)

    def reset(self) -> None:
        """Close with a TCP RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def wait_for_end_of_test(self) -> None:
        self.server.ended.wait(30)


@dataclass
class RawServer:
    """A listening socket that handles all connections with the same behaviour, each in its own thread."""

    base_url: str
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def raw_server(behaviour: Behaviour, *, receive_buffer: int | None = None) -> Iterator[RawServer]:
    """Serve until the block is left; `behaviour` may raise OSError when the client goes away."""
    with socket.socket() as listener:
        if receive_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        server = RawServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        accepted: list[socket.socket] = []
        threads: list[threading.Thread] = []

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                behaviour(Connection(connection, server))

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                server.connections += 1
                accepted.append(connection)
                thread = threading.Thread(target=serve, args=(connection,), daemon=True)
                threads.append(thread)
                thread.start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield server
        finally:
            server.ended.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            acceptor.join(5)
            for connection in accepted:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(5)


def content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


def answer(status: int, body: bytes = b"{}", *headers: str) -> bytes:
    """A complete HTTP/1.1 response."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def always(data: bytes) -> Behaviour:
    """Read each request completely and respond with `data`; connections are kept open."""

    def behave(connection: Connection) -> None:
        while head := connection.read_head():
            connection.read_body(head)
            connection.send(data)

    return behave


def in_turn(*answers: bytes) -> Behaviour:
    """Respond to the first request with the first of `answers` and so on; the last one is repeated."""
    left = list(answers)
    lock = threading.Lock()

    def behave(connection: Connection) -> None:
        while head := connection.read_head():
            connection.read_body(head)
            with lock:
                data = left.pop(0) if len(left) > 1 else left[0]
            connection.send(data)

    return behave


@contextlib.contextmanager
def full_listener() -> Iterator[str]:
    """The URL of a host that accepts no more connections, like one behind a firewall."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = waiting.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
