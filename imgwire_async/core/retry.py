"""Retries: which operations may be retried, how long to wait, and when to stop.

Nothing here does I/O or waits. `LogicalCall` carries out the decisions of `decide`.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_tz
from enum import StrEnum
from typing import Final

from imgwire_async.core.operation import Replay
from imgwire_async.core.responses import NoResponse, Result
from imgwire_async.core.values.numbers import is_finite, whole

RETRIED_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which another attempt may succeed."""

TOO_MANY_REQUESTS: Final = 429

LONGEST_HINT: Final = 366 * 86_400.0
"""Seconds in a year. A longer `Retry-After` is ignored as invalid."""

HINT_SPREAD: Final = 0.1
"""Waits based on a hint are lengthened by up to this fraction, so that callers do not all retry at once."""


class StopReason(StrEnum):
    """Why no further attempt was made."""

    SUCCESS = "success"
    PERMANENT = "permanent"
    MAY_HAVE_ACTED = "may_have_acted"
    ATTEMPTS_USED_UP = "attempts_used_up"
    HINT_TOO_LONG = "hint_too_long"
    """The server asked for a longer wait than `RetryPolicy.max_retry_after`."""
    DEADLINE = "deadline"
    """The deadline has passed, or would pass during the wait."""
    BUDGET_EMPTY = "budget_empty"


@dataclass(frozen=True, slots=True)
class Retry:
    """Make another attempt."""

    delay: float
    """Seconds to wait before it."""
    is_free: bool
    """Whether it costs nothing of the retry budget. True after a 429, which is cheap for the service and
    after which the gate slows requests down."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Make no further attempt."""

    reason: StopReason


def is_transient(result: Result) -> bool:
    """Whether another attempt may succeed."""
    return isinstance(result, NoResponse) or result.status in RETRIED_STATUSES


def decide(
    result: Result,
    *,
    attempt: int,
    replay: Replay,
    policy: RetryPolicy,
    hint: float | None,
    time_left: float,
    rng: random.Random,
) -> Retry | Stop:
    """Decide whether to make another attempt.

    SAFE and KEYED operations are retried after 408, 429, 500, 502, 503, 504 and transport failures. Others
    are retried only after a 429 or a failure that cannot have reached the server: a 503 may come from a
    proxy whose upstream has carried out the request.

    Args:
        result: the result of the failed attempt.
        attempt: its number, starting at 1.
        replay: whether the operation can be repeated. Pass UNSAFE for a KEYED operation whose body has no
            key.
        policy: number of retries and waits.
        hint: the response's `Retry-After`, as returned by `parse_retry_after`.
        time_left: seconds until the deadline; a wait that would reach it is not started.
        rng: source of the jitter.
    """
    if not is_transient(result):
        return Stop(StopReason.PERMANENT)
    if replay in {Replay.UNSAFE, Replay.LOOK_FIRST} and result.may_have_acted:
        return Stop(StopReason.MAY_HAVE_ACTED)
    if attempt > policy.max_retries:
        return Stop(StopReason.ATTEMPTS_USED_UP)
    if hint is not None and hint > policy.max_retry_after:
        return Stop(StopReason.HINT_TOO_LONG)
    delay = policy.delay(attempt - 1, hint, rng)
    if delay >= time_left:
        return Stop(StopReason.DEADLINE)
    return Retry(delay, is_free=result.status == TOO_MANY_REQUESTS)


def why_not_retried(reason: StopReason, policy: RetryPolicy, hint: float | None) -> str:
    """The suffix of an error message that explains why the call was not retried; empty if it is clear."""
    if reason is StopReason.BUDGET_EMPTY:
        return (
            "; not retried, because too many calls of this client have failed lately and used up its "
            "retry budget: check the service and the network, and try again later"
        )
    if reason is StopReason.HINT_TOO_LONG:
        return (
            f"; not retried, because the service asks to wait {hint:g} s, longer than "
            f"max_retry_after ({policy.max_retry_after:g} s)"
        )
    return ""


_SECONDS = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_TWO_DIGIT_YEAR = re.compile(r"-\d\d ", re.ASCII)  # of RFC 850


def parse_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Parse how long the server asks to wait, in seconds.

    Args:
        headers: response headers with lower-case names.
        now: the wall clock, in seconds since the Unix epoch. A date is compared with the response's own
            `Date`, because this machine's clock may differ, and with `now` if there is none.

    Returns:
        Seconds to wait, which may be fractional; 0 for a negative number or a date in the past. None if
        there is no `Retry-After`, or if it is invalid: neither a decimal number nor an HTTP date, or more
        than a year ahead.
    """
    if "retry-after" not in headers or not (text := headers["retry-after"].strip()):
        return None
    if number := _SECONDS.fullmatch(text):
        seconds = 0.0 if number[1] == "-" else float(number[2])
    else:
        sent_at = _parse_http_date(headers.get("date", "").strip(), now)
        now = now if sent_at is None else sent_at
        instant = _parse_http_date(text, now)
        if instant is None:
            return None
        seconds = max(0.0, instant - now)
    return seconds if seconds <= LONGEST_HINT else None


def _parse_http_date(text: str, now: float) -> float | None:
    try:
        fields = parsedate_tz(text)
        if fields is None:
            return None
        year, month, day, hour, minute, second = fields[:6]
        if _TWO_DIGIT_YEAR.search(text):
            # RFC 9110: a year that seems more than 50 years ahead is the latest such year in the past.
            this_year = datetime.fromtimestamp(now, UTC).year
            year = this_year // 100 * 100 + year % 100
            if year > this_year + 50:
                year -= 100
        if second == 60:
            second = 59  # a leap second, which HTTP allows and datetime does not
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() - (fields[9] or 0)
    except (ValueError, OverflowError, IndexError):  # the last from parsedate_tz of older Pythons
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a failed call is retried, and how long to wait before each retry.

    Raises:
        ValueError: a number is negative, not finite, or `max_delay` is below `base_delay`.
    """

    max_retries: int = 4
    """Maximum number of retries after the first attempt; 0 disables retries."""
    base_delay: float = 0.5
    """Upper bound of the first wait, in seconds; it doubles with every retry."""
    max_delay: float = 8.0
    """Upper bound of every wait without a `Retry-After`, in seconds."""
    max_retry_after: float = 60.0
    """The longest `Retry-After` that is honoured, in seconds; a longer one ends the call at once."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_retries", whole("max_retries", self.max_retries, least=0))
        for name in ("base_delay", "max_delay", "max_retry_after"):
            value = getattr(self, name)
            if not (is_finite(value) and value >= 0):
                raise ValueError(f"{name} must be a finite number of seconds, at least 0, got {value!r:.80}")
        if self.max_delay < self.base_delay:
            raise ValueError(f"max_delay ({self.max_delay}) must not be below base_delay ({self.base_delay})")

    def longest_delay(self, retry: int) -> float:
        """The upper bound of the wait before retry number `retry` without a hint, in seconds.

        Args:
            retry: 0 for the first retry.
        """
        # The cap is reached long before 2**62; the bound keeps the power within a float.
        return min(self.max_delay, self.base_delay * 2.0 ** min(retry, 62))

    def delay(self, retry: int, hint: float | None, rng: random.Random) -> float:
        """Draw the wait before a retry ("full jitter").

        Args:
            retry: 0 for the first retry.
            hint: the result of `parse_retry_after`; the wait is never shorter.
            rng: source of randomness.

        Returns:
            Seconds in [0, `longest_delay`]; with a hint at least the hint, and at most the greater of
            `longest_delay` and 1.1 times the hint.
        """
        jittered = rng.uniform(0.0, self.longest_delay(retry))
        return jittered if hint is None else max(jittered, hint * rng.uniform(1.0, 1.0 + HINT_SPREAD))


DEFAULT_CAPACITY: Final = 50.0


class RetryBudget:
    """Limits the retries of all calls of a client together, so that an outage does not multiply traffic.

    A token bucket in which a retry costs one token. It starts full. The default capacity is 50; a client
    uses twice its maximum number of requests in flight if that is more, so every call can be retried even
    if all connections break twice in a row. Every success adds 0.2 tokens, so in the long run at most one
    request in six is a retry, and every second adds one, so a client with few calls can always retry. While
    nothing succeeds and the bucket is empty, there is one retry per second, however many calls are made.
    (Modelled on Finagle's `RetryBudget`, 20 % of the requests and 10 per second; the rate is lower because
    one service usually runs many clients.)

    Safe to share between threads.

    Args:
        clock: monotonic clock in seconds.
        capacity: maximum number of tokens, and the initial number.
        per_success: tokens added by a success.
        per_second: tokens added per second.

    Raises:
        ValueError: `capacity` is below 1, or another number is negative.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        capacity: float = DEFAULT_CAPACITY,
        per_success: float = 0.2,
        per_second: float = 1.0,
    ) -> None:
        if not (capacity >= 1 and per_success >= 0 and per_second >= 0):
            raise ValueError("a retry budget needs a capacity of at least 1 and no negative deposits")
        self._clock = clock
        self._capacity = capacity
        self._per_success = per_success
        self._per_second = per_second
        self._tokens = capacity
        self._updated = clock()
        self._lock = threading.Lock()

    @classmethod
    def of_client(cls, clock: Callable[[], float], concurrency: int) -> RetryBudget:
        """The budget of a client with at most `concurrency` requests in flight."""
        return cls(clock, capacity=max(DEFAULT_CAPACITY, 2.0 * concurrency))

    @property
    def available(self) -> float:
        """How many retries could be made now."""
        with self._lock:
            self._refill()
            return self._tokens

    def withdraw(self) -> bool:
        """Take the token for one retry; return False and take nothing if there is none."""
        with self._lock:
            self._refill()
            if self._tokens < 1.0:
                return False
            self._tokens -= 1.0
            return True

    def deposit(self) -> None:
        """Add the tokens that one success earns."""
        if self._tokens == self._capacity:
            return  # the usual case; a full bucket earns nothing for the elapsed time either
        with self._lock:
            self._refill()
            self._tokens = min(self._capacity, self._tokens + self._per_success)

    def _refill(self) -> None:
        now = self._clock()
        # A clock that goes backwards must not remove tokens.
        elapsed = max(0.0, now - self._updated)
        self._tokens = min(self._capacity, self._tokens + elapsed * self._per_second)
        self._updated = now
