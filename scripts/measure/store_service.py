"""An S3 for benchmarks: any number of keys, objects of 60 kB, and one large object, all made up.

    python scripts/measure/store_service.py      prints its URL and runs until its standard input ends

Its buckets are `keys-COUNT`, `objects-COUNT`, and `slow-objects-COUNT`, which takes 30 ms longer for each
GET; `large-MIB` has `large.jpg`, of a multiple of 16 MiB. Pages are rendered by replacing a number
in a template, and the large object is sent by the kernel, so that the client is what is measured.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from typing import IO
from urllib.parse import parse_qs, urlsplit

MIB = 1024 * 1024
SMALL = 60_000
PAGE = 1000
DELAY = 0.03
JPEG_START = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
BLOCK = 16 * MIB
ETAG = '"0123456789abcdef0123456789abcdef"'

_KEYS = [
    f"<Contents><Key>folder-PPPPPPPP/{number:03}.jpg</Key><LastModified>2026-11-28T00:00:00.000Z</LastModified>"
    f"<ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><Size>{SMALL}</Size>"
    "<StorageClass>STANDARD</StorageClass></Contents>".encode()
    for number in range(PAGE)
]
_FULL_PAGE = b"".join(_KEYS)


class Connection(asyncio.Protocol):
    """One connection; requests have no bodies and follow each other."""

    block: IO[bytes]

    def __init__(self) -> None:
        self._head = b""
        self._work: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to respond on."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Respond to a request when its head is complete."""
        head, separator, rest = (self._head + data).partition(b"\r\n\r\n")
        self._head = rest if separator else head
        if separator:
            self._work = asyncio.ensure_future(self._respond(head))

    async def _respond(self, head: bytes) -> None:
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        parts = urlsplit(target)
        bucket, _, key = parts.path.removeprefix("/").partition("/")
        kind, _, count = bucket.rpartition("-")
        if not key:
            self._send(page(int(count), parse_qs(parts.query)), "application/xml")
        elif kind == "large":
            self._send_head(int(count) * MIB, "image/jpeg")
            if method == "GET":
                for _ in range(int(count) * MIB // BLOCK):
                    await asyncio.get_running_loop().sendfile(self._transport, self.block)
        else:
            if kind == "slow-objects":
                await asyncio.sleep(DELAY)
            number = int(re.sub(r"\D", "", key))
            self._send((JPEG_START + number.to_bytes(8, "big")).ljust(SMALL, b"\0"), "image/jpeg")

    def _send(self, content: bytes, content_type: str) -> None:
        self._send_head(len(content), content_type)
        self._transport.write(content)

    def _send_head(self, length: int, content_type: str) -> None:
        self._transport.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nETag: {ETAG}\r\n"
            "Last-Modified: Sat, 28 Nov 2026 00:00:00 GMT\r\n\r\n".encode()
        )


def page(count: int, query: dict[str, list[str]]) -> bytes:
    """The page of a listing after a key or token, both of which begin with the number of its folder."""
    after = (query.get("continuation-token") or query.get("start-after") or [""])[0]
    number = int(after[7:15]) + 1 if after else 0
    left = count - number * PAGE
    more = left > PAGE
    keys = _FULL_PAGE if left >= PAGE else b"".join(_KEYS[:left])
    token = f"<NextContinuationToken>folder-{number:08}</NextContinuationToken>" if more else ""
    return b"".join(
        (
            b"<?xml version='1.0' encoding='UTF-8'?><ListBucketResult>",
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}".encode(),
            keys.replace(b"PPPPPPPP", b"%08d" % number),
            b"</ListBucketResult>",
        )
    )


async def main() -> None:
    """Serve on a free port until standard input ends."""
    with tempfile.TemporaryFile() as Connection.block:
        Connection.block.write(JPEG_START + os.urandom(BLOCK - len(JPEG_START)))
        Connection.block.flush()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        server.close()


if __name__ == "__main__":
    asyncio.run(main())
