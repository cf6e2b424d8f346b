"""One pace for several processes: a desk grants slots, and each process sends within its slots.

The desk runs in one process. The others have a `LeasedPacer` for each paced rate class.
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
"""Length of a lease at the full rate, in seconds: short, so that all processes get a turn."""
LONGEST_WAIT: Final = 1.0
"""The desk checks again after this many seconds, because a probe may have been lost with its process."""
REPORT_EVERY: Final = 0.1
"""Seconds between two reports of accepted requests. 429s are reported without delay."""
UNUSED_AFTER: Final = 0.25
"""A slot that is unused this many seconds after its time is returned."""


class LeaseSource(Protocol):
    """The source of a `LeasedPacer`'s slots: a desk, or a connection to one."""

    async def lease(self, count: int) -> Lease:
        """Wait for permission to send up to `count` requests."""
        ...

    def report(self, ok: int, throttled: int, hint: float | None, generation: int) -> None:
        """Report the responses to requests of one lease."""
        ...

    def give_back(self, count: int, generation: int) -> None:
        """Return unused slots of a lease."""
        ...


class LeaseDesk:
    """Grants the slots of one rate class, in the order of the requests for leases.

    Args:
        controller: finds the pace by probing; None for a class with a stated limit.
        bucket: enforces the stated limit, if there is one; shared with the client's gate.
        on_void: called with the oldest generation whose slots are still valid, whenever earlier ones are
            voided.
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
            raise ValueError("a rate class needs a controller or a limit")
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
        """The rate at which the last 429 was received, or None; a later run may start from it."""
        return None if self._controller is None else self._controller.ceiling

    async def lease(self, count: int) -> Lease:
        """Wait for permission to send some requests, at least one and up to `count`.

        It covers at most a quarter of a second, and less if many processes ask.
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
        """Report the responses to requests of one lease; see `RateController.report`."""
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
        """Return unused slots of a lease.

        Slots of a stated limit are lost, because it must never be exceeded.
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
    """Seconds after the previous slot. The gap is kept if both are late, to avoid a burst."""
    generation: int


class LeasedPacer:
    """Decides when the next request of a class may be sent, based on the slots granted by a desk.

    Args:
        gate: the gate of this process; the pacer registers itself with it for the class.
        rate_class: the class of requests.
        source: the desk, or a connection to it.
        cap: limits the requests in flight by their latency; None for no such limit.
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
        """Always None: only the desk knows it."""
        return None

    def next_send(self) -> float:
        """When the next request may be sent: an instant of the clock, or math.inf if not known yet."""
        if self._room() <= 0:
            return math.inf
        if len(self._slots) < self._gate.waiting(self._rate_class):
            self._wanted.set()
        if not self._slots:
            return math.inf
        return max(self._slots[0].at, self._sent_at + self._slots[0].gap)

    def begin(self) -> Ticket:
        """Record that a request is sent, at `next_send` or later."""
        slot = self._slots.popleft()
        self._in_flight += 1
        self._sent_at = self._gate.clock()
        return Ticket(slot.generation, self._sent_at)

    def accepted(self, ticket: Ticket) -> None:
        """Record a response that does not ask to slow down, whatever its status."""
        if self._cap is not None:
            self._cap.answered(self._gate.clock() - ticket.sent_at, self._in_flight)
        self._accepted[ticket.generation] = self._accepted.get(ticket.generation, 0) + 1
        self._to_report.set()

    def throttled(self, ticket: Ticket, hint: float | None) -> None:
        """Record a 429 response, with its `Retry-After` in seconds, or None."""
        self._report_accepted()
        self._source.report(0, 1, hint, ticket.generation)

    def lend(self) -> None:
        """Record that a request waits for the caller's code, and is not in flight meanwhile."""
        self._in_flight -= 1

    def take_back(self) -> None:
        """Record that such a request continues."""
        self._in_flight += 1

    def end(self, ticket: Ticket) -> None:
        """Record that a request is no longer in flight, with or without a response."""
        self._in_flight -= 1
        self._accepted.setdefault(ticket.generation, 0)
        self._to_report.set()

    def void(self, generation: int) -> None:
        """Discard slots of earlier generations."""
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
