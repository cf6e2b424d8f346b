"""The requests that the sandbox received: a bounded list, without secrets."""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

access_log = logging.getLogger("imgwire_async.sandbox.access")
"""A line at level INFO for each request, when it is over."""

RECORDED_HEADERS = frozenset(
    {
        "accept",
        "content-length",
        "content-type",
        "expect",
        "host",
        "origin",
        "range",
        "transfer-encoding",
        "user-agent",
        "x-environment-id",
    }
)
_LONGEST_PATH: Final = 300
_KEYS: Final = re.compile(r"\b(ak|ck|sk|st|ut)_[\w-]{8,}")
_PASSWORDS: Final = re.compile(r"//[^/@]*@")


@dataclass(slots=True)
class ReceivedRequest:
    """One request; `status` and `bytes_received` are updated while it is handled."""

    operation: str | None
    """Name of the operation, or None for an unknown path."""
    method: str
    path: str
    """Path without the query, because queries carry signatures and upload tokens."""
    client_port: int
    """Identifies the connection."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers useful in tests and without secrets, by lower-case name."""
    authorized_with: str | None = None
    """Scheme of the `Authorization` header when one was sent, such as `Bearer`."""
    status: int | None = None
    """Status sent, or None while there is no response; with some faults there never is one."""
    bytes_received: int = 0
    """Length of the body read so far, in bytes."""
    answered_at: float | None = None
    """Instant of `time.monotonic` at which the whole response had been passed to the connection."""
    received_at: float = 0.0
    """Seconds since the epoch, by the sandbox's clock."""
    started_at: float = 0.0
    """Instant of `time.monotonic` at which its headers had arrived."""
    ended_at: float | None = None
    """Instant of `time.monotonic` at which it ended, with or without a response."""
    bytes_sent: int = 0
    """Length of the response's body sent so far, in bytes."""
    by_fault: bool = False
    """Whether a scripted fault applied to it."""

    @property
    def seconds(self) -> float | None:
        """Seconds that it took, or None while it is in progress."""
        return None if self.ended_at is None else self.ended_at - self.started_at

    @property
    def shown_path(self) -> str:
        """`path` for display: one short line without control characters, passwords and keys."""
        path = quote(self.path, safe="/:@~!$&'()*+,;=[]", errors="replace")
        path = _KEYS.sub(r"\1_…", _PASSWORDS.sub("//…@", path))
        return path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]}…"

    def __str__(self) -> str:
        """The line of the access log."""
        status = "no response" if self.status is None else str(self.status)
        parts = [self.method, self.shown_path, status, f"{(self.seconds or 0) * 1000:.0f} ms"]
        parts += [f"{self.bytes_sent:,} bytes", self.operation or "", "(fault)" if self.by_fault else ""]
        return " ".join(filter(None, parts))


class RequestJournal:
    """The latest requests, oldest first; may be read from any thread."""

    def __init__(self, size: int) -> None:
        self._requests: deque[ReceivedRequest] = deque(maxlen=size)
        self._lock = threading.Lock()

    def add(self, request: ReceivedRequest) -> None:
        """Append a request; drops the oldest one when the log is full."""
        with self._lock:
            self._requests.append(request)

    def of(self, operation: str) -> list[ReceivedRequest]:
        """The requests for one operation, such as `images.create`."""
        return [request for request in self if request.operation == operation]

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._requests.clear()

    def __iter__(self) -> Iterator[ReceivedRequest]:
        with self._lock:
            return iter(list(self._requests))

    def __len__(self) -> int:
        return len(self._requests)

    def __getitem__(self, index: int) -> ReceivedRequest:
        with self._lock:
            return self._requests[index]

    def __repr__(self) -> str:
        return f"<RequestJournal of {len(self)} requests>"
