"""The protocol of runners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from imgwire_async.ingest.coordination.coordinator import Coordinator


class Runner(Protocol):
    """Runs the shards of a job, in this process or in others."""

    @property
    def in_flight(self) -> int:
        """Number of items being sent."""
        ...

    @property
    def waiting_for(self) -> str | None:
        """What items wait for before they can be sent, such as a bucket that does not respond."""
        ...

    def ceilings(self) -> dict[str, float]:
        """The rates at which the service asked to slow down, by class; a later run may start from them."""
        ...

    async def run(self, job: Coordinator) -> None:
        """Run shards until there are no more, or until stopped."""
        ...

    def stop(self) -> None:
        """Start no more items; those in flight finish."""
        ...
