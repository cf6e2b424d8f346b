"""The read timeouts of all requests on asyncio share one timer."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from imgwire_async.core.clients.options import Timeouts
from imgwire_async.core.http.connections import Engine
from imgwire_async.core.http.exchange import exchange
from imgwire_async.core.http.messages import HttpRequest
from imgwire_async.core.http.read_timeouts import ReadTimeouts
from imgwire_async.core.responses import HttpResponse, Result
from tests.raw_servers import OK, Connection, always, answer, raw_server


class Waiting:
    def __init__(self) -> None:
        self.timed_out = asyncio.Event()

    def time_out(self) -> None:
        self.timed_out.set()


async def test_the_shortest_wait_ends_first_regardless_of_the_order_of_starts() -> None:
    timeouts = ReadTimeouts()
    long, short, endless = Waiting(), Waiting(), Waiting()
    timeouts.start(endless, None)
    timeouts.start(long, 60.0)
    timeouts.start(short, 0.01)

    await short.timed_out.wait()

    assert not long.timed_out.is_set()
    assert not endless.timed_out.is_set()
    timeouts.close()


async def test_the_timer_moves_on_to_the_next_waiter() -> None:
    timeouts = ReadTimeouts()
    first, answered, second = Waiting(), Waiting(), Waiting()
    timeouts.start(first, 0.01)
    timeouts.start(answered, 0.02)
    timeouts.start(second, 0.03)
    timeouts.stop(answered)

    await first.timed_out.wait()
    await second.timed_out.wait()

    assert not answered.timed_out.is_set()


async def test_a_new_wait_has_the_full_time_again() -> None:
    timeouts = ReadTimeouts()
    again, short = Waiting(), Waiting()
    timeouts.start(again, 0.01)
    timeouts.stop(again)
    timeouts.start(again, 60.0)
    timeouts.start(short, 0.02)

    await short.timed_out.wait()

    assert not again.timed_out.is_set()
    timeouts.close()


async def test_no_wait_is_ended_after_closing() -> None:
    timeouts = ReadTimeouts()
    waiting = Waiting()
    timeouts.start(waiting, 0.001)
    timeouts.close()

    await asyncio.sleep(0.05)

    assert not waiting.timed_out.is_set()


async def test_many_requests_set_one_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    read = 600.0
    set_timers: list[float] = []
    call_at = loop.call_at

    def counted(when: float, *rest: Any, **options: Any) -> asyncio.TimerHandle:
        if when - loop.time() > read / 2:
            set_timers.append(when)
        return call_at(when, *rest, **options)

    monkeypatch.setattr(loop, "call_at", counted)
    engine = Engine()
    with raw_server(always(answer(200))) as server:
        for _ in range(5):
            result = await exchange(
                engine.transport(), HttpRequest("GET", server.base_url, {}), Timeouts(read=read)
            )
            assert isinstance(result, HttpResponse)
    await engine.aclose()

    assert len(set_timers) == 1


async def test_a_response_that_arrived_while_the_event_loop_was_blocked_is_read() -> None:
    asked, may_respond, responded = threading.Event(), threading.Event(), threading.Event()

    def respond(connection: Connection) -> None:
        connection.read_head()
        asked.set()
        may_respond.wait()
        connection.send(OK)
        responded.set()

    read = 3.0
    engine = Engine()
    with raw_server(respond) as server:
        request = HttpRequest("GET", server.base_url, {})
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(sent(engine, request, Timeouts(read=read)))
            await asyncio.to_thread(asked.wait)
            may_respond.set()
            responded.wait()  # blocks the event loop
            time.sleep(read + 0.2)  # noqa: ASYNC251 - so does this
    await engine.aclose()

    assert isinstance(sending.result(), HttpResponse)


async def sent(engine: Engine, request: HttpRequest, timeouts: Timeouts) -> Result:
    return await exchange(engine.transport(), request, timeouts)
