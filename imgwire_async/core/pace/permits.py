"""What a request holds while it is sent, and the queue in which it waits for that."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final, Self, TypeVar

import anyio

from imgwire_async.core.pace.adaptive import Pacer, Ticket
from imgwire_async.core.pace.limits import TokenBucket
from imgwire_async.core.pace.throttled import UNPACED, LastSecond, ThrottledPacer

if TYPE_CHECKING:
    from imgwire_async.core.pace.gate import Gate

T = TypeVar("T")

UNHINTED_PAUSE: Final = 1.0
"""For how many seconds a 429 without `Retry-After` closes its class in processes that have not seen it: most
published limits are per second."""

ROUNDING: Final = 1e-6
"""Seconds by which the end of a pause may be off."""

LONGEST_CLOSURE: Final = 60.0
"""For how many seconds a class is closed at most: one wrong hint must not stop a client for an hour."""


class AdmissionTimeoutError(Exception):
    """A request was not admitted before its deadline; it was not sent.

    Args:
        rate_class: the class of the request.
        waited: how long it has waited, in seconds.
        closed_for: for how many more seconds the class is closed because the server asked for a pause; 0
            when the request waited for others to end.
    """

    def __init__(self, rate_class: str, waited: float, closed_for: float) -> None:
        super().__init__(rate_class, waited, closed_for)
        self.rate_class = rate_class
        self.waited = waited
        self.closed_for = closed_for

    def __str__(self) -> str:
        reason = (
            f"the server asked for a pause that lasts another {self.closed_for:.1f} s"
            if self.closed_for > 0
            else "too many requests are ahead of it"
        )
        return f"not sent: still waiting for its turn after {self.waited:.1f} s, because {reason}"


class ClosedTooLongError(Exception):
    """The service asked for a longer pause than the request may wait for; it was not sent.

    Args:
        rate_class: the class of the request.
        closed_for: seconds that are left of the pause.
    """

    def __init__(self, rate_class: str, closed_for: float) -> None:
        super().__init__(rate_class, closed_for)
        self.rate_class = rate_class
        self.closed_for = closed_for

    def __str__(self) -> str:
        return f"not sent: the service asked for a pause that lasts another {self.closed_for:.1f} s"


class LimitedTooLongError(ClosedTooLongError):
    """A stated limit makes the request wait longer than it may; it was not sent."""

    def __str__(self) -> str:
        return f"not sent: the rate limit of {self.rate_class!r} lets it go in {self.closed_for:.1f} s"


class Waiter:
    """A request in a queue."""

    __slots__ = ("arrival", "permit", "wake", "wakes_at")

    def __init__(self, arrival: int, permit: Permit) -> None:
        self.arrival = arrival
        self.permit = permit
        self.wake: anyio.Event | None = None  # as long as it does not wait
        self.wakes_at = math.inf

    def wake_up(self) -> None:
        """Let it check whether it may be sent."""
        if self.wake is not None:
            self.wake.set()


class Lane:
    """One class of requests: its queue and what holds it back."""

    def __init__(
        self, rate_class: str, bucket: TokenBucket | None = None, pacer: Pacer | None = None
    ) -> None:
        self.rate_class = rate_class
        self.closed_until = -math.inf
        self.asked_until = -math.inf
        """End of the pause that the service asked for; for those who do not want to wait for it."""
        self.waiting: OrderedDict[Waiter, None] = OrderedDict()
        self.pacer = pacer
        self.accepted = LastSecond()
        """The responses that were no 429, as long as there is no pace."""
        self.bucket = bucket
        if bucket is not None:
            bucket.is_waited_for_in(self)

    @property
    def head(self) -> Waiter:
        """The first in the queue."""
        return next(iter(self.waiting))

    def opens_at(self) -> float:
        """The earliest instant at which the head of the queue may go, apart from the concurrency limit."""
        instant = self.closed_until
        if self.bucket is not None:
            instant = max(instant, self.bucket.next_token())
        if self.pacer is not None:
            instant = max(instant, self.pacer.next_send())
        return instant

    def take(self, now: float) -> bool:
        """Take a token of the limit that is stated, if there is one; False if somebody else was faster."""
        return self.bucket is None or self.bucket.take(now)

    def note_pause(self, now: float, hint: float) -> None:
        """Wake those who would not wait for a pause of this many seconds, which the service asked for."""
        until = now + min(hint, LONGEST_CLOSURE)
        if until > self.asked_until:
            self.asked_until = until
            for waiter in self.waiting:
                if waiter.permit.patience < until - now:
                    waiter.wake_up()

    def empty(self, *, wake: bool) -> None:
        """Empty the queue; those who are woken queue again."""
        waiting = tuple(self.waiting)
        self.waiting.clear()
        if wake:
            for waiter in waiting:
                waiter.wake_up()

    def forget_pace(self) -> None:
        """Stop pacing when the last 429 was long ago and nobody has to wait, unless it is always paced."""
        if isinstance(self.pacer, ThrottledPacer) and self.pacer.is_over and not self.waiting:
            self.pacer = None

    def pop_head(self) -> Waiter:
        """Take the first out of the queue."""
        waiter, _ = self.waiting.popitem(last=False)
        return waiter


class Permit:
    """Permission to send one request.

    Entering waits for a slot, exiting releases it; the request counts as in flight meanwhile. `accepted` and
    `throttled` report its response, from which the gate learns.
    """

    __slots__ = (
        "_gate", "deadline", "is_lent", "lane", "longest_wait", "not_before", "pacer", "patience", "ticket"
    )  # fmt: skip

    def __init__(
        self,
        gate: Gate,
        lane: Lane,
        deadline: float,
        patience: float,
        not_before: float,
        longest_wait: float,
    ) -> None:
        self._gate = gate
        self.lane = lane
        self.deadline = deadline
        self.patience = patience
        self.not_before = not_before
        self.longest_wait = longest_wait
        self.pacer: Pacer | None = None
        self.ticket: Ticket | None = None
        self.is_lent = False
        """Whether somebody else has its slot meanwhile."""

    async def __aenter__(self) -> Self:
        if not self._gate.enters_at_once(self):
            await self._gate.enter(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gate.leave(self)

    def check(self, now: float, arrived: float) -> None:
        """Raise if the request cannot be admitted in the time it has.

        Args:
            now: instant of the gate's clock.
            arrived: when the request got in line.

        Raises:
            AdmissionTimeoutError, ClosedTooLongError, LimitedTooLongError: see `Gate.admit`.
        """
        lane = self.lane
        opens_at = max(now, lane.closed_until, lane.asked_until)
        if opens_at >= self.deadline:
            raise AdmissionTimeoutError(lane.rate_class, now - arrived, opens_at - now)
        if lane.asked_until - now > self.patience + ROUNDING:
            raise ClosedTooLongError(lane.rate_class, lane.asked_until - now)
        if lane.bucket is not None and now - arrived > self.longest_wait + ROUNDING:
            # Other processes have taken the tokens that it was to have.
            raise LimitedTooLongError(lane.rate_class, max(0.0, lane.bucket.wait(now)))

    def lend(self) -> None:
        """Say that the request now waits for the caller's own code, such as a hook or a slow source.

        If that takes long, others may have its slot meanwhile. `take_back` has to follow, unless the request
        ends.
        """
        self._gate.lend(self)

    async def take_back(self) -> None:
        """Say that the request goes on, and wait for a slot if its own is taken.

        The time in between does not count as the service's.
        """
        idle_since = self._gate.idle.pop(self, None)
        if idle_since is not None and self.ticket is not None:
            elsewhere = self._gate.clock() - idle_since
            self.ticket = Ticket(self.ticket.generation, self.ticket.sent_at + elsewhere)
        if self.is_lent:
            await self._gate.reenter(self)

    def begin_loan(self) -> None:
        """Note that others may have its slot."""
        self.is_lent = True
        if self.pacer is not None:
            self.pacer.lend()

    def end_loan(self) -> None:
        """Note that it has a slot again, or no longer needs one."""
        self.is_lent = False
        if self.pacer is not None:
            self.pacer.take_back()

    def end_in_pacer(self) -> None:
        """Report to the pacer that the request has ended."""
        if self.pacer is not None and self.ticket is not None:
            self.pacer.end(self.ticket)

    async def outside(self, work: Awaitable[T]) -> T:
        """Await work of the caller's own between `lend` and `take_back`."""
        self.lend()
        result = await work
        await self.take_back()
        return result

    def accepted(self) -> None:
        """Report a response other than a request to slow down.

        Only a pace learns from it. Nothing is said of a request that got no response.
        """
        self._gate.note_response()
        if self.lane.pacer is not None:
            self.lane.pacer.accepted(self._ticket_of(self.lane.pacer))
        else:
            self.lane.accepted.add(self._gate.clock())

    def throttled(self, hint: float | None) -> None:
        """Report a 429, or a 503 with a request to slow down.

        Args:
            hint: seconds of the response's `Retry-After`, or None.
        """
        if hint is not None:
            self.lane.note_pause(self._gate.clock(), hint)
        pacer = self._gate.pacer_of(self.lane)
        pacer.throttled(self._ticket_of(pacer), hint)
        if isinstance(pacer, ThrottledPacer):
            self._gate.on_closure(self.lane.rate_class, UNHINTED_PAUSE if hint is None else hint)

    def _ticket_of(self, pacer: Pacer) -> Ticket:
        # Sent before there was a pace, or under one that was forgotten.
        return self.ticket if self.pacer is pacer and self.ticket is not None else UNPACED
