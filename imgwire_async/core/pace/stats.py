"""What a gate tells of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStats:
    """What a gate has done so far and is doing now."""

    in_flight: int
    """Requests that are admitted and have not ended."""
    waiting: int
    """Requests that wait to be admitted."""
    admitted: int
    """All requests ever admitted."""
    throttled_seconds: float
    """How long requests have waited in total, for whatever reason; those that still wait not counted."""
