"""Sharing the limits of a job among its workers, recomputed whenever one joins or leaves."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from operator import add, sub
from typing import Final

import anyio

from imgwire_async.ingest.options import Share

Tell = Callable[[Share, Callable[[], None]], None]
"""Sends a worker its share, and calls the second argument once the worker uses no more than that share."""


_Amounts = tuple[Fraction, Fraction, Fraction, Fraction]
"""Senders, requests, bytes in memory and bandwidth: a share as exact numbers, so that shares add up."""
_NOTHING: Final = (Fraction(0),) * 4


def _part(whole: _Amounts, number: int, count: int) -> _Amounts:
    """One of `count` parts that add up to the whole."""
    senders, requests, byte_budget, bandwidth = whole
    return (
        Fraction(senders // count + (number < senders % count)),
        Fraction(requests // count + (number < requests % count)),
        Fraction(byte_budget // count),
        bandwidth / count,
    )


def _each(function: Callable[[Fraction, Fraction], Fraction], one: _Amounts, other: _Amounts) -> _Amounts:
    senders, requests, byte_budget, bandwidth = map(function, one, other)
    return senders, requests, byte_budget, bandwidth


class Part:
    """One worker's part of the limits."""

    def __init__(self) -> None:
        self.told = _NOTHING
        """The share last sent to the worker."""
        self.held = _NOTHING
        """The most that it can be using. Exceeds its share until the work in progress has ended."""
        self.is_enough = anyio.Event()
        """Set when the worker may start."""
        self.tell: Tell | None = None


class Dealer:
    """Divides the limits of a job into equal parts, which never add up to more than the whole.

    If a part moves from one worker to another, the other gets it once the first no longer uses it.

    Args:
        bounds: the limits of the job.
        most: maximum number of workers.
    """

    def __init__(self, bounds: Share, most: int) -> None:
        self._has_bandwidth_limit = bounds.bandwidth_limit is not None
        self._whole = (
            Fraction(bounds.senders),
            Fraction(max(bounds.requests, most)),
            Fraction(bounds.byte_budget),
            Fraction(bounds.bandwidth_limit or 0),
        )
        self._smallest = _part(self._whole, most - 1, most)
        self._parts: list[Part] = []

    def join(self) -> Part:
        """Assign a part to another worker."""
        part = Part()
        self._parts.append(part)
        self._deal()
        return part

    async def begin(self, part: Part, tell: Tell) -> Share:
        """Wait until a worker's part is large enough to start with.

        Args:
            part: the result of `join`.
            tell: called with changes of the part from now on.
        """
        await part.is_enough.wait()
        part.tell = tell
        return self._share(part.told)

    def leave(self, part: Part) -> None:
        """Distribute a worker's part among the others. Does nothing if it has already left."""
        if part in self._parts:
            self._parts.remove(part)
            self._deal()

    def _deal(self) -> None:
        targets = [_part(self._whole, number, len(self._parts)) for number in range(len(self._parts))]
        for part, target in zip(self._parts, targets, strict=True):
            self._tell(part, _each(min, part.told, target))
        free = self._whole
        for part in self._parts:
            free = _each(sub, free, part.held)
        for part, target in zip(self._parts, targets, strict=True):
            may_use = _each(min, target, _each(add, part.held, free))
            held = _each(max, part.held, may_use)
            free = _each(sub, free, _each(sub, held, part.held))
            part.held = held
            self._tell(part, may_use)
            if _each(min, part.told, self._smallest) == self._smallest:
                part.is_enough.set()

    def _tell(self, part: Part, may_use: _Amounts) -> None:
        if may_use == part.told:
            return
        part.told = may_use
        if part.tell is None:
            part.held = may_use
        else:
            part.tell(self._share(may_use), lambda: self._note_use(part, may_use))

    def _note_use(self, part: Part, amounts: _Amounts) -> None:
        if part.told is amounts:  # otherwise another share was sent meanwhile
            part.held = amounts
            self._deal()

    def _share(self, amounts: _Amounts) -> Share:
        senders, requests, byte_budget, bandwidth = amounts
        return Share(
            senders=int(senders),
            requests=int(min(senders, requests)),
            byte_budget=int(byte_budget),
            bandwidth_limit=float(bandwidth) if self._has_bandwidth_limit else None,
        )
