"""The pace of one class of requests whose limit nobody has stated."""

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
    """A request that has been let go."""

    generation: int
    sent_at: float
    """Instant of the clock."""


class Pacer(Protocol):
    """Says when the next request of a class may go, and learns from what comes of each."""

    @property
    def ceiling(self) -> float | None:
        """The rate at which the last 429 came, or None."""
        ...

    def next_send(self) -> float:
        """When the next request may go: an instant of the clock, or math.inf for later than is known."""
        ...

    def begin(self) -> Ticket:
        """Let a request go, at `next_send` or later."""
        ...

    def accepted(self, ticket: Ticket) -> None:
        """Learn that a request was answered, with whatever status but a request to slow down."""
        ...

    def throttled(self, ticket: Ticket, hint: float | None) -> None:
        """Learn that a request was answered 429, with the seconds of its `Retry-After` if it had one."""
        ...

    def lend(self) -> None:
        """Learn that a request waits for code of the caller's own, and is not in flight meanwhile."""
        ...

    def take_back(self) -> None:
        """Learn that such a request goes on."""
        ...

    def end(self, ticket: Ticket) -> None:
        """Learn that a request is no longer in flight, whether or not it was answered."""
        ...


class AdaptivePacer:
    """Says when the next request may go, and learns from what comes of each.

    The rate follows the service's 429s (`RateController`), the number in flight its latency (`InFlightCap`).

    Args:
        clock: monotonic clock in seconds.
        rng: source of randomness.
        limit: never more requests than this in flight.
        start_rate: requests per second to begin with.
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
        """The rate at which the last 429 came, or None before the first; a later run may start from it."""
        return self._controller.ceiling

    def next_send(self) -> float:
        """When the next request may go: an instant of the clock, or math.inf for after a response."""
        return math.inf if self._in_flight >= self._cap.value else self._controller.next_send()

    def begin(self) -> Ticket:
        """Let a request go, at `next_send` or later."""
        lease = self._controller.lease(1, horizon=0.0)
        self._in_flight += 1
        return Ticket(lease.generation, self._clock())

    def accepted(self, ticket: Ticket) -> None:
        """Learn that a request was answered, with whatever status but a request to slow down."""
        took = self._clock() - ticket.sent_at
        self._cap.answered(took, self._in_flight)
        self._controller.report(1, 0, None, ticket.generation, took)

    def throttled(self, ticket: Ticket, hint: float | None) -> None:
        """Learn that a request was answered 429, with the seconds of its `Retry-After` if it had one."""
        self._controller.report(0, 1, hint, ticket.generation)

    def lend(self) -> None:
        """Learn that a request waits for code of the caller's own, and is not in flight meanwhile."""
        self._in_flight -= 1

    def take_back(self) -> None:
        """Learn that such a request goes on."""
        self._in_flight += 1

    def end(self, ticket: Ticket) -> None:
        """Learn that a request is no longer in flight, whether or not it was answered."""
        self._in_flight -= 1
        self._controller.report(0, 0, None, ticket.generation)
