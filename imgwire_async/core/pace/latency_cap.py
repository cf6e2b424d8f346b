"""Limits the requests in flight to a server that queues them, based on their latency."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Final

START: Final = 20.0
FLOOR: Final = 4.0
"""With this few in flight, high latency is not due to our queue: the service has become slower."""
TOLERANCE: Final = 1.5
"""The cap is lowered if the median latency exceeds the lowest known one by this factor."""
INTERVAL: Final = 1.0
FEWEST_SAMPLES: Final = 8
MOST_SAMPLES: Final = 256


class InFlightCap:
    """Caps the requests in flight, so that our queue does not bury a slow server.

    A server that queues requests responds to all of them, only later and later, and sends no 429. About once
    a second the median latency is compared with the lowest median so far. Up to 1.5 times that, the cap grows
    if at least half of it was used: it doubles until it first has to shrink, and then grows with its square
    root. Above that, it shrinks in proportion, by at most 15 %.

    Args:
        clock: monotonic clock in seconds.
        limit: upper bound of the cap.

    Raises:
        ValueError: `limit` is below 1.
    """

    def __init__(self, *, clock: Callable[[], float], limit: int) -> None:
        if limit < 1:
            raise ValueError(f"limit must be at least 1, got {limit}")
        self._clock = clock
        self._limit = float(limit)
        self._cap = min(START, self._limit)
        self._base = math.inf
        self._growing_fast = True
        self._samples: list[float] = []
        self._began = clock()
        self._most_in_flight = 0

    @property
    def value(self) -> int:
        """Maximum number of requests in flight now."""
        return int(self._cap)

    def limit_to(self, limit: int) -> None:
        """Change the upper bound of the cap."""
        self._limit = float(limit)
        self._cap = min(self._cap, self._limit)

    def answered(self, latency: float, in_flight: int) -> None:
        """Record the latency of an accepted request.

        Args:
            latency: seconds from sending to the response.
            in_flight: number of requests in flight when the response arrived, including this one.
        """
        self._most_in_flight = max(self._most_in_flight, in_flight)
        if len(self._samples) < MOST_SAMPLES:
            self._samples.append(latency)
        now = self._clock()
        if now - self._began < INTERVAL or len(self._samples) < FEWEST_SAMPLES:
            return
        median = statistics.median(self._samples)
        self._base = min(self._base, median)
        headroom = min(1.0, max(0.5, TOLERANCE * self._base / median)) if median > 0 else 1.0
        if headroom < 1.0:
            if self._cap <= FLOOR:
                self._base = median
            self._cap = max(min(FLOOR, self._limit), self._cap * (0.7 + 0.3 * headroom))
            self._growing_fast = False
        elif self._most_in_flight >= self._cap / 2:
            step = self._cap if self._growing_fast else 0.6 * math.sqrt(self._cap)
            self._cap = min(self._limit, self._cap + step)
        self._samples.clear()
        self._began = now
        self._most_in_flight = 0
