"""Ways to leave a user's generator early, and a check that the task that used it continues."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Protocol, cast

import anyio
import anyio.lowlevel
import pytest

from imgwire_async.core.logical_call import ClientStats
from tests.hangs import HANGS

BACKENDS = {
    "asyncio": {"backend": "asyncio"},
    "uvloop": {"backend": "asyncio", "backend_options": {"use_uvloop": True}},
    "trio": {"backend": "trio"},
}
ON_ALL = pytest.mark.parametrize("backend", BACKENDS)
ON_BOTH = pytest.mark.parametrize("backend", ["asyncio", "trio"])
ON_ASYNCIO = pytest.mark.parametrize("backend", ["asyncio", "uvloop"])


class Client(Protocol):
    """A client of either service."""

    def stats(self) -> ClientStats: ...


class Ways:
    """Ways to leave a generator after its first item."""

    @staticmethod
    async def breaking(items: AsyncGenerator[object, None]) -> None:
        async for _ in items:
            break

    @staticmethod
    async def returning(items: AsyncGenerator[object, None]) -> object:
        async for item in items:
            return item
        raise AssertionError("there was nothing")

    @staticmethod
    async def failing(items: AsyncGenerator[object, None]) -> None:
        async def fail() -> None:
            async for _ in items:
                raise KeyError

        with pytest.raises(KeyError):
            await fail()

    @staticmethod
    async def closing(items: AsyncGenerator[object, None]) -> None:
        async with aclosing(items):
            await anext(items)

    @staticmethod
    async def closing_in_another_task(items: AsyncGenerator[object, None]) -> None:
        await anext(items)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(items.aclose)

    @staticmethod
    async def throwing(items: AsyncGenerator[object, None]) -> None:
        await anext(items)
        with pytest.raises(ZeroDivisionError):
            await items.athrow(ZeroDivisionError())

    @staticmethod
    async def running_out_of_time(items: AsyncGenerator[object, None]) -> None:
        with anyio.move_on_after(0.5) as scope:
            async for _ in items:
                await anyio.sleep_forever()
        assert scope.cancelled_caught


WAYS = [
    Ways.breaking,
    Ways.returning,
    Ways.failing,
    Ways.closing,
    Ways.closing_in_another_task,
    Ways.throwing,
    Ways.running_out_of_time,
]
IN_EVERY_WAY = pytest.mark.parametrize("leave", WAYS, ids=lambda way: way.__name__)


async def goes_on(client: Client) -> None:
    """Check that this task is not cancelled, and that the work it has left ends."""
    gc.collect()
    with anyio.fail_after(HANGS):
        while client.stats().in_flight or client.stats().waiting or _background_tasks():  # noqa: ASYNC110
            await anyio.sleep(0.01)
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


def _background_tasks() -> list[str | None]:
    names = [task.name for task in anyio.get_running_tasks()]
    return [name for name in names if name and "imgwire_async background" in name]


def run(backend: str, scenario: Callable[[], Awaitable[None]], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        anyio.run(scenario, **cast(Any, BACKENDS[backend]))
        gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
