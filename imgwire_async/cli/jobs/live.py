"""Live progress of a job: a bar with numbers on a terminal, otherwise log lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from imgwire_async.cli.streams import plain
from imgwire_async.cli.wording import sentence
from imgwire_async.errors import ImgwireError
from imgwire_async.ingest.results.report import Progress

_RECENT_SECONDS: Final = 10.0
"""Seconds over which the current speed is measured."""
_LEAST_BAR: Final = 8
"""Minimum columns for a bar."""


class LiveView:
    """Formats a job's progress and failures for display."""

    def __init__(self) -> None:
        self._moments: deque[tuple[float, int, int, int]] = deque()
        self._failure: str | None = None

    def failed(self, key: str, error: ImgwireError) -> None:
        """Record the failure of an item; the last one is shown."""
        self._failure = sentence(error, key)

    def shown(self, progress: Progress, width: int) -> RenderableType:
        """A bar and a few lines, none longer than `width` columns."""
        lines = [Text(line, overflow="ellipsis", no_wrap=True) for line in self.lines(progress, width)]
        return Group(_bar(progress, width), *lines)

    def lines(self, progress: Progress, width: int) -> list[str]:
        """The lines below the bar: numbers, then what needs attention."""
        lines = [_fitting(self._numbers(progress), width)]
        if progress.paused is not None:
            lines.append(f"paused: {plain(progress.paused)}")
        elif progress.throttled:
            lines.append(f"at the service's pace: {progress.throttled:,} requests were rate-limited")
        if self._failure is not None:
            lines.append(f"last failure: {self._failure.removeprefix('Error: ')}")
        return lines

    def line(self, progress: Progress) -> str:
        """The progress in one line, for logs."""
        counted = f"{_counted(progress)} items"
        return " · ".join([counted, *self._numbers(progress), *self.lines(progress, 80)[1:]])

    def _numbers(self, progress: Progress) -> list[str]:
        rate, speed = self._recent(progress)
        parts = [f"{speed / 1e6:,.1f} MB/s", f"{rate:,.1f}/s"]
        if progress.paused is None and progress.seconds_left is not None:
            parts.insert(1, f"{duration(progress.seconds_left)} left")
        counts = (
            (progress.failed, "failed"),
            (progress.skipped, "skipped"),
            (progress.already_stored, "already stored"),
            (progress.in_flight, "in flight"),
            (progress.retries, "retries"),
        )
        return parts + [f"{count:,} {name}" for count, name in counts if count]

    def _recent(self, progress: Progress) -> tuple[float, float]:
        """Items and bytes per second over the last seconds."""
        moments = self._moments
        now = (progress.seconds, progress.stored, progress.bytes_sent, progress.done)
        if not moments or moments[-1] != now:
            moments.append(now)
        while len(moments) > 1 and moments[1][0] <= progress.seconds - _RECENT_SECONDS:
            moments.popleft()
        # With fewer than two samples: since the start.
        start, stored, size, _ = moments[0] if len(moments) > 1 else (0.0, 0, 0, 0)
        seconds = progress.seconds - start
        if seconds <= 0:
            return 0.0, 0.0
        return (progress.stored - stored) / seconds, (progress.bytes_sent - size) / seconds


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _counted(progress: Progress) -> str:
    return f"{progress.done:,}/{progress.found:,}{'' if progress.all_found else '+'}"


def _bar(progress: Progress, width: int) -> RenderableType:
    counted = _counted(progress)
    share = f"{progress.done / progress.found:.0%}" if progress.all_found and progress.found else ""
    room = width - len(counted) - len(share) - 2
    if room < _LEAST_BAR:
        return Text(f"{counted} {share}".strip(), overflow="ellipsis", no_wrap=True)
    row = Table.grid(padding=(0, 1, 0, 0))
    total = progress.found if progress.all_found else None
    bar = ProgressBar(total=total, completed=progress.done, width=room, pulse=total is None)
    row.add_row(counted, bar, share)
    return row


def _fitting(parts: Sequence[str], width: int) -> str:
    """As many parts as fit, but at least the first."""
    line = parts[0]
    for part in parts[1:]:
        if len(longer := f"{line} · {part}") > width:
            break
        line = longer
    return line
