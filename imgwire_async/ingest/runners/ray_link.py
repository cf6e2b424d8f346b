"""Workers on a Ray cluster: the only module that uses Ray."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, Final

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from imgwire_async.errors import ConfigurationError
from imgwire_async.ingest.runners.link import Ending
from imgwire_async.ingest.runners.ray_runner import RayRunner, check_reachable
from imgwire_async.ingest.runners.ray_worker import GATHER_SECONDS, RayWorker

_SAY_WAITING_AFTER: Final = 10.0  # seconds
_HOLD_SECONDS: Final = 0.025
"""Seconds that a call waits for data to carry; longer than the journal takes to record keys."""

logger = logging.getLogger("imgwire_async")
_jobs_of_ours = 0
"""Jobs that use this process's connection, if it is not the caller's own."""
_connecting = threading.Lock()


class RayCluster:
    """The cluster that Ray finds. The process stays connected to it until `leave`.

    Args:
        runner: the requirements of each worker.
        patience: seconds that a worker waits for room in the cluster.
    """

    def __init__(self, runner: RayRunner, patience: float) -> None:
        self._runner, self._patience = runner, patience
        self._ray: ModuleType
        self._is_ours = False

    def join(self) -> None:
        """Connect, unless the process is connected already. Blocks.

        Raises:
            ConfigurationError: no cluster was found, or it cannot be used.
        """
        global _jobs_of_ours
        import ray

        self._ray = ray
        with _connecting:
            if ray.is_initialized() and not _jobs_of_ours:
                return  # the caller's own connection, which stays
            if not _jobs_of_ours:
                check_reachable(os.environ.get("RAY_ADDRESS", ""))
                try:
                    # With this address Ray starts no cluster of its own.
                    ray.init(address="auto", log_to_driver=False, logging_level=logging.ERROR)
                except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
                    first_line, *_ = [*str(error).splitlines(), repr(error)]
                    raise ConfigurationError(
                        f"no Ray cluster can be used: {first_line}; "
                        "start one with `ray start --head`, or set RAY_ADDRESS",
                        operation="ingest",
                    ) from error
            _jobs_of_ours += 1
            self._is_ours = True

    def leave(self) -> None:
        """Disconnect if `join` has connected and no other job needs it. The cluster keeps running. Blocks."""
        global _jobs_of_ours
        with _connecting:
            if self._is_ours:
                self._is_ours = False
                _jobs_of_ours -= 1
                if not _jobs_of_ours:
                    self._ray.shutdown()

    def workers(self, most: int) -> int:
        """The number of workers: as requested, or as many as there are free CPUs, and at most `most`."""
        if self._runner.workers is not None:
            return self._runner.workers
        free = float(self._ray.available_resources().get("CPU", 0))
        return max(1, min(most, int(free / (self._runner.num_cpus or 1))))

    def link(self) -> RayLink:
        """Create the link to another worker."""
        return RayLink(self._ray, self._runner, self._patience)


class RayLink:
    """The link to an actor, see `WorkerLink`.

    Args:
        ray: the Ray module, connected.
        runner: the requirements of the actor.
        patience: seconds that it may wait for room in the cluster.
    """

    gather_seconds = GATHER_SECONDS

    def __init__(self, ray: ModuleType, runner: RayRunner, patience: float) -> None:
        self._ray, self._runner, self._patience = ray, runner, patience
        self._actor: Any = None
        self._calls: deque[Any] = deque()
        """Results of calls that have not returned: one, and for a moment a second."""
        self._count = 0
        self._called = anyio.Event()
        self._returned = anyio.Event()
        self._error: Exception | None = None
        self._has_no_room = False
        self._has_room = anyio.Event()

    async def start(self, tasks: TaskGroup) -> None:
        """Start the actor, as soon as the cluster has room for it.

        Raises:
            OSError: the cluster had no room for too long, or the actor has died.
            ConfigurationError: the node lacks imgwire-async, or has another version.
        """
        tasks.start_soon(self._say_waiting)
        # No restarts and no repeated calls by Ray, so that the work of an actor does not count twice.
        options: dict[str, object] = {
            "num_cpus": self._runner.num_cpus,
            "max_restarts": 0,
            "max_task_retries": 0,
            # The cluster would keep a record of each of some twenty calls a second.
            "enable_task_events": False,
        }
        if self._runner.resources:
            options["resources"] = dict(self._runner.resources)
        # Ray imports for half a second for its first actor, which must not block the event loop.
        actor = await to_thread.run_sync(self._ray.remote(RayWorker).options(**options).remote)
        self._actor = actor
        with anyio.move_on_after(self._patience):
            try:
                await actor.begin.remote()
            except self._ray.exceptions.RayError as error:
                self._error = error
                if getattr(error, "actor_init_failed", False):
                    *_, last_line = ["", *str(error).strip().splitlines()]
                    raise ConfigurationError(
                        "a node of the cluster cannot start a worker; install the same version of "
                        f"imgwire-async and of its extra on all nodes: {last_line}",
                        operation="ingest",
                    ) from error
                raise OSError from error
            self._has_room.set()
            return
        self._has_no_room = True
        raise OSError

    @property
    def _needs(self) -> str:
        amounts = {"num_cpus": self._runner.num_cpus, **(self._runner.resources or {})}
        return ", ".join(f"{name}={amount:g}" for name, amount in amounts.items())

    async def _say_waiting(self) -> None:
        with anyio.move_on_after(_SAY_WAITING_AFTER):
            await self._has_room.wait()
            return
        logger.warning("a worker of a bulk job is waiting for room in the Ray cluster (%s)", self._needs)

    async def send(self, data: bytes) -> None:
        """Send bytes to the actor, with a call that ends the wait of the one before it."""
        self._call(data)
        while len(self._calls) > 1:
            self._returned = anyio.Event()
            await self._returned.wait()

    async def receive(self, *, will_send: bool) -> bytes:
        """Receive the actor's bytes for the job."""
        while True:
            if will_send and not self._calls:
                self._called = anyio.Event()
                with anyio.move_on_after(_HOLD_SECONDS):
                    await self._called.wait()
            if not self._calls:
                self._call(b"")
            with self._reaching():
                data: bytes | None = await self._calls[0]
            self._calls.popleft()
            self._returned.set()
            if data is None:
                raise anyio.EndOfStream
            if data:
                return data

    def _call(self, data: bytes) -> None:
        with self._reaching():
            self._calls.append(self._actor.exchange.remote(self._count, data))
        self._count += 1
        self._called.set()

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except self._ray.exceptions.RayError as error:
            self._error = self._error or error
            raise anyio.BrokenResourceError from error

    async def ended(self) -> Ending:
        """How the actor ended. Losing its node, or its place there, does not count as the job's fault."""
        if self._has_no_room:
            words = f"before it began: the Ray cluster had no room for it ({self._needs}) "
            return Ending(words + f"for {self._patience:g} s", is_failure=False)
        error, exceptions = self._error, self._ray.exceptions
        if error is None:
            return Ending("with no work left", is_failure=False)
        if isinstance(error, exceptions.RayTaskError):
            return Ending(f"with {error.cause!r:.300}")
        text = " ".join(str(error).split())
        if isinstance(error, exceptions.ActorDiedError):
            by_node = error.preempted or "node has died" in text
            return Ending("with its node" if by_node else "because its process died", is_failure=not by_node)
        return Ending(f"out of reach ({type(error).__name__})", is_failure=False)

    async def kill(self) -> None:
        """Kill the actor, even if it still waits for room."""
        if self._actor is not None:
            # Raised if the actor or the connection is already gone.
            with suppress(self._ray.exceptions.RayError, RuntimeError, ValueError):
                self._ray.kill(self._actor, no_restart=True)
            self._actor = None
