"""What a job has done over time, in intervals that grow with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_MOST: Final = 240
"""Intervals that are kept. At this many, each two of them become one."""


@dataclass(frozen=True, slots=True)
class Interval:
    """What ended within some seconds of a job."""

    start: float
    """Seconds since the run began."""
    seconds: float
    stored: int
    failed: int
    bytes_sent: int
    """Of the items that were stored."""


@dataclass(slots=True)
class Timeline:
    """Counts what ends by the time of its end; memory does not grow with the job."""

    width: float = 1.0
    """Seconds of an interval."""
    stored: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, seconds: float, *, stored: int = 0, failed: int = 0, size: int = 0) -> None:
        """Count something that has ended.

        Args:
            seconds: since the run began.
            stored: how many items are stored.
            failed: how many have failed.
            size: bytes of the stored ones.
        """
        while (place := int(seconds / self.width)) >= _MOST:
            self.width *= 2
            for counts in (self.stored, self.failed, self.sizes):
                counts[:] = [sum(counts[at : at + 2]) for at in range(0, len(counts), 2)]
        for counts, more in ((self.stored, stored), (self.failed, failed), (self.sizes, size)):
            counts.extend([0] * (place + 1 - len(counts)))
            counts[place] += more

    def intervals(self, seconds: float) -> tuple[Interval, ...]:
        """What has ended, from the beginning on without gaps.

        Args:
            seconds: since the run began; the last interval may have ended then.
        """
        found = []
        for number, (stored, failed, size) in enumerate(
            zip(self.stored, self.failed, self.sizes, strict=True)
        ):
            start = number * self.width
            length = min(self.width, max(seconds - start, 0.001))
            found.append(Interval(start, round(length, 3), stored, failed, size))
        return tuple(found)
