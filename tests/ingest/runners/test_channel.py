"""Calls between two channel ends, without processes."""

from __future__ import annotations

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.abc import TaskGroup

from imgwire_async.errors import ConfigurationError
from imgwire_async.ingest.runners.channel import Channel
from tests.hangs import HANGS


class Ends:
    """Two channels; data sent by one arrives at the other in chunks of this many bytes."""

    def __init__(self, piece: int) -> None:
        self._piece = piece
        self.told: list[object] = []
        self.here = Channel(tells={}, calls={})
        self.there = Channel(
            tells={"note": self.told.append}, calls={"double": self._double, "refuse": self._refuse}
        )

    async def _double(self, number: int) -> int:
        await anyio.sleep(0.001 * (5 - number))
        return 2 * number

    async def _refuse(self) -> None:
        raise ConfigurationError("no key", operation="ingest")

    async def connect(self, tasks: TaskGroup) -> None:
        for sender, receiver in ((self.here, self.there), (self.there, self.here)):

            async def write(data: bytes, receiver: Channel = receiver) -> None:
                for start in range(0, len(data), self._piece):
                    receiver.feed(data[start : start + self._piece], tasks)

            tasks.start_soon(sender.send_to, write)


@pytest.mark.parametrize("piece", [1, 7, 1_000_000])
async def test_calls_are_answered_and_messages_arrive_in_order_however_the_bytes_are_split(
    piece: int,
) -> None:
    ends = Ends(piece)
    results: dict[int, object] = {}

    async def call(number: int) -> None:
        results[number] = await ends.here.call("double", number)

    async with anyio.create_task_group() as tasks:
        await ends.connect(tasks)
        async with anyio.create_task_group() as callers:
            for number in range(5):
                ends.here.tell("note", number)
                callers.start_soon(call, number)
        tasks.cancel_scope.cancel()

    assert results == {number: 2 * number for number in range(5)}
    assert ends.told == list(range(5))


async def test_an_error_of_the_other_end_is_raised_here() -> None:
    ends = Ends(1_000_000)
    async with anyio.create_task_group() as tasks:
        await ends.connect(tasks)
        with pytest.raises(ConfigurationError, match="no key"):
            await ends.here.call("refuse")
        tasks.cancel_scope.cancel()


async def test_a_result_that_is_no_longer_awaited_is_dropped() -> None:
    ends = Ends(1_000_000)
    async with anyio.create_task_group() as tasks:
        await ends.connect(tasks)
        with anyio.move_on_after(0):
            await ends.here.call("double", 0)
        assert await ends.here.call("double", 4) == 8
        tasks.cancel_scope.cancel()


async def test_flush_returns_when_everything_is_written() -> None:
    channel = Channel(tells={}, calls={})
    written = bytearray()

    async def write(data: bytes) -> None:
        await anyio.sleep(0.01)
        written.extend(data)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(channel.send_to, write)
        channel.tell("note", "a")
        await channel.flush()
        assert b"note" in written
        await channel.flush()
        tasks.cancel_scope.cancel()


async def test_sending_ends_when_the_other_end_has_closed() -> None:
    channel = Channel(tells={}, calls={})

    async def write(data: bytes) -> None:
        raise BrokenPipeError(len(data))

    channel.tell("note")
    with anyio.fail_after(HANGS):
        await channel.send_to(write)


async def test_messages_that_may_wait_are_batched_until_an_urgent_one_comes() -> None:
    channel = Channel(tells={}, calls={}, gather=3600.0, at_once={"urgent"})
    frames: list[bytes] = []

    async def write(data: bytes) -> None:
        frames.append(data)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(channel.send_to, write)
        channel.tell("first")
        await wait_all_tasks_blocked()
        channel.tell("second")
        await wait_all_tasks_blocked()
        assert frames == []
        channel.tell("urgent")
        await wait_all_tasks_blocked()
        assert len(frames) == 1
        channel.tell("third")
        channel.hurry()
        await wait_all_tasks_blocked()
        assert len(frames) == 2
        channel.tell("fourth")
        await channel.flush()
        tasks.cancel_scope.cancel()
    assert [b"fourth" in frame for frame in frames] == [False, False, True]


async def test_batched_messages_are_sent_after_a_while() -> None:
    channel = Channel(tells={}, calls={}, gather=0.001)
    written = anyio.Event()

    async def write(data: bytes) -> None:
        assert b"note" in data
        written.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(channel.send_to, write)
        channel.tell("note")
        with anyio.fail_after(HANGS):
            await written.wait()
        tasks.cancel_scope.cancel()


async def test_the_result_of_an_urgent_call_is_sent_at_once_with_any_that_wait() -> None:
    async def answer(number: int) -> int:
        return number

    here = Channel(tells={}, calls={})
    there = Channel(tells={}, calls={"slow": answer, "urgent": answer}, gather=3600.0, at_once={"urgent"})
    frames = 0

    async with anyio.create_task_group() as tasks:

        async def to_there(data: bytes) -> None:
            there.feed(data, tasks)

        async def to_here(data: bytes) -> None:
            nonlocal frames
            frames += 1
            here.feed(data, tasks)

        tasks.start_soon(here.send_to, to_there)
        tasks.start_soon(there.send_to, to_here)
        with anyio.fail_after(HANGS):
            async with anyio.create_task_group() as callers:
                callers.start_soon(here.call, "slow", 1)
                await wait_all_tasks_blocked()
                assert frames == 0
                assert await here.call("urgent", 2) == 2
        assert frames == 1
        tasks.cancel_scope.cancel()


async def test_a_channel_will_send_while_it_gathers_or_handles_a_call_that_is_not_urgent() -> None:
    proceed = anyio.Event()

    async def answer() -> None:
        await proceed.wait()

    here = Channel(tells={}, calls={})
    there = Channel(tells={}, calls={"slow": answer, "urgent": answer}, gather=3600.0, at_once={"urgent"})

    seen: list[bool] = []

    async with anyio.create_task_group() as tasks:

        async def to_there(data: bytes) -> None:
            there.feed(data, tasks)

        tasks.start_soon(here.send_to, to_there)
        tasks.start_soon(here.call, "urgent")
        await wait_all_tasks_blocked()
        seen.append(there.will_send)
        tasks.start_soon(here.call, "slow")
        await wait_all_tasks_blocked()
        seen.append(there.will_send)
        proceed.set()
        await wait_all_tasks_blocked()
        seen.append(there.will_send)  # the results are gathered
        tasks.cancel_scope.cancel()

    assert seen == [False, True, True]
