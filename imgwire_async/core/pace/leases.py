"""One pace for several processes: a desk grants slots, and each process sends within its own.

The desk stands in one process. The others hold a `LeasedPacer` for each class of requests that has a pace.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import anyio

from imgwire_async.core.pace.adaptive import Ticket
from imgwire_async.core.pace.controller import LEASE_HORIZON, Lease, RateController
from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.pace.latency_cap import InFlightCap
from imgwire_async.core.pace.limits import TokenBucket
from imgwire_async.core.pace.permits import LONGEST_CLOSURE, UNHINTED_PAUSE
from imgwire_async.core.time import Time

GRANT: Final = 0.05
"""A lease gives what the whole rate gives in this many seconds, so that all have their turn."""
LONGEST_WAIT: Final = 1.0
"""After this many seconds the desk looks again: a probe may have been lost with its process."""
REPORT_EVERY: Final = 0.1
"""Seconds between two reports of accepted requests. 429s are reported without delay."""
UNUSED_AFTER: Final = 0.25
"""A slot that nobody has used this many seconds after its time goes back."""


class LeaseSource(Protocol):
    """Where a `LeasedPacer` has its slots from: a desk, or a way to it."""

    async def lease(self, count: int) -> Lease:
        """Wait for permission to send up to `count` requests."""
        ...

    def report(self, ok: int, throttled: int, hint: float | None, generation: int) -> None:
        """Tell what came of requests of one lease."""
        ...

    def give_back(self, count: int, generation: int) -> None:
        """Return slots of a lease that were not used."""
        ...


class LeaseDesk:
    """Grants the slots of one class of requests. Who asks first is served first.

    Args:
        controller: finds the pace by probing; None for a class whose limit is stated.
        bucket: keeps the limit that is stated, if there is one; the gate of the client uses it as well.
        on_void: told the oldest generation whose slots are still good, whenever earlier ones are void.
        time: clock to read and to wait on.

    Raises:
        ValueError: there is neither a controller nor a limit.
    """

    def __init__(
        self,
        controller: RateController | None,
        bucket: TokenBucket | None,
        *,
        on_void: Callable[[int], None],
        time: Time,
    ) -> None:
        if controller is None and bucket is None:
            raise ValueError("a class without controller and limit has no pace")
        self._controller = controller
        self._bucket = bucket
        self._stated_rate = math.inf if bucket is None else bucket.rate
        self._on_void = on_void
        self._clock, self._wait = time.monotonic, time.wait
        self._turn = anyio.Lock()
        self._changed = anyio.Event()
        self._closed_until = -math.inf
        self._generation = 0
        self._valid = 0

    @property
    def ceiling(self) -> float | None:
        """The rate at which the last 429 came, or None; a later run may start from it."""
        return None if self._controller is None else self._controller.ceiling

    async def lease(self, count: int) -> Lease:
        """Wait for permission to send some requests, at least one and up to `count`.

        It covers a quarter of a second at most, and less than that when many ask.
        """
        async with self._turn:
            while True:
                most = max(1, min(count, math.ceil(self._rate * GRANT)))
                opens_at, now = self._opens_at(most), self._clock()
                lease = self._grant(most, now) if opens_at <= now else None
                if lease is not None and lease.delays:
                    return lease
                self._changed = anyio.Event()
                await self._wait(self._changed, min(max(opens_at - now, 0.001), LONGEST_WAIT))

    def report(self, ok: int, throttled: int, hint: float | None, generation: int) -> None:
        """Tell what came of requests of one lease; see `RateController.report`."""
        if self._controller is not None:
            valid = self._controller.report(ok, throttled, hint, generation)
        elif throttled:
            pause = min(UNHINTED_PAUSE if hint is None else hint, LONGEST_CLOSURE)
            self._closed_until = max(self._closed_until, self._clock() + pause)
            valid = self._generation + 1
        else:
            return
        if valid > self._valid:
            self._valid = valid
            self._on_void(valid)
        self._changed.set()

    def give_back(self, count: int, generation: int) -> None:
        """Take back slots of a lease that were not used.

        Those of a stated limit are lost: it must hold whatever happens.
        """
        if self._controller is not None:
            self._controller.give_back(count, generation)
            self._changed.set()

    @property
    def _rate(self) -> float:
        return (
            self._stated_rate if self._controller is None else min(self._controller.rate, self._stated_rate)
        )

    def _opens_at(self, count: int) -> float:
        instant = self._closed_until
        if self._controller is not None:
            instant = max(instant, self._controller.next_lease(count))
        if self._bucket is not None:
            instant = max(instant, self._bucket.next_token() - LEASE_HORIZON)
        return instant

    def _grant(self, count: int, now: float) -> Lease:
        if self._controller is None:
            self._generation += 1
            lease = Lease(self._generation, (0.0,) * count)
        else:
            lease = self._controller.lease(count)
        if self._bucket is None:
            return lease
        delays: list[float] = []
        for delay in lease.delays:
            at = max(now + delay, self._bucket.next_token())
            if at > now + LEASE_HORIZON or not self._bucket.take(at):
                break
            delays.append(at - now)
        if self._controller is not None and len(delays) < len(lease.delays):
            self._controller.give_back(len(lease.delays) - len(delays), lease.generation)
        return Lease(lease.generation, tuple(delays))


class _Slot(NamedTuple):
    at: float
    gap: float
    """Seconds after the slot before it. It is kept when both are late, so that no burst results."""
    generation: int


class LeasedPacer:
    """Says when the next request of a class may go, by the slots that a desk has granted.

    Args:
        gate: the gate of this process; the pacer makes itself that of the class.
        rate_class: the class of requests.
        source: the desk, or a way to it.
        cap: bounds the requests in flight by their latency, if they are to be.
    """

    def __init__(
        self,
        gate: Gate,
        rate_class: str,
        source: LeaseSource,
        *,
        cap: InFlightCap | None = None,
    ) -> None:
        self._gate = gate
        self._rate_class = rate_class
        self._source = source
        self._cap = cap
        self._sleep, self._wait = gate.time.sleep, gate.time.wait
        self._slots: deque[_Slot] = deque()
        self._sent_at = -math.inf
        self._in_flight = 0
        self._valid = 0
        self._accepted: dict[int, int] = {}
        self._wanted = anyio.Event()
        self._to_report = anyio.Event()
        gate.pace_with(rate_class, self)

    @property
    def ceiling(self) -> float | None:
        """Only the desk knows."""
        return None

    def next_send(self) -> float:
        """When the next request may go: an instant of the clock, or math.inf for later than is known."""
        if self._room() <= 0:
            return math.inf
        if len(self._slots) < self._gate.waiting(self._rate_class):
            self._wanted.set()
        if not self._slots:
            return math.inf
        return max(self._slots[0].at, self._sent_at + self._slots[0].gap)

    def begin(self) -> Ticket:
        """Let a request go, at `next_send` or later."""
        slot = self._slots.popleft()
        self._in_flight += 1
        self._sent_at = self._gate.clock()
        return Ticket(slot.generation, self._sent_at)

    def accepted(self, ticket: Ticket) -> None:
        """Learn that a request was answered, with whatever status but a request to slow down."""
        if self._cap is not None:
            self._cap.answered(self._gate.clock() - ticket.sent_at, self._in_flight)
        self._accepted[ticket.generation] = self._accepted.get(ticket.generation, 0) + 1
        self._to_report.set()

    def throttled(self, ticket: Ticket, hint: float | None) -> None:
        """Learn that a request was answered 429, with the seconds of its `Retry-After` if it had one."""
        self._report_accepted()
        self._source.report(0, 1, hint, ticket.generation)

    def lend(self) -> None:
        """Learn that a request waits for code of the caller's own, and is not in flight meanwhile."""
        self._in_flight -= 1

    def take_back(self) -> None:
        """Learn that such a request goes on."""
        self._in_flight += 1

    def end(self, ticket: Ticket) -> None:
        """Learn that a request is no longer in flight, whether or not it was answered."""
        self._in_flight -= 1
        self._accepted.setdefault(ticket.generation, 0)
        self._to_report.set()

    def void(self, generation: int) -> None:
        """Use no slots older than that generation."""
        self._valid = max(self._valid, generation)
        self._slots = deque(slot for slot in self._slots if slot.generation >= self._valid)
        self._wanted.set()

    async def run(self) -> None:
        """Fetch slots and report until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._fetch)
            while True:
                await self._wait(self._to_report, math.inf)
                self._to_report = anyio.Event()
                self._report_accepted()
                await self._sleep(REPORT_EVERY)

    async def _fetch(self) -> None:
        while True:
            await self._wait(self._wanted, UNUSED_AFTER if self._slots else math.inf)
            self._wanted = anyio.Event()
            wanted = min(self._gate.waiting(self._rate_class), self._room()) - len(self._slots)
            if wanted > 0:
                self._take(await self._source.lease(wanted))
                self._gate.reconsider()
            else:
                self._give_back_unused()

    def _room(self) -> int:
        return sys.maxsize if self._cap is None else self._cap.value - self._in_flight

    def _take(self, lease: Lease) -> None:
        if lease.generation < self._valid:
            return
        now, before = self._gate.clock(), None
        for delay in lease.delays:
            gap = 0.0 if before is None else delay - before
            self._slots.append(_Slot(now + delay, gap, lease.generation))
            before = delay

    def _give_back_unused(self) -> None:
        due = self._gate.clock() - UNUSED_AFTER
        while self._slots and self._slots[0].at <= due:
            slot = self._slots.popleft()
            self._source.give_back(1, slot.generation)

    def _report_accepted(self) -> None:
        for generation, count in self._accepted.items():
            self._source.report(count, 0, None, generation)
        self._accepted.clear()
