"""Fetches files: a streaming GET that resumes where an interrupted transfer stopped.

The request carries no API key, and its URL, which may be signed, is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Protocol
from urllib.parse import SplitResult, urljoin, urlsplit

from imgwire_async.core.body import Slot
from imgwire_async.core.call import Core
from imgwire_async.core.http.exchange import exchange, read_all
from imgwire_async.core.http.messages import HttpRequest, StreamingResponse
from imgwire_async.core.http.urls import is_confidential, sendable_url
from imgwire_async.core.logical_call import LogicalCall
from imgwire_async.core.operation import Operation, Replay
from imgwire_async.core.pace.permits import Permit
from imgwire_async.core.responses import HttpResponse, NoResponse, Result, refusal
from imgwire_async.core.service import USER_AGENT
from imgwire_async.core.values.redaction import Secret, without_query
from imgwire_async.errors import (
    APIConnectionError,
    CallContext,
    ConfigurationError,
    DownloadError,
    DownloadInterruptedError,
    DownloadRejectedError,
    ImgwireError,
    in_context,
)

DELIVERY: Final = Operation(
    name="images.download",
    method="GET",
    path="",
    auth="none",
    replay=Replay.SAFE,
    rate_class="delivery",
)
"""Fetches an image or archive, outside the API."""

MAX_REDIRECTS: Final = 5

WORTHWHILE: Final = 1024 * 1024
"""After this many further bytes, an interrupted transfer has all its retries again: a large file on a bad
line needs many connections, and each of them makes progress."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)


class Sink(Protocol):
    """The destination of the bytes."""

    async def write(self, chunk: bytes) -> None:
        """Write the next bytes.

        Raises:
            DownloadTargetError: they cannot be stored.
        """
        ...

    async def restart(self) -> bool:
        """Discard everything written, because the file has to be fetched from the start.

        Returns:
            Whether that was possible; it is not if the bytes have already been passed on.
        """
        ...


@dataclass(slots=True)
class FileHead:
    """A file's headers, received before its bytes."""

    size: int | None = None
    """Length in bytes, if announced."""
    content_type: str | None = None
    """MIME type without parameters, in lower case, if announced."""


class Transfer:
    """The transfer of one file into a sink, over as many requests as it takes."""

    def __init__(self, sink: Sink, on_head: Callable[[], None] = lambda: None) -> None:
        self.head = FileHead()
        self.received = 0
        """Bytes that are in the sink."""
        self.streamed = 0
        """Bytes that have arrived, including repeated ones."""
        self.furthest = 0
        """The highest value of `received` so far."""
        self.begin_again = False
        """Whether the last response was not a continuation of the bytes in the sink."""
        self.problem: str | None = None
        """Why the last response is unusable although its status is a success."""
        self.slot: Slot | None = None
        """The slot of the request."""
        self._sink = sink
        self._on_head = on_head
        self.begun = False
        """Whether the host has started sending the file."""
        self._ended = False
        self._validator: str | None = None
        self._may_ask_for_rest = True
        self._asked_for_rest = False

    @property
    def complete(self) -> bool:
        """Whether the sink has the whole file."""
        return self._ended or (self.begun and self.received == self.head.size)

    def request_headers(self) -> dict[str, str]:
        """Headers for the next request, which ask for only the missing part if the host supports it."""
        # With a content encoding, the announced length would differ from the file's.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        self._asked_for_rest = bool(self.received and self._validator and self._may_ask_for_rest)
        if self._asked_for_rest and self._validator is not None:
            headers |= {"Range": f"bytes={self.received}-", "If-Range": self._validator}
        return headers

    async def receive(self, reply: StreamingResponse) -> bytes:
        """Read a response: a file into the sink, anything else into memory, for use in errors.

        Raises:
            DownloadTargetError: the sink cannot store the bytes.
            DownloadInterruptedError: the sink would have to discard bytes that it has already passed on.
        """
        self.begin_again, self.problem = False, None
        status, headers = reply.status, reply.headers
        if status not in {200, 206}:
            if status == 416 and self._asked_for_rest:
                self._ask_for_all()
            return await read_all(reply)
        if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            self.problem = "the file has an encoding that was not requested"
        elif status == 200:
            await self._take(reply, skip=await self._begin(headers, _content_length(headers)))
        elif not self._asked_for_rest and (size := _whole_size(headers)) is not None:
            await self._take(reply, skip=await self._begin(headers, size))
        elif self._asked_for_rest and self._continues(headers):
            await self._take(reply, skip=0)
        elif self._asked_for_rest:
            self._ask_for_all()
        else:
            self.problem = "the host sent part of the file although all of it was requested"
        return b""

    async def _take(self, reply: StreamingResponse, skip: int) -> None:
        while chunk := await reply.read():
            self.streamed += len(chunk)
            rest = chunk[skip:] if skip else chunk
            skip -= len(chunk) - len(rest)
            if rest:
                if self.head.size is not None and self.received + len(rest) > self.head.size:
                    self.problem = f"the host sends more than the {self.head.size} bytes of the file"
                    return
                # A slow consumer neither blocks others nor makes the host look slow.
                if self.slot is not None:
                    self.slot.lend()
                await self._sink.write(rest)
                if self.slot is not None:
                    await self.slot.take_back()
                self.received += len(rest)
                self.furthest = max(self.furthest, self.received)
        # Without a length the end of the response is the end of the file.
        self._ended = self.head.size is None and not skip

    async def _begin(self, headers: Mapping[str, str], size: int | None) -> int:
        """Prepare for the whole file; return how many of its first bytes are already in the sink."""
        validator = strong_validator(headers)
        if self.received:
            if validator is not None and (validator, size) == (self._validator, self.head.size):
                return self.received
            if not await self._sink.restart():
                raise DownloadInterruptedError(
                    f"the transfer broke after {self.received} bytes, which have been handed on, and the "
                    "host cannot resume from there or has another file by now; download to a file instead"
                )
            self.received = 0
        self.begun = True
        self._validator = validator
        self.head.size = size
        self.head.content_type = headers.get("content-type", "").partition(";")[0].strip().lower() or None
        self._on_head()
        return 0

    def _continues(self, headers: Mapping[str, str]) -> bool:
        """Whether a 206 contains the next bytes."""
        found = _range_of(headers)
        if found is None or found[0] != self.received:
            return False
        length = found[2]
        by_tag = self._validator is not None and self._validator.startswith('"')
        if headers.get("etag" if by_tag else "last-modified", self._validator) != self._validator:
            return False  # a host that does not support If-Range
        if self.head.size is None:
            self.head.size = length
        return length is None or length == self.head.size

    def _ask_for_all(self) -> None:
        self.begin_again = True
        self._may_ask_for_rest = False


def strong_validator(headers: Mapping[str, str]) -> str | None:
    """A validator for `If-Range`, which proves that a later response contains exactly the same bytes.

    RFC 9110, sections 8.8 and 13.1.5: a strong `ETag`; without any `ETag`, a `Last-Modified` that is at
    least a second older than the response.
    """
    if (tag := headers.get("etag")) is not None:
        return tag if tag.startswith('"') else None
    modified = headers.get("last-modified", "")
    try:
        age = parsedate_to_datetime(headers.get("date", "")) - parsedate_to_datetime(modified)
    except (ValueError, TypeError):
        return None
    return modified if age >= timedelta(seconds=1) else None


def _range_of(headers: Mapping[str, str]) -> tuple[int, int, int | None] | None:
    """Parse a `Content-Range`: first and last byte, and the length of the file if known."""
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    return found and (int(found[1]), int(found[2]), None if found[3] == "*" else int(found[3]))


def _whole_size(headers: Mapping[str, str]) -> int | None:
    """The size of the file, if a 206 contains all of it."""
    found = _range_of(headers)
    if found is None or found[2] is None or (found[0], found[1]) != (0, found[2] - 1):
        return None
    return found[2]


def _content_length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


async def fetch(core: Core, url: Secret, transfer: Transfer, context: CallContext) -> None:
    """Fetch a file, with retries that resume where the transfer stopped.

    The read timeout of the options limits how long the host may send nothing; a slow sink does not count.

    Args:
        core: makes the requests.
        url: URL of the file. Redirects are followed, but never to an unencrypted URL on a network.
        transfer: the state of the transfer; may be passed again with a new URL for the same file.
        context: details of the call, for errors; method and URL are filled in here.

    Raises:
        DownloadRejectedError: the host responded with an error status.
        DownloadInterruptedError: the transfer cannot resume, and its sink cannot start over.
        DownloadTargetError: the sink cannot store the bytes.
        ConfigurationError: the URL would send the file in clear text over a network.
        ResponseDecodeError: the response is not a file.
        APIConnectionError: the transfer and all its retries failed.
        DeadlineExceededError: the deadline of the options passed first.
    """
    context = context | CallContext(method="GET", url=without_query(url.reveal()))

    async def attempt(number: int, permit: Permit) -> Result:
        transfer.slot = permit
        try:
            return await _follow(core, url, transfer)
        except ImgwireError as error:
            failure = error
        # Raised here, without the frames that hold the URL.
        raise in_context(failure, context | CallContext(attempts=number))

    call = LogicalCall(
        operation=DELIVERY,
        replay=Replay.SAFE,
        context=context,
        options=core.options,
        shared=core.shared,
        deadline=core.deadline_from_now(),
        error_for=_rejected,
        streamed=lambda: transfer.streamed,
    )
    await _persist(lambda: call.make(attempt), transfer)


async def _persist(make: Callable[[], Awaitable[object]], transfer: Transfer) -> None:
    while True:
        before = transfer.furthest
        try:
            await make()
        except APIConnectionError:
            if transfer.furthest - before < WORTHWHILE:
                raise
        else:
            return


async def _follow(core: Core, url: Secret, transfer: Transfer) -> Result:
    """Make one attempt: follow redirects, and ask for the whole file if the host cannot send the rest."""
    redirects = 0
    while True:
        _check(url, allow_insecure=core.options.allow_insecure)
        message = HttpRequest("GET", sendable_url(url.reveal()), transfer.request_headers())
        transport = core.shared.engine.transport()
        result = await exchange(transport, message, core.options.timeouts, transfer.receive)
        if transfer.complete:
            return HttpResponse(200, {}, b"")
        if not isinstance(result, HttpResponse):
            return result
        location = result.headers.get("location") if result.status in _REDIRECTS else None
        if location is not None and redirects < MAX_REDIRECTS:
            redirects += 1
            url = _redirected(url, location)
        elif not transfer.begin_again:
            return _usable(result, transfer)


def _usable(result: HttpResponse, transfer: Transfer) -> Result:
    if not result.is_success:
        return result
    if transfer.problem is not None or result.status not in {200, 206}:
        problem = transfer.problem or f"the response has status {result.status} and no file"
        return HttpResponse(result.status, result.headers, b"", problem)
    reason = f"the transfer ended after {transfer.received} of {transfer.head.size} bytes"
    return NoResponse("CutShort", reason, may_have_acted=True, timed_out=False)


def _redirected(url: Secret, location: str) -> Secret:
    try:
        target = urljoin(url.reveal(), location)
        downgraded = url.reveal().startswith("https:") and urlsplit(target).scheme != "https"
    except ValueError:
        downgraded = True
        target = ""
    if downgraded:
        raise DownloadError("the file's host redirects away from https; such a redirect is not followed")
    return Secret(target)


def _check(url: Secret, *, allow_insecure: bool) -> None:
    parts = _parts(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise DownloadError("the link to the file is not an http(s) URL with a host and without credentials")
    if not (allow_insecure or is_confidential(parts)):
        raise ConfigurationError(
            "the link to the file would send it in clear text; pass allow_insecure=True if you trust the "
            "network"
        )


def _parts(url: Secret) -> SplitResult | None:
    try:
        sendable_url(url.reveal())  # rejects more than urlsplit, and would later raise without our message
        return urlsplit(url.reveal())
    except ValueError:
        return None


def _rejected(response: HttpResponse, context: CallContext) -> DownloadRejectedError:
    what = f"the file's host responded with {refusal(response)}"
    if response.status in _REDIRECTS:
        what = f"{what}; no more than {MAX_REDIRECTS} redirects are followed"
    return DownloadRejectedError(what, status=response.status, **context)
