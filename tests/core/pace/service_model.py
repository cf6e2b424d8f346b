"""A discrete-event model of clients and a rate-limited or queueing service, in virtual time.

The clients drive the real controller and the real cap; only the service and the network are modelled.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from imgwire_async.core.pace.adaptive import Ticket
from imgwire_async.core.pace.controller import Lease, RateController
from imgwire_async.core.pace.latency_cap import InFlightCap
from imgwire_async.core.pace.throttled import UNPACED, LastSecond, ThrottledPacer
from imgwire_async.core.retry import RetryPolicy

TRAVEL = 0.02


class World:
    """Virtual time and the events scheduled in it."""

    def __init__(self, seed: int, *, jitter: float = 0.2) -> None:
        self.now = 0.0
        self.jitter = jitter
        self.rng = random.Random(seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def clock(self) -> float:
        return self.now

    def travel(self) -> float:
        """Seconds that a request takes to reach the service."""
        return TRAVEL * self.rng.uniform(1.0 - self.jitter, 1.0 + self.jitter)

    def at(self, when: float, do: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (max(when, self.now), self._count, do))

    def step(self) -> None:
        """Advance to the next event."""
        self.now, _, do = heapq.heappop(self._events)
        do()

    def run_until(self, end: float) -> None:
        while self._events and self._events[0][0] <= end:
            self.now, _, do = heapq.heappop(self._events)
            do()
        self.now = end


@dataclass(frozen=True)
class Reply:
    at: float
    """When the service responds."""
    throttled: bool
    hint: float | None = None


class Service(Protocol):
    def handle(self, now: float, rng: random.Random) -> Reply: ...


def served(now: float, rng: random.Random) -> float:
    return now + 0.13 * rng.uniform(0.7, 1.3)


def refused(now: float, hint: float | None = None) -> Reply:
    return Reply(now + 0.002, throttled=True, hint=hint)


class TokenBucket:
    def __init__(self, rate: float, burst: float, *, hints: bool | Literal["exact"] = False) -> None:
        self.rate = rate
        self._burst = self._tokens = burst
        self._updated = 0.0
        self._hints = hints

    def handle(self, now: float, rng: random.Random) -> Reply:
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self.rate)
        self._updated = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return Reply(served(now, rng), throttled=False)
        wait = (1.0 - self._tokens) / self.rate
        if self._hints != "exact":
            wait = math.ceil(wait)  # in whole seconds, as services send it
        return refused(now, float(wait) if self._hints else None)


class FixedWindow:
    def __init__(self, quota: int, window: float, *, hints: bool = False, offset: float = 0.0) -> None:
        self.rate = quota / window
        self._quota = quota
        self._window = window
        self._hints = hints
        self._offset = offset
        self._current = -1
        self._used = 0

    def handle(self, now: float, rng: random.Random) -> Reply:
        window, into = divmod(now + self._offset, self._window)
        if window != self._current:
            self._current, self._used = int(window), 0
        if self._used < self._quota:
            self._used += 1
            return Reply(served(now, rng), throttled=False)
        return refused(now, float(math.ceil(self._window - into)) if self._hints else None)


class Steps:
    """A token bucket whose rate changes at given times."""

    def __init__(self, steps: Sequence[tuple[float, float]]) -> None:
        self._steps = list(steps)
        self._bucket = TokenBucket(steps[0][1], burst=steps[0][1] / 4)

    def handle(self, now: float, rng: random.Random) -> Reply:
        while self._steps and now >= self._steps[0][0]:
            self._bucket.rate = self._steps.pop(0)[1]
        return self._bucket.handle(now, rng)


class ConcurrencyLimit:
    """Rejects requests beyond this many at once."""

    def __init__(self, limit: int) -> None:
        self.rate = limit / 0.13
        self._limit = limit
        self._ends: list[float] = []

    def handle(self, now: float, rng: random.Random) -> Reply:
        while self._ends and self._ends[0] <= now:
            heapq.heappop(self._ends)
        if len(self._ends) >= self._limit:
            return refused(now)
        end = served(now, rng)
        heapq.heappush(self._ends, end)
        return Reply(end, throttled=False)


class Queue:
    """Workers that serve one request after another; other requests wait, and none is rejected."""

    def __init__(self, workers: int) -> None:
        self.rate = workers / 0.2
        self._free_at = [0.0] * workers

    def handle(self, now: float, rng: random.Random) -> Reply:
        end = max(now, self._free_at[0]) + 0.2 * rng.uniform(0.7, 1.3)
        heapq.heapreplace(self._free_at, end)
        return Reply(end, throttled=False)


@dataclass
class Tally:
    """The number of responses of each kind in one second of the service's time."""

    ok: int = 0
    throttled: int = 0
    latencies: list[float] = field(default_factory=list)


class Record:
    """Counts responses by the second in which they arrived."""

    def __init__(self) -> None:
        self._seconds: dict[int, Tally] = {}
        self.sent = 0
        self.granted = 0
        self.by_worker: dict[int, int] = {}

    def note(self, now: float, worker: int, reply: Reply, latency: float) -> None:
        tally = self._seconds.setdefault(int(now), Tally())
        if reply.throttled:
            tally.throttled += 1
        else:
            tally.ok += 1
            tally.latencies.append(latency)
            self.by_worker[worker] = self.by_worker.get(worker, 0) + 1

    def ok(self, begin: float, end: float) -> int:
        return sum(tally.ok for at, tally in self._seconds.items() if begin <= at < end)

    def throttled(self, begin: float, end: float) -> int:
        return sum(tally.throttled for at, tally in self._seconds.items() if begin <= at < end)

    def goodput(self, begin: float, end: float) -> float:
        return self.ok(begin, end) / (end - begin)

    def throttled_share(self, begin: float, end: float) -> float:
        throttled = self.throttled(begin, end)
        return throttled / max(1, throttled + self.ok(begin, end))

    def reached(self, rate: float, begin: float, end: float) -> float:
        """Seconds from `begin` until the goodput over three seconds first reached `rate`."""
        return next(
            (at + 3 - begin for at in range(int(begin), int(end) - 3) if self.goodput(at, at + 3) >= rate),
            math.inf,
        )

    def latency(self, share: float, begin: float, end: float) -> float:
        ordered = sorted(
            x for at, tally in self._seconds.items() if begin <= at < end for x in tally.latencies
        )
        return ordered[int(share * (len(ordered) - 1))]

    def fairness(self) -> float:
        """Jain's index: 1 if all workers got the same share."""
        counts = list(self.by_worker.values())
        return sum(counts) ** 2 / (len(counts) * sum(count**2 for count in counts))


class Client:
    """Always has requests to send, and sends them when the controller and the cap allow it."""

    def __init__(
        self,
        world: World,
        service: Service,
        record: Record,
        controller: RateController,
        *,
        limit: int = 2_000,
        demand: float = math.inf,
    ) -> None:
        self._world = world
        self._service = service
        self._record = record
        self._controller = controller
        self.cap = InFlightCap(clock=world.clock, limit=limit)
        self._in_flight = 0
        self._wakes_at = math.inf
        self.demand = demand
        self._last_sent = -math.inf
        world.at(0.0, self._pump)

    def _pump(self) -> None:
        world = self._world
        while self._in_flight < self.cap.value:
            due = max(self._controller.next_send(), self._last_sent + 1.0 / self.demand)
            if due > world.now + 1e-9:
                self._wake_at(due)
                return
            lease = self._controller.lease(1, horizon=0.0)
            if not lease.delays:
                self._wake_at(world.now + 1e-6)
                return
            self._record.granted += 1
            self._last_sent = world.now
            self._send(lease.generation)

    def _wake_at(self, due: float) -> None:
        if math.isfinite(due) and (due < self._wakes_at or self._wakes_at <= self._world.now):
            self._wakes_at = due
            self._world.at(due, self._pump)

    def _send(self, generation: int) -> None:
        world = self._world
        sent = world.now
        self._in_flight += 1
        self._record.sent += 1

        def arrive() -> None:
            reply = self._service.handle(world.now, world.rng)
            world.at(reply.at + TRAVEL, lambda: self._answer(sent, generation, reply))

        world.at(sent + world.travel(), arrive)

    def _answer(self, sent: float, generation: int, reply: Reply) -> None:
        latency = self._world.now - sent
        self._record.note(self._world.now, 0, reply, latency)
        if not reply.throttled:
            self.cap.answered(latency, self._in_flight)
        self._in_flight -= 1
        self._controller.report(int(not reply.throttled), int(reply.throttled), reply.hint, generation)
        self._pump()


class Calls:
    """Calls of a client without pacing, each with a slot while it is in flight, and their retries.

    Behaves like a `Gate`, but runs fifty times faster.
    """

    def __init__(self, seed: int, service: Service, *, slots: int = 100) -> None:
        self._world = World(seed)
        self._service = service
        self._slots = slots
        self._rng = random.Random(seed)
        self._pacer: ThrottledPacer | None = None
        self._last_second = LastSecond()
        self._queue: deque[int] = deque()
        self._in_flight = 0
        self._first_known_at = self._wakes_at = math.inf
        self._accepted = 0
        self.throttled = 0
        self.unavoidable = 0
        """429s for requests that were in flight when the first 429 arrived."""

    def make(self, calls: int) -> float:
        """Make these calls at once; returns the seconds until the last one has succeeded."""
        began, self._accepted, self.throttled, self.unavoidable = self._world.now, 0, 0, 0
        self._queue.extend([0] * calls)
        self._pump()
        while self._accepted < calls:
            self._world.step()
        return self._world.now - began

    def _pump(self) -> None:
        while self._queue and self._in_flight < self._slots:
            if self._pacer is not None and (due := self._pacer.next_send()) > self._world.now:
                if due < self._wakes_at or self._wakes_at <= self._world.now < due < math.inf:
                    self._wakes_at = due
                    self._world.at(due, self._pump)
                return
            self._send(self._queue.popleft(), self._pacer)

    def _send(self, retry: int, pacer: ThrottledPacer | None) -> None:
        world, sent_at = self._world, self._world.now
        ticket = UNPACED if pacer is None else pacer.begin()
        self._in_flight += 1

        def arrive() -> None:
            reply = self._service.handle(world.now, world.rng)
            world.at(reply.at + TRAVEL, lambda: end(reply))

        def end(reply: Reply) -> None:
            self._in_flight -= 1
            if reply.throttled:
                self._note_429(ticket, sent_at, reply.hint)
                delay = RetryPolicy().delay(retry, reply.hint, self._rng)
                world.at(world.now + delay, lambda: again(retry + 1))
            else:
                self._accepted += 1
                if self._pacer is None:
                    self._last_second.add(world.now)
                else:
                    self._pacer.accepted(ticket)
            if pacer is not None:
                pacer.end(ticket)
            self._pump()

        def again(number: int) -> None:
            self._queue.append(number)
            self._pump()

        world.at(sent_at + world.travel(), arrive)

    def _note_429(self, ticket: Ticket, sent_at: float, hint: float | None) -> None:
        world = self._world
        if self._pacer is None:
            self._first_known_at = world.now
            accepted = self._last_second.count(world.now)
            self._pacer = ThrottledPacer(clock=world.clock, rng=self._rng, accepted=accepted)
        self.throttled += 1
        self.unavoidable += sent_at <= self._first_known_at
        self._pacer.throttled(ticket, hint)


class Worker:
    """One of several processes that lease slots from a shared controller, four times a second."""

    def __init__(
        self,
        number: int,
        world: World,
        service: Service,
        record: Record,
        controller: RateController,
        workers: int,
    ) -> None:
        self._number = number
        self._world = world
        self._service = service
        self._record = record
        self._controller = controller
        self._workers = workers
        self._valid = 0
        self._accepted: dict[int, int] = {}
        world.at(0.25 * number / workers, self._lease)

    def _lease(self) -> None:
        world = self._world
        self._report_accepted()
        share = math.ceil(self._controller.rate * 0.25 / self._workers)
        lease: Lease = self._controller.lease(max(1, share))
        self._record.granted += len(lease.delays)
        for delay in lease.delays:
            world.at(world.now + delay, lambda: self._send(lease.generation))
        world.at(world.now + 0.25 * world.rng.uniform(0.9, 1.1), self._lease)
        world.at(world.now + 0.125, self._report_accepted)

    def _report_accepted(self) -> None:
        for generation, count in self._accepted.items():
            self._valid = self._controller.report(count, 0, None, generation)
        self._accepted.clear()

    def _send(self, generation: int) -> None:
        if generation < self._valid:
            return
        world = self._world
        sent = world.now
        self._record.sent += 1

        def arrive() -> None:
            reply = self._service.handle(world.now, world.rng)
            world.at(reply.at + TRAVEL, lambda: self._answer(sent, generation, reply))

        world.at(sent + world.travel(), arrive)

    def _answer(self, sent: float, generation: int, reply: Reply) -> None:
        self._record.note(self._world.now, self._number, reply, self._world.now - sent)
        if reply.throttled:
            self._report_accepted()
            self._valid = self._controller.report(0, 1, reply.hint, generation)
        else:
            self._accepted[generation] = self._accepted.get(generation, 0) + 1
