"""Requests that wait for the caller's own code: hooks, credentials, sources and consumers of downloads."""

from __future__ import annotations

import random
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import IO, Any, Literal

import anyio
import pytest

from imgwire_async import AsyncImgwireClient, RequestEvent, ResponseEvent
from imgwire_async.core.pace.gate import LENT_AFTER, Gate
from imgwire_async.imgwire.service import RateClass
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.core.virtual_time import VirtualTime
from tests.hangs import HANGS

READ = RateClass.READ

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@BACKENDS
@pytest.mark.parametrize("concurrency", [1, "auto"])
def test_an_idle_slot_is_lent_and_returned_before_all_others(
    backend: str, concurrency: int | Literal["auto"]
) -> None:
    time = VirtualTime()
    gate = Gate(concurrency, time=time, rng=random.Random(1))
    gate._concurrency = 1
    order: list[str] = []

    async def slow() -> None:
        async with gate.admit(READ) as permit:
            await permit.outside(time.sleep(5.0))
            assert gate.stats().in_flight == 1
            order.append("slow")
            permit.accepted()

    async def quick(name: str) -> None:
        async with gate.admit(READ):
            order.append(name)
            assert gate.stats().in_flight == 1
            await time.sleep(4.0)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow)
            await time.settle()
            for name in "abc":
                tasks.start_soon(quick, name)
                await time.settle()

    time.run(main, backend=backend)

    assert order == ["a", "b", "slow", "c"]
    assert (gate.stats().in_flight, gate.stats().waiting) == (0, 0)


def test_a_slot_that_is_idle_for_a_moment_only_is_kept() -> None:
    time = VirtualTime()
    gate = Gate(1, time=time)
    admitted: list[float] = []

    async def other() -> None:
        async with gate.admit(READ):
            admitted.append(time.now)

    async def main() -> None:
        async with anyio.create_task_group() as tasks, gate.admit(READ) as permit:
            tasks.start_soon(other)
            for _ in range(20):
                await permit.outside(time.sleep(LENT_AFTER / 2))

    time.run(main)
    assert admitted == [pytest.approx(10 * LENT_AFTER)]


@BACKENDS
def test_a_request_that_ends_while_its_slot_is_lent_leaves_no_state_behind(backend: str) -> None:
    time = VirtualTime()
    gate = Gate(1, time=time)

    async def cancelled(scope: anyio.CancelScope) -> None:
        with scope:
            async with gate.admit(READ) as permit:
                await permit.outside(anyio.sleep_forever())

    async def main() -> None:
        scope = anyio.CancelScope()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancelled, scope)
            await time.settle()
            async with gate.admit(READ):
                scope.cancel()
                await time.sleep(1.0)
        async with gate.admit(READ):
            assert gate.stats().in_flight == 1

    time.run(main, backend=backend)
    assert gate.stats().in_flight == 0


def test_a_slow_source_does_not_make_the_service_look_slow() -> None:
    time = VirtualTime()
    gate = Gate("auto", time=time, rng=random.Random(1))

    async def upload() -> None:
        while time.now < 60.0:
            async with gate.admit(READ) as permit:
                await permit.outside(time.sleep(time.now / 20.0))  # slower and slower
                await time.sleep(0.1)
                permit.accepted()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(upload)

    time.run(main)
    # The concurrency would shrink to a few requests if the time of the sources counted.
    pacer = gate._lanes[READ].pacer
    assert pacer is not None
    assert pacer._cap.value >= 100  # type: ignore[attr-defined]


async def _while_stuck(
    sandbox: Sandbox,
    stick: Callable[[AsyncImgwireClient, anyio.Event], Coroutine[Any, Any, None]],
    **options: object,
) -> None:
    """Make calls while another call with the only slot is stuck in the caller's own code."""
    go_on = anyio.Event()
    async with client_of(sandbox, concurrency=1, **options) as imgwire:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stick, imgwire, go_on)
            await anyio.wait_all_tasks_blocked()
            with anyio.fail_after(HANGS):
                for _ in range(3):
                    await imgwire.cors_origins.list()
            go_on.set()
        assert imgwire.stats().in_flight == 0


@BACKENDS
@pytest.mark.parametrize("hook", ["on_request", "on_response"])
def test_a_hook_that_takes_long_holds_no_slot(hook: str, backend: str) -> None:
    async def main() -> None:
        release = anyio.Event()

        async def wait(event: RequestEvent | ResponseEvent) -> None:
            if event.operation == "health":
                await release.wait()

        async def call(imgwire: AsyncImgwireClient, go_on: anyio.Event) -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(imgwire.health)
                await go_on.wait()
                release.set()

        with Sandbox() as sandbox:
            await _while_stuck(sandbox, call, **{hook: wait})

    anyio.run(main, backend=backend)


@BACKENDS
@pytest.mark.parametrize("size", [1_000, 300_000])
def test_a_source_that_stalls_holds_no_slot(size: int, backend: str, photo: Path) -> None:
    content = photo.read_bytes().ljust(size, b"\0")[:size]

    async def main() -> None:
        async def upload(imgwire: AsyncImgwireClient, go_on: anyio.Event) -> None:
            opened = 0

            async def chunks() -> AsyncIterator[bytes]:
                nonlocal opened
                opened += 1
                yield content[:500]
                if opened > 1:
                    await go_on.wait()
                yield content[500:]

            await imgwire.images.upload(chunks, file_name="a.jpg", size=len(content))

        with Sandbox() as sandbox:
            await _while_stuck(sandbox, upload)

    anyio.run(main, backend=backend)


@BACKENDS
def test_a_source_that_takes_long_to_open_holds_no_slot(backend: str, photo: Path) -> None:
    async def main() -> None:
        async def upload(imgwire: AsyncImgwireClient, go_on: anyio.Event) -> None:
            may_open = threading.Event()

            class Resource:
                name = "a.jpg"

                def open(self, mode: Literal["rb"]) -> IO[bytes]:
                    may_open.wait(30)
                    return photo.open(mode)

                def read_bytes(self) -> bytes:
                    return photo.read_bytes()

            async def release() -> None:
                await go_on.wait()
                may_open.set()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(release)
                await imgwire.images.upload(Resource())

        with Sandbox() as sandbox:
            await _while_stuck(sandbox, upload)

    anyio.run(main, backend=backend)


async def test_a_credential_provider_holds_no_slot(imgwire_sandbox: Sandbox) -> None:
    asked: list[str] = []
    seen: list[int] = []

    async def provide() -> str:
        asked.append("key")
        seen.append(client.stats().in_flight)
        return "sk_wrong" if len(asked) == 1 else imgwire_sandbox.server_key

    client = AsyncImgwireClient(provide, base_url=imgwire_sandbox.base_url, concurrency=1)
    async with client:
        await client.cors_origins.list()

    assert (len(asked), seen) == (2, [0, 0])


@BACKENDS
def test_a_slow_reader_of_a_download_can_make_other_calls_meanwhile(backend: str, photo: Path) -> None:
    content = photo.read_bytes() + bytes(3_000_000)

    async def main() -> None:
        with Sandbox() as sandbox:
            async with client_of(sandbox, concurrency=1) as imgwire:
                image = await imgwire.images.upload(content, file_name="a.jpg")
                image = await imgwire.images.wait_until_ready(image.id)
                received = 0
                with anyio.fail_after(HANGS):
                    async with imgwire.images.download(image) as stream:
                        async for chunk in stream:
                            received += len(chunk)
                            if received == len(chunk):
                                await imgwire.cors_origins.list()
                assert received > 1_000_000

    anyio.run(main, backend=backend)
