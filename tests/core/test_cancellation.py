"""Tell a cancellation of the call from one that was raised by the code it awaits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread
import pytest
import trio

from imgwire_async.core.concurrency.cancellation import ForeignCode, ForeignIterator
from imgwire_async.errors import UnexpectedCancellationError, UploadSourceError


async def await_something_cancelled() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def in_foreign_code(code: Callable[[], Awaitable[None]]) -> None:
    with ForeignCode("the hook"):
        await code()


async def test_a_cancellation_elsewhere_is_an_error_with_its_cause() -> None:
    with pytest.raises(UnexpectedCancellationError, match="the hook raised CancelledError") as raised:
        await in_foreign_code(await_something_cancelled)
    assert isinstance(raised.value.__cause__, asyncio.CancelledError)


async def test_the_error_is_of_the_requested_class() -> None:
    with pytest.raises(UploadSourceError), ForeignCode("the source", UploadSourceError):
        await await_something_cancelled()


async def test_every_step_of_an_iterator_is_watched() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        await await_something_cancelled()

    iterator = ForeignIterator(aiter(items()), "the iterable")
    assert await anext(iterator) == 1
    with pytest.raises(UnexpectedCancellationError):
        await anext(iterator)
    with pytest.raises(StopAsyncIteration):
        await anext(iterator)


async def test_a_cancelled_task_ends_as_cancelled() -> None:
    task = asyncio.create_task(in_foreign_code(lambda: asyncio.sleep(3600)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_a_task_that_is_cancelled_just_before_ends_as_cancelled() -> None:
    async def cancel_then_call() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await in_foreign_code(lambda: asyncio.sleep(0))

    task = asyncio.create_task(cancel_then_call())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_that_survived_a_cancellation_recognises_another_one() -> None:
    async def survive_then_call() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        await in_foreign_code(await_something_cancelled)

    with pytest.raises(UnexpectedCancellationError):
        await asyncio.create_task(survive_then_call())


async def test_a_timeout_of_asyncio_stays_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await in_foreign_code(lambda: asyncio.sleep(3600))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("before", [True, False])
def test_a_cancelled_scope_stays_cancelled(backend: str, before: bool) -> None:
    async def scenario() -> bool:
        with anyio.CancelScope(deadline=anyio.current_time() + (-1 if before else 0.01)) as scope:
            await in_foreign_code(anyio.sleep_forever)
        return scope.cancelled_caught

    assert anyio.run(scenario, backend=backend)


def test_on_trio_a_stored_cancellation_does_not_belong_to_the_call() -> None:
    async def scenario() -> None:
        kept: list[trio.Cancelled] = []
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled as error:
                kept.append(error)
                raise

        async def raise_it() -> None:
            raise kept[0]

        with pytest.raises(UnexpectedCancellationError):
            await in_foreign_code(raise_it)

    trio.run(scenario)


def test_on_trio_a_cancellation_of_asyncio_does_not_belong_to_the_call() -> None:
    async def raise_it() -> None:
        raise asyncio.CancelledError

    async def scenario() -> None:
        with pytest.raises(UnexpectedCancellationError):
            await in_foreign_code(raise_it)

    trio.run(scenario)


async def test_other_exceptions_pass_through() -> None:
    async def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await in_foreign_code(fail)


def test_a_call_that_is_collected_after_its_loop_has_closed_raises_nothing() -> None:
    async def call() -> None:
        with ForeignCode("the hook"):
            await asyncio.get_running_loop().create_future()

    loop, abandoned = asyncio.new_event_loop(), call()
    loop.run_until_complete(begun(abandoned))
    loop.close()

    abandoned.close()


async def begun(coroutine: Coroutine[Any, Any, None]) -> None:
    coroutine.send(None)
