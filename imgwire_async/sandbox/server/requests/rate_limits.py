"""Rate limiting: a token bucket, a fixed window and a limit of requests in flight."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Literal

from imgwire_async.sandbox.server.operations import EVERY_OPERATION

RetryAfterForm = Literal["seconds", "date"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyRate:
    """A token bucket: `rate` requests per second on average, `burst` at once."""

    rate: float
    burst: int = 1
    retry_after: RetryAfterForm = "seconds"
    """Format of the `Retry-After` header of a 429; None omits it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedWindow:
    """At most `limit` requests in each window of `seconds`; windows start at multiples of their length."""

    limit: int
    seconds: float
    retry_after: RetryAfterForm = "seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxInFlight:
    """At most `limit` requests in progress at once."""

    limit: int
    retry_after: RetryAfterForm = None


RateRule = SteadyRate | FixedWindow | MaxInFlight


@dataclass(slots=True)
class _Usage:
    tokens: float
    at: float
    window: int = -1
    taken: int = 0
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """The wait for a rejected request, and how to state it."""

    wait: float
    retry_after: str | None
    """Value of the `Retry-After` header."""


class RateLimiter:
    """Applies rules to operations; lives on one event loop and needs no lock."""

    def __init__(self, rules: Mapping[str, RateRule], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rules = dict(rules)
        self._usage: dict[tuple[str, str], _Usage] = {}

    def reset(self) -> None:
        """Forget what has been used, except for the requests still in flight."""
        for (name, caller), usage in self._usage.items():
            self._usage[name, caller] = self._fresh(name, usage.in_flight)

    def enter(self, name: str, caller: str = "") -> Refusal | None:
        """Count one request; the caller must call `leave` when None comes back.

        Args:
            name: The operation, or the class that a rule names.
            caller: Whose limit it is.
        """
        names = [one for one in (name, EVERY_OPERATION) if one in self._rules]
        for one in names:
            refusal = self._check(one, caller)
            if refusal is not None:
                return refusal
        for one in names:
            usage = self._usage[one, caller]
            usage.tokens -= 1
            usage.taken += 1
            usage.in_flight += 1
        return None

    def leave(self, name: str, caller: str = "") -> None:
        """End a request that `enter` admitted."""
        for one in (name, EVERY_OPERATION):
            if one in self._rules:
                self._usage[one, caller].in_flight -= 1

    def _fresh(self, name: str, in_flight: int) -> _Usage:
        rule = self._rules[name]
        tokens = float(rule.burst) if isinstance(rule, SteadyRate) else 0.0
        return _Usage(tokens=tokens, at=self._clock(), in_flight=in_flight)

    def _check(self, name: str, caller: str) -> Refusal | None:
        if (name, caller) not in self._usage:
            self._usage[name, caller] = self._fresh(name, 0)
        rule, usage, now = self._rules[name], self._usage[name, caller], self._clock()
        wait = 0.0
        if isinstance(rule, SteadyRate):
            usage.tokens = min(rule.burst, usage.tokens + max(0.0, now - usage.at) * rule.rate)
            usage.at = now
            if usage.tokens < 1:
                wait = (1 - usage.tokens) / rule.rate
        elif isinstance(rule, FixedWindow):
            window = int(now // rule.seconds)
            if window != usage.window:
                usage.window, usage.taken = window, 0
            if usage.taken >= rule.limit:
                wait = (window + 1) * rule.seconds - now
        elif usage.in_flight >= rule.limit:
            wait = 1.0
        if wait <= 0:
            return None
        # Both forms have whole seconds, so round up: a client that obeys must not come too early.
        if rule.retry_after == "seconds":
            return Refusal(wait, str(math.ceil(wait)))
        if rule.retry_after == "date":
            return Refusal(wait, formatdate(math.ceil(now + wait), usegmt=True))
        return Refusal(wait, None)
