"""Outcomes of a job over time, in intervals that grow with its duration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_MOST: Final = 240
"""Maximum number of intervals. When it is reached, adjacent intervals are merged in pairs."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The outcomes within one interval."""

    start: float
    """Seconds since the start of the run."""
    seconds: float
    stored: int
    failed: int
    bytes_sent: int
    """Bytes of the stored items."""


@dataclass(slots=True)
class Timeline:
    """Counts outcomes by time in constant memory."""

    width: float = 1.0
    """Seconds of an interval."""
    stored: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, seconds: float, *, stored: int = 0, failed: int = 0, size: int = 0) -> None:
        """Count finished items.

        Args:
            seconds: seconds since the start of the run.
            stored: how many items are stored.
            failed: how many have failed.
            size: bytes of the stored items.
        """
        while (place := int(seconds / self.width)) >= _MOST:
            self.width *= 2
            for counts in (self.stored, self.failed, self.sizes):
                counts[:] = [sum(counts[at : at + 2]) for at in range(0, len(counts), 2)]
        for counts, more in ((self.stored, stored), (self.failed, failed), (self.sizes, size)):
            counts.extend([0] * (place + 1 - len(counts)))
            counts[place] += more

    def intervals(self, seconds: float) -> tuple[Interval, ...]:
        """All intervals from the start, without gaps.

        Args:
            seconds: seconds since the start of the run; the end of the last interval.
        """
        found = []
        for number, (stored, failed, size) in enumerate(
            zip(self.stored, self.failed, self.sizes, strict=True)
        ):
            start = number * self.width
            length = min(self.width, max(seconds - start, 0.001))
            found.append(Interval(start, round(length, 3), stored, failed, size))
        if len(found) > 1 and found[-1].seconds < self.width / 2:
            # Within a few milliseconds a single item would look like thousands per second.
            last, before = found.pop(), found.pop()
            found.append(
                Interval(
                    before.start,
                    round(before.seconds + last.seconds, 3),
                    before.stored + last.stored,
                    before.failed + last.failed,
                    before.bytes_sent + last.bytes_sent,
                )
            )
        return tuple(found)
