"""A service for benchmarks: it responds to creates and PUTs like Imgwire, and discards the bytes.

    python scripts/measure/stub_service.py      prints its base URL and runs until its standard input ends

It does almost nothing, so that the client is what is measured.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from uuid import uuid4

ENVIRONMENT = str(uuid4())


class Connection(asyncio.BufferedProtocol):
    """One connection; requests follow each other, each with a Content-Length or without a body."""

    def __init__(self) -> None:
        self._buffer = bytearray(256 * 1024)
        self._head = b""
        self._body_left = 0

    opened = 0  # connections so far, of all

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to respond on."""
        Connection.opened += 1
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._base_url = "http://{}:{}".format(*transport.get_extra_info("sockname")[:2])

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - the interface
        """The same memory for everything that arrives."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Skip bodies, respond when one is complete."""
        if self._body_left >= nbytes:
            self._skip(nbytes)
            return
        data = memoryview(self._buffer)[:nbytes]
        while data:
            if self._body_left:
                skipped = min(self._body_left, len(data))
                data = data[skipped:]
                self._skip(skipped)
                continue
            head, separator, rest = (self._head + bytes(data)).partition(b"\r\n\r\n")
            if not separator:
                self._head = head
                return
            self._head = b""
            data = memoryview(rest)
            self._request = head
            self._body_left = content_length(head)
            if not self._body_left:
                self._answer()

    def _skip(self, count: int) -> None:
        self._body_left -= count
        if not self._body_left:
            self._answer()

    def _answer(self) -> None:
        body, headers = b"{}", b""
        if self._request.startswith(b"POST /api/v1/images/upload_via_url"):
            body = json.dumps(image() | {"status": "READY"}).encode()  # as if it had been fetched at once
        elif self._request.startswith(b"POST"):
            body = json.dumps({"image": image(), "upload_url": f"{self._base_url}/store"}).encode()
        elif self._request.startswith(b"GET /connections"):
            body = json.dumps(Connection.opened).encode()
        elif self._request.startswith(b"GET /api/v1/images/?"):
            body, headers = PAGE, page_headers(self._request)
        elif self._request.startswith(b"GET /api/v1/images/"):
            body = RECORD
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n%b"
            % (len(body), headers, body)
        )


def content_length(head: bytes) -> int:
    """The length of the body that follows a request head."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def image() -> dict[str, object]:
    """A record as the service has it before the bytes arrive."""
    now = "2026-05-01T00:00:00Z"
    return {
        "id": str(uuid4()),
        "environment_id": ENVIRONMENT,
        "upload_token_id": None,
        "original_filename": "image.jpg",
        "hash_sha256": None,
        "status": "PENDING",
        "cdn_url": f"https://cdn.example/{uuid4()}",
        "mime_type": "image/jpeg",
        "can_upload": True,
        "is_directly_deliverable": True,
        "idempotency_key": None,
        "purpose": None,
        "extension": "jpg",
        "width": 0,
        "height": 0,
        "size_bytes": 0,
        "custom_metadata": {},
        "exif_data": {},
        "created_at": now,
        "updated_at": now,
        "deleted_at": None,
        "processed_metadata_at": None,
    }


RECORD = json.dumps(image()).encode()
PAGE = json.dumps([image() | {"id": str(uuid4())} for _ in range(100)]).encode()


def page_headers(request: bytes) -> bytes:
    """The records of the requested page, in a list of ten million."""
    found = re.search(rb"[?&]page=(\d+)", request)
    page = int(found[1]) if found else 1
    return b"X-Page: %d\r\nX-Limit: 100\r\nX-Total-Count: 10000000\r\nX-Next-Page: %d\r\n" % (page, page + 1)


async def main() -> None:
    """Serve on a free port until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
