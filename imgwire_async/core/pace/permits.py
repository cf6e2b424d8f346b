"""The permit that a request holds while it is sent, and the queue in which it waits for one."""

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
"""Seconds for which a 429 without `Retry-After` closes its class in processes that have not seen it: most
published limits are per second."""

ROUNDING: Final = 1e-6
"""Tolerance for the end of a pause, in seconds."""

LONGEST_CLOSURE: Final = 60.0
"""The longest closure of a class, in seconds: one wrong hint must not stop a client for an hour."""


class AdmissionTimeoutError(Exception):
    """A request was not admitted before its deadline; it was not sent.

    Args:
        rate_class: the class of the request.
        waited: seconds that it has waited.
        closed_for: remaining seconds of a pause that the server asked for; 0 if the request waited for
            others to end.
    """

    def __init__(self, rate_class: str, waited: float, closed_for: float) -> None:
        super().__init__(rate_class, waited, closed_for)
        self.rate_class = rate_class
        self.waited = waited
        self.closed_for = closed_for

    def __str__(self) -> str:
        reason = (
            f"the service asked for a pause that lasts another {self.closed_for:.1f} s"
            if self.closed_for > 0
            else "too many requests are ahead of it"
        )
        return f"not sent: still waiting for its turn after {self.waited:.1f} s, because {reason}"


class ClosedTooLongError(Exception):
    """The service asked for a longer pause than the request may wait for; it was not sent.

    Args:
        rate_class: the class of the request.
        closed_for: remaining seconds of the pause.
    """

    def __init__(self, rate_class: str, closed_for: float) -> None:
        super().__init__(rate_class, closed_for)
        self.rate_class = rate_class
        self.closed_for = closed_for

    def __str__(self) -> str:
        return f"not sent: the service asked for a pause that lasts another {self.closed_for:.1f} s"


class LimitedTooLongError(ClosedTooLongError):
    """A stated limit would delay the request for longer than it may wait; it was not sent."""

    def __str__(self) -> str:
        return f"not sent: the rate limit of {self.rate_class!r} would delay it by {self.closed_for:.1f} s"


class Waiter:
    """A request in a queue."""

    __slots__ = ("arrival", "permit", "wake", "wakes_at")

    def __init__(self, arrival: int, permit: Permit) -> None:
        self.arrival = arrival
        self.permit = permit
        self.wake: anyio.Event | None = None  # while it does not wait
        self.wakes_at = math.inf

    def wake_up(self) -> None:
        """Wake it to check whether it may be sent."""
        if self.wake is not None:
            self.wake.set()


class Lane:
    """One class of requests: its queue and its limits."""

    def __init__(
        self, rate_class: str, bucket: TokenBucket | None = None, pacer: Pacer | None = None
    ) -> None:
        self.rate_class = rate_class
        self.closed_until = -math.inf
        self.asked_until = -math.inf
        """End of the pause that the service asked for; used by requests that do not wait for it."""
        self.waiting: OrderedDict[Waiter, None] = OrderedDict()
        self.pacer = pacer
        self.accepted = LastSecond()
        """The responses other than 429, while the class is not paced."""
        self.bucket = bucket
        if bucket is not None:
            bucket.is_waited_for_in(self)

    @property
    def head(self) -> Waiter:
        """The first in the queue."""
        return next(iter(self.waiting))

    def opens_at(self) -> float:
        """The earliest instant at which the head of the queue may be sent, ignoring the concurrency limit."""
        instant = self.closed_until
        if self.bucket is not None:
            instant = max(instant, self.bucket.next_token())
        if self.pacer is not None:
            instant = max(instant, self.pacer.next_send())
        return instant

    def take(self, now: float) -> bool:
        """Take a token of the stated limit, if there is one; return False if another request was faster."""
        return self.bucket is None or self.bucket.take(now)

    def note_pause(self, now: float, hint: float) -> None:
        """Wake requests that would not wait for a pause of this many seconds, which the service asked for."""
        until = now + min(hint, LONGEST_CLOSURE)
        if until > self.asked_until:
            self.asked_until = until
            for waiter in self.waiting:
                if waiter.permit.patience < until - now:
                    waiter.wake_up()

    def empty(self, *, wake: bool) -> None:
        """Empty the queue; requests that are woken queue again."""
        waiting = tuple(self.waiting)
        self.waiting.clear()
        if wake:
            for waiter in waiting:
                waiter.wake_up()

    def forget_pace(self) -> None:
        """Stop pacing if the last 429 was long ago and no request waits, unless the class is always paced."""
        if isinstance(self.pacer, ThrottledPacer) and self.pacer.is_over and not self.waiting:
            self.pacer = None

    def pop_head(self) -> Waiter:
        """Remove and return the first in the queue."""
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
        """Whether another request is using its slot."""

    async def __aenter__(self) -> Self:
        if not self._gate.enters_at_once(self):
            await self._gate.enter(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gate.leave(self)

    def check(self, now: float, arrived: float) -> None:
        """Raise if the request cannot be admitted in time.

        Args:
            now: instant of the gate's clock.
            arrived: when the request entered the queue.

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
            # Other processes have taken the tokens it was waiting for.
            raise LimitedTooLongError(lane.rate_class, max(0.0, lane.bucket.wait(now)))

    def lend(self) -> None:
        """Record that the request now waits for the caller's code, such as a hook or a slow source.

        If that takes long, its slot may be lent to others. Call `take_back` afterwards, unless the request
        ends.
        """
        self._gate.lend(self)

    async def take_back(self) -> None:
        """Record that the request continues, and wait for a slot if its own was lent.

        The time in between does not count towards the service's latency.
        """
        idle_since = self._gate.idle.pop(self, None)
        if idle_since is not None and self.ticket is not None:
            elsewhere = self._gate.clock() - idle_since
            self.ticket = Ticket(self.ticket.generation, self.ticket.sent_at + elsewhere)
        if self.is_lent:
            await self._gate.reenter(self)

    def begin_loan(self) -> None:
        """Record that its slot may be lent."""
        self.is_lent = True
        if self.pacer is not None:
            self.pacer.lend()

    def end_loan(self) -> None:
        """Record that it has a slot again, or no longer needs one."""
        self.is_lent = False
        if self.pacer is not None:
            self.pacer.take_back()

    def end_in_pacer(self) -> None:
        """Report to the pacer that the request has ended."""
        if self.pacer is not None and self.ticket is not None:
            self.pacer.end(self.ticket)

    async def outside(self, work: Awaitable[T]) -> T:
        """Await the caller's work between `lend` and `take_back`."""
        self.lend()
        result = await work
        await self.take_back()
        return result

    def accepted(self) -> None:
        """Report a response that does not ask to slow down.

        Only a pacer uses it. Requests without a response are not reported.
        """
        self._gate.note_response()
        if self.lane.pacer is not None:
            self.lane.pacer.accepted(self._ticket_of(self.lane.pacer))
        else:
            self.lane.accepted.add(self._gate.clock())

    def throttled(self, hint: float | None) -> None:
        """Report a 429, or a 503 that asks to slow down.

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
        # UNPACED if sent before there was a pacer, or with one that was dropped.
        return self.ticket if self.pacer is pacer and self.ticket is not None else UNPACED
