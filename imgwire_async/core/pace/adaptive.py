"""Pacing of a rate class whose limit is not stated."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from imgwire_async.core.pace.controller import START_RATE, RateController
from imgwire_async.core.pace.latency_cap import InFlightCap


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request that has been sent."""

    generation: int
    sent_at: float
    """Instant of the clock."""


class Pacer(Protocol):
    """Decides when the next request of a class may be sent, and adapts to the responses."""

    @property
    def ceiling(self) -> float | None:
        """The rate at which the last 429 was received, or None."""
        ...

    def next_send(self) -> float:
        """When the next request may be sent: an instant of the clock, or math.inf if not known yet."""
        ...

    def begin(self) -> Ticket:
        """Record that a request is sent, at `next_send` or later."""
        ...

    def accepted(self, ticket: Ticket) -> None:
        """Record a response that does not ask to slow down, whatever its status."""
        ...

    def throttled(self, ticket: Ticket, hint: float | None) -> None:
        """Record a 429 response, with its `Retry-After` in seconds, or None."""
        ...

    def lend(self) -> None:
        """Record that a request waits for the caller's code, and is not in flight meanwhile."""
        ...

    def take_back(self) -> None:
        """Record that such a request continues."""
        ...

    def end(self, ticket: Ticket) -> None:
        """Record that a request is no longer in flight, with or without a response."""
        ...


class AdaptivePacer:
    """Decides when the next request may be sent, and adapts to the responses.

    The rate follows the service's 429s (`RateController`); the number in flight follows its latency
    (`InFlightCap`).

    Args:
        clock: monotonic clock in seconds.
        rng: source of randomness.
        limit: maximum number of requests in flight.
        start_rate: initial requests per second.
    """

    def __init__(
        self, *, clock: Callable[[], float], rng: random.Random, limit: int, start_rate: float = START_RATE
    ) -> None:
        self._clock = clock
        self._controller = RateController(clock=clock, rng=rng, start_rate=start_rate)
        self._cap = InFlightCap(clock=clock, limit=limit)
        self._in_flight = 0

    @property
    def ceiling(self) -> float | None:
        """The rate at which the last 429 was received, or None; a later run may start from it."""
        return self._controller.ceiling

    def next_send(self) -> float:
        """When the next request may be sent: an instant of the clock, or math.inf to wait for a response."""
        return math.inf if self._in_flight >= self._cap.value else self._controller.next_send()

    def begin(self) -> Ticket:
        """Record that a request is sent, at `next_send` or later."""
        lease = self._controller.lease(1, horizon=0.0)
        self._in_flight += 1
        return Ticket(lease.generation, self._clock())

    def accepted(self, ticket: Ticket) -> None:
        """Record a response that does not ask to slow down, whatever its status."""
        took = self._clock() - ticket.sent_at
        self._cap.answered(took, self._in_flight)
        self._controller.report(1, 0, None, ticket.generation, took)

    def throttled(self, ticket: Ticket, hint: float | None) -> None:
        """Record a 429 response, with its `Retry-After` in seconds, or None."""
        self._controller.report(0, 1, hint, ticket.generation)

    def lend(self) -> None:
        """Record that a request waits for the caller's code, and is not in flight meanwhile."""
        self._in_flight -= 1

    def take_back(self) -> None:
        """Record that such a request continues."""
        self._in_flight += 1

    def end(self, ticket: Ticket) -> None:
        """Record that a request is no longer in flight, with or without a response."""
        self._in_flight -= 1
        self._controller.report(0, 0, None, ticket.generation)
