"""Rate limits stated by a service or its user, and the token bucket that enforces one."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Collection, Mapping, Sized
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar
from weakref import WeakSet, WeakValueDictionary

from imgwire_async.core.pace.across_processes import SharedInstants, shared_instants
from imgwire_async.core.values.numbers import is_positive, whole

_LONGEST_LEASE: Final = 60.0
"""Tokens are taken at most this many seconds before their time."""

_LATENESS: Final = 0.02
"""If a token is taken late, the next one makes up for at most this many seconds."""
_LATE: Final = 0.1
"""A caller that takes a token later than this, in seconds, did not wait for it."""

Name = TypeVar("Name", bound=str)
"""The name of a rate class."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `rate` requests per second in the long run, and at most `burst` of them at once.

    Raises:
        ValueError: `rate` is not a positive finite number, or `burst` is below 1.
    """

    rate: float
    """Requests per second; 60 per hour is `60 / 3600`."""
    burst: int = 1

    def __post_init__(self) -> None:
        if not is_positive(self.rate):
            raise ValueError(f"rate must be a positive number of requests per second, got {self.rate!r:.80}")
        object.__setattr__(self, "burst", whole("burst", self.burst, least=1))


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose limits they are."""

    name: str
    """Such as service, base URL and the digest of a key."""
    on_this_machine: bool = False
    """Whether all processes of this user on this machine share the limits. If so, the clock must be
    `time.monotonic`."""


class Queue(Protocol):
    """A queue in which requests wait for tokens."""

    @property
    def waiting(self) -> Sized:
        """The waiting requests."""
        ...


class TokenBucket:
    """A token bucket, stored as the instant at which it will be full again: exact, without refilling.

    Args:
        limit: the rate.
        name: name of the bucket for other processes.
        instants: the state shared with them; None keeps the bucket in this process.
    """

    def __init__(self, limit: RateLimit, *, name: str = "", instants: SharedInstants | None = None) -> None:
        self.rate = limit.rate
        """Requests per second."""
        self._interval = 1.0 / limit.rate
        self._slack = (limit.burst - 1) * self._interval
        self._lateness = min(_LATENESS, self._interval / 2)
        self._full_at = -math.inf
        self._name, self._instants = name.encode(), instants
        self._lock = threading.Lock()
        self._queues: WeakSet[Queue] = WeakSet()

    def next_token(self) -> float:
        """The earliest instant at which a token can be taken."""
        full_at = self._full_at
        if self._instants is not None:
            full_at = max(full_at, self._plausible(self._instants.get(self._name)))
        return full_at - self._slack

    def wait(self, now: float) -> float:
        """Seconds until a token is available behind all requests that already wait for one here."""
        with self._lock:
            ahead = sum(len(queue.waiting) for queue in self._queues)
        return self.next_token() + ahead * self._interval - now

    def take(self, at: float) -> bool:
        """Take a token at an instant; return False if another thread or process took it first."""
        with self._lock:
            if self._instants is None:
                return self._take(self._full_at, at) is not None
            return self._instants.change(self._name, lambda theirs: self._take(self._plausible(theirs), at))

    def is_waited_for_in(self, queue: Queue) -> None:
        """Register a queue whose requests take tokens from this bucket."""
        with self._lock:
            self._queues.add(queue)

    def _take(self, theirs: float, at: float) -> float | None:
        full_at = max(self._full_at, theirs)
        if full_at - self._slack > at:
            return None
        # Timers fire late. Without some compensation the rate would be lower than stated.
        late = at - full_at
        begin = at if late > _LATE else max(full_at, at - self._lateness)
        self._full_at = begin + self._interval
        return self._full_at

    def _plausible(self, instant: float) -> float:
        # Ignores instants left by a clock that was ahead of this one, such as before a restart.
        latest = time.monotonic() + self._slack + self._interval + _LONGEST_LEASE
        return instant if instant <= latest else -math.inf


_shared: WeakValueDictionary[tuple[Scope, str, RateLimit], TokenBucket] = WeakValueDictionary()


def shared_bucket(scope: Scope, rate_class: str, limit: RateLimit) -> TokenBucket:
    """The bucket shared by all users of the same scope, for as long as any of them exists.

    Args:
        scope: whose limit it is.
        rate_class: the class of requests.
        limit: the rate; each rate has its own bucket.
    """
    bucket = TokenBucket(
        limit,
        name=f"{scope.name} {rate_class} {limit!r}",
        instants=shared_instants() if scope.on_this_machine else None,
    )
    return _shared.setdefault((scope, rate_class, limit), bucket)


def checked_limits(
    limits: Mapping[Name, RateLimit], known: Collection[str] | None = None
) -> dict[str, RateLimit]:
    """Check stated rates by class.

    Args:
        limits: the rates.
        known: the classes that a service has; None accepts any.

    Raises:
        ValueError: a class is unknown, or a value is not a `RateLimit`.
    """
    if not isinstance(limits, Mapping):
        raise ValueError(f"rate_limits must map a RateClass to a RateLimit, got {limits!r:.80}")  # noqa: TRY004
    for rate_class, limit in limits.items():
        if known is not None and rate_class not in known:
            raise ValueError(
                f"unknown rate class {rate_class!r:.80} in rate_limits; known are {', '.join(known)}"
            )
        if not isinstance(limit, RateLimit):
            raise ValueError(f"the rate limit of {rate_class} must be a RateLimit, got {limit!r:.80}")  # noqa: TRY004
    return {str(name): limit for name, limit in limits.items()}
