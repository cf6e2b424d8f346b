"""Transport of a link's bytes in calls of an actor. No test here needs Ray."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from imgwire_async.ingest.runners import ray_link
from imgwire_async.ingest.runners.ray_link import RayLink
from imgwire_async.ingest.runners.ray_runner import RayRunner
from imgwire_async.ingest.runners.ray_worker import RayWorker


class LostError(Exception):
    """The exception that Ray raises for an actor that has ended."""


class Actor:
    """A worker with Ray's interface that records the bytes it is fed."""

    def __init__(self) -> None:
        self.worker = RayWorker()
        self.worker._changed = asyncio.Event()
        self.worker._tasks = None  # type: ignore[assignment]
        self.received: list[bytes] = []
        channel = SimpleNamespace(feed=lambda data, _: self.received.append(data))
        self.worker._side = SimpleNamespace(channel=channel)  # type: ignore[assignment]
        self.calls: list[bytes] = []
        self.called = anyio.Event()
        self.exchange = SimpleNamespace(remote=self._call)
        self.is_lost = False

    def _call(self, number: int, data: bytes) -> Awaitable[bytes | None]:
        self.calls.append(data)
        self.called.set()
        return asyncio.ensure_future(self._run(number, data))

    async def _run(self, number: int, data: bytes) -> bytes | None:
        if self.is_lost:
            raise LostError
        return await self.worker.exchange(number, data)

    async def say(self, data: bytes) -> None:
        await self.worker._write(data)

    def end(self, problem: str | None = None) -> None:
        self.worker._ended, self.worker._problem = True, problem
        self.worker._changed.set()


def link_to(actor: Actor) -> RayLink:
    ray: Any = SimpleNamespace(exceptions=SimpleNamespace(RayError=LostError))
    link = RayLink(ray, RayRunner(), 1.0)
    link._actor = actor
    return link


async def test_what_waits_for_the_worker_travels_with_the_next_call_that_waits_for_it() -> None:
    actor = Actor()
    link = link_to(actor)
    for number in range(3):
        await actor.say(b"asks %d" % number)
        await link.send(b"told %d" % number)
        assert await link.receive(will_send=False) == b"asks %d" % number
    assert actor.received == actor.calls == [b"told 0", b"told 1", b"told 2"]


async def test_a_call_waits_for_what_the_job_is_about_to_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_link, "_HOLD_SECONDS", 3600.0)
    actor = Actor()
    link = link_to(actor)
    await actor.say(b"asks")
    received: list[bytes] = []

    async def receive() -> None:
        received.append(await link.receive(will_send=True))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receive)
        await wait_all_tasks_blocked()
        assert not actor.calls
        await link.send(b"told")
    assert (received, actor.calls) == ([b"asks"], [b"told"])


async def test_a_link_with_nothing_to_send_calls_all_the_same() -> None:
    actor = Actor()
    link = link_to(actor)
    await actor.say(b"one")
    await actor.say(b"two")
    assert await link.receive(will_send=False) == b"onetwo"
    assert actor.calls == [b""]


async def test_bytes_arrive_while_a_call_waits_for_the_worker() -> None:
    actor = Actor()
    link = link_to(actor)
    received: list[bytes] = []

    async def receive() -> None:
        received.append(await link.receive(will_send=False))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receive)
        await actor.called.wait()
        await wait_all_tasks_blocked()
        await link.send(b"stop")  # returns once the first call has
        assert actor.received == [b"stop"]
        assert not received
        await actor.say(b"stopped")
    assert received == [b"stopped"]
    assert actor.calls == [b"", b"stop"]


async def test_calls_that_ray_swaps_are_handled_in_order() -> None:
    actor = Actor()
    await actor.say(b"done")
    later = asyncio.ensure_future(actor.worker.exchange(1, b"second"))
    await wait_all_tasks_blocked()
    assert not actor.received
    assert await actor.worker.exchange(0, b"first") == b""
    assert await later == b"done"
    assert actor.received == [b"first", b"second"]


async def test_a_worker_that_ends_has_its_last_bytes_received_first() -> None:
    actor = Actor()
    link = link_to(actor)
    await actor.say(b"last")
    actor.end()
    assert await link.receive(will_send=False) == b"last"
    with pytest.raises(anyio.EndOfStream):
        await link.receive(will_send=False)


async def test_a_worker_that_fails_says_why_after_its_last_bytes() -> None:
    actor = Actor()
    await actor.say(b"last")
    actor.end("KeyError: 'x'")
    assert await actor.worker.exchange(0, b"") == b"last"
    with pytest.raises(RuntimeError, match="KeyError: 'x'"):
        await actor.worker.exchange(1, b"")


async def test_a_lost_actor_breaks_the_link() -> None:
    actor = Actor()
    link = link_to(actor)
    actor.is_lost = True
    with pytest.raises(anyio.BrokenResourceError):
        await link.receive(will_send=False)
    assert isinstance(link._error, LostError)
