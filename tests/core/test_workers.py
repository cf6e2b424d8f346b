"""Short work on asyncio runs in reused threads, and is abandoned if its task is cancelled."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Iterator

import anyio
import pytest

from imgwire_async.core.concurrency import workers
from imgwire_async.core.concurrency.threads import in_thread
from imgwire_async.core.concurrency.workers import in_worker


@pytest.fixture
def limiter() -> anyio.CapacityLimiter:
    return anyio.CapacityLimiter(2)


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Set it to release hanging work; set at the end of the test, which has its own threads."""
    monkeypatch.setattr(workers, "_workers", workers._Workers())
    event = threading.Event()
    yield event
    event.set()


async def test_work_runs_in_another_thread_and_returns_its_result(limiter: anyio.CapacityLimiter) -> None:
    assert await in_worker(threading.get_ident, limiter) != threading.get_ident()


async def test_an_error_is_raised_and_leaves_no_garbage(limiter: anyio.CapacityLimiter) -> None:
    def fail() -> None:
        raise FileNotFoundError

    gc.collect()
    with pytest.raises(FileNotFoundError):
        await in_worker(fail, limiter)

    assert gc.collect() == 0
    assert limiter.borrowed_tokens == 0


@pytest.mark.usefixtures("released")
async def test_a_thread_is_used_again(limiter: anyio.CapacityLimiter) -> None:
    assert len({await in_worker(threading.get_ident, limiter) for _ in range(20)}) == 1


async def test_no_more_threads_run_than_the_limiter_allows(
    limiter: anyio.CapacityLimiter, released: threading.Event
) -> None:
    running = [asyncio.create_task(in_worker(released.wait, limiter)) for _ in range(5)]
    await asyncio.sleep(0)

    assert (limiter.borrowed_tokens, limiter.statistics().tasks_waiting) == (2, 3)
    released.set()
    assert await asyncio.gather(*running) == [True] * 5
    assert limiter.borrowed_tokens == 0


async def test_a_cancelled_task_abandons_its_work_and_frees_its_place(
    limiter: anyio.CapacityLimiter, released: threading.Event
) -> None:
    for _ in range(4):
        with anyio.move_on_after(0):
            await in_worker(released.wait, limiter)

    assert limiter.borrowed_tokens == 0
    assert await in_worker(lambda: "done", limiter) == "done"


async def test_a_thread_that_cannot_start_is_reported_and_its_work_never_runs(
    limiter: anyio.CapacityLimiter, released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without_threads:
        without_threads.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError):
            await in_worker(released.set, limiter)

    assert await in_worker(lambda: "done", limiter) == "done"
    assert not released.is_set()


@pytest.mark.usefixtures("released")
def test_event_loops_share_the_threads() -> None:
    async def thread() -> int:
        return await in_worker(threading.get_ident, anyio.CapacityLimiter(1))

    assert asyncio.run(thread()) == asyncio.run(thread())


@pytest.mark.usefixtures("released")
def test_work_that_outlives_its_loop_ends_quietly(released: threading.Event) -> None:
    async def leave() -> None:
        with anyio.move_on_after(0):
            await in_worker(released.wait, anyio.CapacityLimiter(1))

    async def again() -> str:
        return await in_worker(lambda: "done", anyio.CapacityLimiter(1))

    asyncio.run(leave())
    released.set()

    assert asyncio.run(again()) == "done"


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="processes do not fork")
async def test_a_forked_process_starts_threads_of_its_own(limiter: anyio.CapacityLimiter) -> None:
    await in_worker(int, limiter)
    before = workers._workers
    try:
        workers._forget()  # called by `os.register_at_fork`

        assert await in_worker(lambda: "done", limiter) == "done"
    finally:
        workers._workers = before


@pytest.mark.parametrize(
    ("backend", "options", "is_ours"),
    [
        ("asyncio", {"abandon_on_cancel": True}, True),
        ("asyncio", {"abandon_on_cancel": False}, False),
        ("trio", {"abandon_on_cancel": True}, False),
    ],
)
def test_trio_and_work_that_is_waited_for_use_the_threads_of_anyio(
    backend: str, options: dict[str, bool], is_ours: bool
) -> None:
    async def thread() -> str:
        limiter = anyio.CapacityLimiter(1)
        return await in_thread(lambda: threading.current_thread().name, limiter=limiter, **options)

    assert anyio.run(thread, backend=backend).startswith("imgwire_async") is is_ours
