"""What carries the frames between a job and one of its workers: the protocol of links."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from anyio.abc import TaskGroup


class Ending(NamedTuple):
    """How a worker ended."""

    words: str
    """Such as "by SIGKILL"."""
    is_failure: bool = True
    """Whether it counts towards the deaths that stop the job. The loss of a node does not."""


class WorkerLink(Protocol):
    """The job's end of the link to one worker, which is started with it and ends with it.

    Bytes arrive complete and in order until the worker ends; what came before it ended arrives.
    """

    @property
    def gather_seconds(self) -> float:
        """For this long what is sent waits for more to go with it, unless it is urgent."""
        ...

    async def start(self, tasks: TaskGroup) -> None:
        """Start the worker.

        Args:
            tasks: where to run what the link needs until it has ended.

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

    async def receive(self) -> bytes:
        """Wait for bytes of the worker.

        Raises:
            anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError: the worker has ended.
        """
        ...

    async def ended(self) -> Ending:
        """How the worker ended. Waits for some seconds for one that has closed the link but still runs."""
        ...

    async def kill(self) -> None:
        """End the worker at once, if it has not ended, and release what the link holds."""
        ...


StartLink = Callable[[], WorkerLink]
"""Makes the link to one more worker."""
