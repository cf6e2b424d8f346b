"""Statistics of a gate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStats:
    """Counters of a gate: totals so far and the current state."""

    in_flight: int
    """Admitted requests that have not ended."""
    waiting: int
    """Requests that wait to be admitted."""
    admitted: int
    """Total number of admitted requests."""
    throttled_seconds: float
    """Total seconds that requests have waited, for any reason, not counting those still waiting."""
