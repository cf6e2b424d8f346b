"""The options of a client, or of some of its calls with `with_options`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from imgwire_async.core.clients.events import CallHook, Hook, RequestEvent, ResponseEvent, RetryEvent
from imgwire_async.core.retry import RetryPolicy
from imgwire_async.core.values.numbers import is_finite, is_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long each phase of one attempt may take, in seconds; None means no limit.

    Raises:
        ValueError: a number is not positive or not finite.
    """

    connect: float | None = 10.0
    """Until the connection and its TLS session are established."""
    read: float | None = 30.0
    """Without receiving a byte of the response, or of an upload's source before its bytes are sent."""
    write: float | None = 30.0
    """Without progress in sending the body. A stalled upload is aborted, a slow one is not."""
    total: float | None = None
    """One whole attempt. For all attempts and the waits between them use `deadline`."""

    def __post_init__(self) -> None:
        for name in ("connect", "read", "write", "total"):
            seconds = getattr(self, name)
            if seconds is not None and not is_positive(seconds):
                raise ValueError(
                    f"the {name} timeout must be a positive number of seconds, got {seconds!r:.80}"
                )

    @property
    def shortest(self) -> float | None:
        """The limit for waits outside a phase: the shortest of reading, writing and the total."""
        return min((one for one in (self.read, self.write, self.total) if one is not None), default=None)

    @classmethod
    def of(cls, timeout: float | Timeouts) -> Timeouts:
        """A number sets the same limit for connecting, reading and writing."""
        if isinstance(timeout, Timeouts):
            return timeout
        return cls(connect=timeout, read=timeout, write=timeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """All options of a call. Immutable: `with_options` creates a new one.

    Raises:
        ValueError: the deadline is not positive, or `max_wait` negative.
    """

    base_url: str
    """Scheme, host and port of the API, without a trailing slash."""
    allow_insecure: bool = False
    """Whether images and credentials may be sent unencrypted to another machine."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that the service's client adds to every API call."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    deadline: float | None = None
    """Seconds that a call may take in total, including retries and waiting."""
    max_wait: float = math.inf
    """Longest wait for a published limit, in seconds; a call that would wait longer is not sent."""
    on_call: tuple[CallHook, ...] = ()
    on_request: tuple[Hook[RequestEvent], ...] = ()
    on_response: tuple[Hook[ResponseEvent], ...] = ()
    on_retry: tuple[Hook[RetryEvent], ...] = ()

    @property
    def hooks(self) -> dict[str, tuple[object, ...]]:
        """The hooks by the names of their options."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name.startswith("on_")}

    def __post_init__(self) -> None:
        if self.deadline is not None and not is_positive(self.deadline):
            raise ValueError(f"deadline must be a positive number of seconds, got {self.deadline!r:.80}")
        if not (self.max_wait == math.inf or (is_finite(self.max_wait) and self.max_wait >= 0)):
            raise ValueError(f"max_wait must be a number of seconds, at least 0, got {self.max_wait!r:.80}")
