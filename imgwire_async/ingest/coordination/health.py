"""Distinguishing failures of single items from outages: what to retry, and when to pause the job."""

from __future__ import annotations

import errno
import math
import random
from collections import Counter, deque
from enum import StrEnum
from typing import Final

import anyio

from imgwire_async.core.retry import RetryBudget
from imgwire_async.core.time import Time
from imgwire_async.errors import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    DownloadRejectedError,
    DownloadTargetError,
    ImgwireError,
    RateLimitError,
    ResponseDecodeError,
    StoreError,
    UploadRejectedError,
)

WINDOW: Final = 200
"""Number of recent outcomes that are considered."""
FEWEST: Final = 20
"""Minimum number of outcomes to judge transient failures; permanent failures need the whole window."""
SHARE: Final = 0.5
LOST_IN_A_ROW: Final = 4
"""After this many consecutive attempts without a response, the service or the network is down."""
FIRST_PROBE: Final = 0.5
LONGEST_PROBE: Final = 15.0
"""Seconds between probes during a pause, doubling from the first to the longest."""
_OF_THE_DISK: Final = frozenset({errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)})


class Verdict(StrEnum):
    """The meaning of a failure for its item."""

    STOP = "stop"
    """Every other item would fail the same way."""
    THROTTLED = "throttled"
    """The service asked to slow down, which is not a failure."""
    TRANSIENT = "transient"
    PERMANENT = "permanent"


def judge(error: ImgwireError, stop_on: tuple[type[ImgwireError], ...]) -> Verdict:
    """Classify a failed attempt. Every attempt carries the item's idempotency key.

    A 409 is transient: the service may still be busy with an earlier request under the same key.
    """
    if isinstance(error, (*stop_on, ConfigurationError)):
        return Verdict.STOP
    if isinstance(error, StoreError):
        if error.concerns_bucket:
            return Verdict.STOP
        return Verdict.TRANSIENT if error.is_transient else Verdict.PERMANENT
    if isinstance(error, RateLimitError):
        return Verdict.THROTTLED
    if isinstance(error, APIConnectionError | ResponseDecodeError):
        return Verdict.TRANSIENT
    if isinstance(error, APIStatusError | UploadRejectedError | DownloadRejectedError):
        if error.status == 429 or (error.status == 503 and error.retry_after is not None):
            return Verdict.THROTTLED
        if error.status in {408, 409} or error.status >= 500:
            return Verdict.TRANSIENT
    if isinstance(error, DownloadTargetError) and error.errno in _OF_THE_DISK:
        return Verdict.STOP
    return Verdict.PERMANENT


def cause_of(error: ImgwireError) -> str:
    """A short text that is the same for failures of the same kind."""
    parts = [type(error).__name__]
    if isinstance(error, APIStatusError | UploadRejectedError | DownloadRejectedError):
        parts.append(str(error.status))
    if isinstance(error, APIStatusError) and error.error_type:
        parts.append(error.error_type[:80])
    return " ".join(parts)


class Health:
    """Pauses a job whose failures do not come from single items.

    It pauses when at least half of the last 200 attempts failed transiently in the same way, when four in a
    row got no response, or when the retries of the job are used up (20 % of its successes, and 10 a second).
    Then attempts are probes, one at a time, until one gets a response.

    Args:
        time: clock to read and to wait on.
        rng: source of randomness.
    """

    def __init__(self, *, time: Time, rng: random.Random) -> None:
        self._time = time
        self._clock = time.monotonic
        self._rng = rng
        self._retries = RetryBudget(self._clock, capacity=100.0, per_success=0.2, per_second=10.0)
        self._recent: deque[str | None] = deque(maxlen=WINDOW)
        self._lost_in_a_row = 0
        self._paused_at: float | None = None
        self._probing = False
        self._probes = 0
        self._next_probe = -math.inf
        self._changed = anyio.Event()
        self.cause: str | None = None
        """Why the job is paused, or None if it is not."""

    @property
    def paused_for(self) -> float:
        """Seconds since the start of the pause; 0 if the job is not paused."""
        return 0.0 if self._paused_at is None else self._clock() - self._paused_at

    async def admit(self) -> bool:
        """Wait until an attempt may be made.

        Returns:
            Whether it is a probe.
        """
        while self._paused_at is not None:
            wait = math.inf if self._probing else self._next_probe - self._clock()
            if wait <= 0.0:
                self._probing = True
                return True
            await self._time.wait(self._changed, wait)
        return False

    def answered(self) -> None:
        """Record a success, or a failure that concerns only this item."""
        self._resume()
        self._recent.append(None)
        self._retries.deposit()

    def _resume(self) -> None:
        self._lost_in_a_row = 0
        if self._paused_at is not None:
            self._paused_at = self.cause = None
            self._probes = 0
            self._recent.clear()
            self._wake()

    def failed_for_good(self, error: ImgwireError) -> str | None:
        """Record that the service permanently rejected an item.

        Returns:
            The cause, if the service rejected at least half of the last 200 items for the same one.
        """
        self._resume()
        return self._note(cause_of(error), WINDOW)

    def failed(self, error: ImgwireError, *, probe: bool) -> bool:
        """Record a transient failure.

        Returns:
            Whether the job is paused. If so, the failure does not count against the item.
        """
        cause = cause_of(error)
        self._lost_in_a_row = self._lost_in_a_row + 1 if isinstance(error, APIConnectionError) else 0
        if self._paused_at is not None:
            if probe:
                self._end_probe(min(LONGEST_PROBE, FIRST_PROBE * 2.0 ** min(self._probes, 10)))
            return True
        too_many = self._note(cause, FEWEST) is not None
        if too_many or self._lost_in_a_row >= LOST_IN_A_ROW or not self._retries.withdraw():
            self._paused_at = self._clock()
            self.cause = str(error)
            self._end_probe(FIRST_PROBE)
            return True
        return False

    def unclear(self, *, probe: bool) -> None:
        """Record that an attempt ended in a way that says nothing about the service."""
        if probe:
            self._end_probe(0.0)

    def _note(self, cause: str, fewest: int) -> str | None:
        self._recent.append(cause)
        count = Counter(self._recent)[cause]
        return cause if len(self._recent) >= fewest and count >= SHARE * len(self._recent) else None

    def _end_probe(self, delay: float) -> None:
        self._probing = False
        self._probes += 1
        self._next_probe = self._clock() + delay * self._rng.uniform(0.75, 1.25)
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        self._probing = self._probing and self._paused_at is not None
        changed.set()
