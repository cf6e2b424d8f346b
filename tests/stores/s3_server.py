"""A small S3 on loopback, in a thread: lists, serves and stores objects, and fails on request."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "photos"
PAGE = 1000

ERROR = (
    "<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}, secret-of-the-store</Message></Error>"
)


@dataclass
class Request:
    """One request as the server received it."""

    method: str
    key: str
    """Empty for the bucket itself."""
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Failure:
    """An error response, or a broken connection."""

    status: int
    code: str = ""
    after: int | None = None
    """Break the connection after this many bytes of the body."""
    until: threading.Event | None = None
    """Do not break the connection before this is set."""


@dataclass
class S3Server:
    """The objects of one bucket, and the requests for them."""

    objects: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    """The parts of unfinished multipart uploads, by the id of the upload."""
    versions: dict[str, str] = field(default_factory=dict)
    """ETags of objects whose ETag is not derived from their content."""
    requests: list[Request] = field(default_factory=list)
    fail: Callable[[Request], Failure | None] = lambda _: None
    """Decides before each request whether it fails."""
    before: Callable[[Request], object] = lambda _: None
    """Called before the response to each request, in the thread that sends it."""
    halfway: Callable[[], object] = lambda: None
    """Called when half of a body to be stored has been read."""
    page: int = PAGE
    url: str = ""
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def uri(self, key: str = "") -> str:
        """The URI with which the SDK opens an object of this server without further options."""
        return f"s3+{self.url}/{BUCKET}/{key}"

    @property
    def options(self) -> dict[str, str]:
        """The options that open this server's bucket as `s3://`."""
        return {
            "endpoint": self.url,
            "region": "us-east-1",
            "access_key_id": "AKIDEXAMPLE",
            "secret_access_key": "not-a-secret",
        }

    def etag(self, key: str) -> str:
        """The ETag of an object."""
        given = self.versions.get(key)
        return etag_of(self.objects[key]) if given is None else f'"{given}"'

    def count(self, method: str) -> Counter[str]:
        """The number of requests with this method for each key."""
        return Counter(request.key for request in self.requests if request.method == method)


def etag_of(content: bytes) -> str:
    """The ETag of an object with this content."""
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_state: ClassVar[S3Server]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        request = self._request()
        if request is None:
            return
        if not request.key:
            self._list(request)
        else:
            self._object(request)

    do_HEAD = do_GET  # noqa: N815 - as http.server wants it

    def do_PUT(self) -> None:
        state = self.server_state
        length = int(self.headers.get("content-length", 0))
        content = self.rfile.read(length // 2)
        state.halfway()
        content += self.rfile.read(length - len(content))
        if len(content) < length:  # the client has disconnected; stores discard such a body
            self.close_connection = True
            return
        request = self._request()
        if request is None:
            return
        if "uploadId" in request.query:
            state.parts[request.query["uploadId"]][int(request.query["partNumber"])] = content
            self._answer(200, b"", {"ETag": etag_of(content)})
            return
        # Google's condition for an object that must not exist is a generation of 0.
        new_only = (
            request.headers.get("if-none-match") == "*"
            or request.headers.get("x-goog-if-generation-match") == "0"
        )
        if new_only and request.key in state.objects:
            self._error(412, "PreconditionFailed")
            return
        state.objects[request.key] = content
        self._answer(200, b"", {"ETag": etag_of(content)})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        request = self._request()
        if request is None:
            return
        state, xml = self.server_state, {"Content-Type": "application/xml"}
        if "uploads" in request.query:
            upload = str(next(state.numbers))
            state.parts[upload] = {}
            result = "InitiateMultipartUploadResult"
            answer = f"<{result}><UploadId>{upload}</UploadId></{result}>"
        else:
            parts = state.parts.pop(request.query["uploadId"])
            state.objects[request.key] = b"".join(content for _, content in sorted(parts.items()))
            answer = "<CompleteMultipartUploadResult><ETag>1</ETag></CompleteMultipartUploadResult>"
        self._answer(200, answer.encode(), xml)

    def do_DELETE(self) -> None:
        request = self._request()
        if request is not None:
            self.server_state.parts.pop(request.query.get("uploadId", ""), None)
            self._answer(204, b"", {})

    def _request(self) -> Request | None:
        parts = urlsplit(self.path)
        _, _, key = parts.path.removeprefix("/").partition("/")
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, unquote(key), query, headers)
        self.server_state.requests.append(request)
        self.server_state.before(request)
        failure = self.server_state.fail(request)
        if failure is None:
            return request
        if failure.status:
            self._error(failure.status, failure.code)
        elif failure.after is not None and request.key in self.server_state.objects:
            content = self.server_state.objects[request.key]
            self.send_response(200)
            for name, value in self._headers_of(request.key).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: failure.after])
            self.wfile.flush()
            if failure.until is not None:
                failure.until.wait(30)
            self.close_connection = True
        else:
            self.close_connection = True
        return None

    def _headers_of(self, key: str) -> dict[str, str]:
        return {
            "ETag": self.server_state.etag(key),
            "Last-Modified": "Sat, 28 Nov 2026 00:00:00 GMT",
            "Content-Type": self.server_state.types.get(key, "binary/octet-stream"),
        }

    def _object(self, request: Request) -> None:
        content = self.server_state.objects.get(request.key)
        if content is None:
            self._error(404, "NoSuchKey")
            return
        headers = self._headers_of(request.key)
        wanted = request.headers.get("if-match")
        if wanted is not None and wanted.strip('"') != headers["ETag"].strip('"'):
            self._error(412, "PreconditionFailed")
            return
        status, part = 200, content
        if (span := request.headers.get("range")) is not None:
            first, _, last = span.removeprefix("bytes=").partition("-")
            end = min(int(last) + 1 if last else len(content), len(content))
            status, part = 206, content[int(first) : end]
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(content)}"
        self._answer(status, part, headers)

    def _list(self, request: Request) -> None:
        state, query = self.server_state, request.query
        after = query.get("continuation-token") or query.get("start-after") or ""
        prefix = query.get("prefix", "")
        keys = sorted(key for key in state.objects if key.startswith(prefix) and key > after)
        page = keys[: state.page]
        more = len(keys) > len(page)
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-11-28T00:00:00.000Z</LastModified>"
            f"<ETag>{escape(state.etag(key))}</ETag><Size>{len(state.objects[key])}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        text = (
            "<?xml version='1.0' encoding='UTF-8'?>"
            f"<ListBucketResult><Name>{BUCKET}</Name><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{token}{contents}</ListBucketResult>"
        )
        self._answer(200, text.encode(), {"Content-Type": "application/xml"})

    def _error(self, status: int, code: str) -> None:
        self._answer(status, ERROR.format(code=code).encode(), {"Content-Type": "application/xml"})

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Ignore clients that have disconnected."""


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """The server, running until the block is left."""
    state = S3Server()
    handler = type("Handler", (_Handler,), {"server_state": state})
    with _Server(("127.0.0.1", 0), handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
