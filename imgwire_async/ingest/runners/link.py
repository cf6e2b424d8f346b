"""The protocol of links, which carry the frames between a job and one of its workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from anyio.abc import TaskGroup


class Ending(NamedTuple):
    """How a worker ended."""

    words: str
    """For example "by SIGKILL"."""
    is_failure: bool = True
    """Whether it counts towards the deaths that stop the job. Losing a node does not count."""


class WorkerLink(Protocol):
    """The job's end of the link to one worker, which starts and ends with the worker.

    Bytes arrive completely and in order until the worker ends, including all that it sent before its end.
    """

    @property
    def gather_seconds(self) -> float:
        """Seconds that a message waits for others to be sent with it, unless it is urgent."""
        ...

    async def start(self, tasks: TaskGroup) -> None:
        """Start the worker.

        Args:
            tasks: task group for the background tasks of the link.

        Raises:
            OSError: it cannot be started; `ended` says why.
        """
        ...

    async def send(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            OSError, anyio.BrokenResourceError, anyio.ClosedResourceError: the worker has ended.
        """
        ...

    async def receive(self, *, will_send: bool) -> bytes:
        """Wait for bytes from the worker.

        Args:
            will_send: whether the job is about to send bytes, which may travel with the request for others.

        Raises:
            anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError: the worker has ended.
        """
        ...

    async def ended(self) -> Ending:
        """How the worker ended. If it has closed the link but still runs, waits for it for some seconds."""
        ...

    async def kill(self) -> None:
        """Kill the worker if it has not ended, and release the resources of the link."""
        ...


StartLink = Callable[[], WorkerLink]
"""Creates the link to another worker."""
