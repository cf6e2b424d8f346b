"""Rates that are stated, by a service or by its user, and the bucket that keeps one."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakValueDictionary

from imgwire_async.core.values.numbers import is_positive, whole

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


class TokenBucket:
    """A token bucket, kept as the instant at which it will be full again: exact, with nothing to refill."""

    def __init__(self, limit: RateLimit) -> None:
        self.rate = limit.rate
        """Requests per second."""
        self._interval = 1.0 / limit.rate
        self._slack = (limit.burst - 1) * self._interval
        self._full_at = -math.inf

    def next_token(self) -> float:
        """The instant from which on a token can be taken."""
        return self._full_at - self._slack

    def wait(self, now: float, ahead: int) -> float:
        """How many seconds it takes until a token is left for somebody with this many others ahead."""
        return self.next_token() + ahead * self._interval - now

    def take(self, now: float) -> None:
        """Take a token, at `next_token` or later."""
        self._full_at = max(now, self._full_at) + self._interval


_shared: WeakValueDictionary[tuple[str, str, RateLimit], TokenBucket] = WeakValueDictionary()


def shared_bucket(scope: str, rate_class: str, limit: RateLimit) -> TokenBucket:
    """The bucket that everybody in this process uses who has the same scope, for as long as anybody has it.

    Args:
        scope: names whose limit it is, such as service, base URL and the digest of a key.
        rate_class: the class of requests.
        limit: the rate; another one has a bucket of its own.
    """
    return _shared.setdefault((scope, rate_class, limit), TokenBucket(limit))


def checked_limits(
    limits: Mapping[Name, RateLimit], known: Collection[str] | None = None
) -> dict[str, RateLimit]:
    """Stated rates by class.

    Args:
        limits: the rates.
        known: the classes that a service has; None accepts any.

    Raises:
        ValueError: a class is unknown, or something is not a `RateLimit`.
    """
    if not isinstance(limits, Mapping):
        raise ValueError(f"rate_limits must map a RateClass to a RateLimit, got {limits!r:.80}")  # noqa: TRY004
    for rate_class, limit in limits.items():
        if known is not None and rate_class not in known:
            raise ValueError(f"rate_limits knows no class {rate_class!r:.80}, only {', '.join(known)}")
        if not isinstance(limit, RateLimit):
            raise ValueError(f"the rate limit of {rate_class} must be a RateLimit, got {limit!r:.80}")  # noqa: TRY004
    return {str(name): limit for name, limit in limits.items()}
