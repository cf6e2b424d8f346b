"""Work in a separate task, task groups that wait for all their tasks, and items passed between tasks."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from imgwire_async.core.concurrency.tasks import Background, Handover, JoinedTasks
from imgwire_async.errors import InvalidArgumentError, UnexpectedCancellationError
from tests.hangs import HANGS

BACKENDS = {
    "asyncio": {"backend": "asyncio"},
    "uvloop": {"backend": "asyncio", "backend_options": {"use_uvloop": True}},
    "trio": {"backend": "trio"},
}


def on_all(test: Callable[[], Awaitable[None]]) -> Callable[[str], None]:
    """Run a test function on asyncio, uvloop and trio."""

    @pytest.mark.parametrize("backend", BACKENDS)
    def run(backend: str) -> None:
        async def within_seconds() -> None:
            with anyio.fail_after(HANGS):
                await test()

        anyio.run(within_seconds, **cast(Any, BACKENDS[backend]))

    return run


class Work:
    """Records its progress."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.started, self.go_on, self.ended = anyio.Event(), anyio.Event(), anyio.Event()
        self.error = error
        self.completed = False

    async def run(self) -> None:
        try:
            self.started.set()
            await self.go_on.wait()
            if self.error is not None:
                raise self.error
            self.completed = True
        finally:
            self.ended.set()


@on_all
async def test_leaving_a_block_ends_the_work_and_waits_until_it_has_ended() -> None:
    work = Work()
    cleaned_up = False

    async def run() -> None:
        nonlocal cleaned_up
        try:
            await work.run()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            cleaned_up = True

    async with Background(run):
        await work.started.wait()

    assert cleaned_up
    assert not work.completed


@on_all
async def test_finished_work_is_known_to_be_finished() -> None:
    work, ended = Work(), anyio.Event()
    async with Background(work.run, at_end=ended.set) as background:
        work.go_on.set()
        await ended.wait()
        background.check()


@on_all
async def test_an_exception_of_the_work_is_raised_alone_and_with_its_traceback() -> None:
    ended = anyio.Event()

    async def fail_somewhere() -> None:
        raise LookupError("here")

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fail_somewhere)

    background = Background(work, at_end=ended.set)
    await ended.wait()
    lengths = []
    for _ in range(3):
        with pytest.raises(LookupError, match="here") as raised:
            background.check()
        names = [entry.name for entry in raised.traceback]
        assert "fail_somewhere" in names
        lengths.append(len(names))
    assert len(set(lengths)) == 1


@on_all
async def test_an_unseen_exception_is_raised_when_the_block_is_left() -> None:
    ended = anyio.Event()

    async def work() -> None:
        raise LookupError("unseen")

    async def enter_and_leave() -> None:
        async with Background(work, at_end=ended.set):
            await ended.wait()

    with pytest.raises(LookupError, match="unseen"):
        await enter_and_leave()


@on_all
async def test_an_error_of_the_block_takes_precedence_over_one_of_the_work() -> None:
    ended = anyio.Event()

    async def work() -> None:
        raise LookupError("unseen")

    async def enter_and_fail() -> None:
        async with Background(work, at_end=ended.set):
            await ended.wait()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await enter_and_fail()


@on_all
async def test_an_error_about_the_items_concerns_only_their_consumers() -> None:
    ended = anyio.Event()

    async def work() -> None:
        raise InvalidArgumentError("an item")

    async with Background(work, at_end=ended.set):
        await ended.wait()


@on_all
async def test_work_ended_by_its_owner_does_not_count_as_done() -> None:
    work = Work()
    async with Background(work.run) as background:
        await work.started.wait()
    with pytest.raises(RuntimeError, match="left"):
        background.check()


@on_all
async def test_the_work_sees_the_context_of_the_task_that_started_it() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("set")
    seen, ended = [], anyio.Event()

    async def work() -> None:
        seen.append(variable.get())

    async with Background(work, at_end=ended.set):
        variable.set("later")
        await ended.wait()
    assert seen == ["set"]


@on_all
async def test_work_of_a_dropped_owner_ends() -> None:
    work = Work()
    background = Background(work.run)
    await work.started.wait()
    del background
    gc.collect()
    await work.ended.wait()
    assert not work.completed


@on_all
async def test_work_of_an_owner_dropped_in_another_thread_ends() -> None:
    work = Work()
    owners = [Background(work.run)]
    await work.started.wait()
    thread = threading.Thread(target=owners.clear)
    thread.start()
    await work.ended.wait()
    thread.join()


@on_all
async def test_a_cancellation_during_the_wait_for_the_end_is_kept_until_then() -> None:
    may_end = anyio.Event()

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await may_end.wait()

    background = Background(work)
    await anyio.lowlevel.checkpoint()
    left = False

    async def leave() -> None:
        nonlocal left
        try:
            await background.leave(None)
        finally:
            left = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leave)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            for _ in range(5):
                await anyio.lowlevel.checkpoint()
            assert not left
            may_end.set()


@pytest.mark.parametrize("started", [True, False], ids=["at work", "before its first step"])
async def test_work_whose_task_other_code_cancels_is_not_done(started: bool) -> None:
    work, ended = Work(), anyio.Event()
    before = asyncio.all_tasks()
    background = Background(work.run, at_end=ended.set)
    if started:
        await work.started.wait()
    for task in asyncio.all_tasks() - before:
        task.cancel()
    await ended.wait()

    with pytest.raises(UnexpectedCancellationError):
        background.check()
    await background.leave(None)


def test_the_block_of_a_coroutine_may_be_closed_after_the_end_of_its_loop() -> None:
    started: list[asyncio.Task[object]] = []

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        started.append(task)
        await asyncio.sleep(3600)

    async def use() -> None:
        async with Background(work):
            await asyncio.sleep(3600)

    async def turns() -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    coroutine = use()
    task = loop.create_task(coroutine)
    loop.run_until_complete(turns())
    loop.close()

    coroutine.close()

    for left in (task, *started):
        left._log_destroy_pending = False  # type: ignore[attr-defined]
        with suppress(RuntimeError):  # raised by the cancel scope in the task of the work
            cast(Any, left.get_coro()).close()


async def test_nothing_of_a_block_is_cancelled_when_its_work_fails() -> None:
    ended = anyio.Event()

    async def work() -> None:
        raise InvalidArgumentError("an item")

    async with Background(work, at_end=ended.set):
        await ended.wait()
        await asyncio.sleep(0.01)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_group_reports_that_one_of_its_tasks_was_cancelled_by_other_code() -> None:
    async def cancel_oneself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def group() -> None:
        async with JoinedTasks() as tasks:
            tasks.start_soon(cancel_oneself)
            await asyncio.sleep(3600)

    with pytest.raises(UnexpectedCancellationError):
        await group()


@on_all
async def test_a_group_raises_a_single_exception_unchanged() -> None:
    async def fail() -> None:
        raise LookupError("one")

    async def group() -> None:
        async with JoinedTasks() as tasks:
            tasks.start_soon(fail)
            await anyio.sleep_forever()

    with pytest.raises(LookupError, match="one"):
        await group()


@on_all
async def test_a_group_in_a_cancelled_scope_ends_as_cancelled() -> None:
    with anyio.CancelScope() as scope:
        async with JoinedTasks() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught


@on_all
async def test_items_are_taken_once_each_and_in_order() -> None:
    handover = Handover[int](2)
    taken: list[int] = []

    async def put() -> None:
        for item in range(100):
            await handover.put(item)
        handover.end()

    async def take() -> None:
        with suppress(anyio.EndOfStream):
            while True:
                taken.append(await handover.take())
                await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(put)
        for _ in range(4):
            tasks.start_soon(take)
    assert taken == list(range(100))


@on_all
async def test_put_waits_for_room() -> None:
    handover = Handover[int](2)
    put: list[int] = []

    async def put_all(items: range) -> None:
        for item in items:
            await handover.put(item)
            put.append(item)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(put_all, range(3))
        tasks.start_soon(put_all, range(3))
        await anyio.wait_all_tasks_blocked()
        assert len(put) == 2
        for _ in range(6):
            await handover.take()
    assert len(put) == 6


async def test_an_item_is_not_lost_with_a_consumer_that_is_cancelled_as_it_arrives() -> None:
    handover = Handover[int](1)
    taker = asyncio.create_task(handover.take())
    await asyncio.sleep(0)
    handover.put_nowait(1)
    taker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taker
    assert await handover.take() == 1
