"""Every HTTP library against misbehaving servers: the same errors, and connection pools that survive."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, cast

import anyio
import anyio.lowlevel
import httpx
import pytest
from httpx_aiohttp import HttpxAiohttpClient

from imgwire_async.core.body import CountedStream
from imgwire_async.core.clients.options import Timeouts
from imgwire_async.core.http import aiohttp_transport
from imgwire_async.core.http.connections import Engine
from imgwire_async.core.http.exchange import exchange
from imgwire_async.core.http.messages import HttpRequest
from imgwire_async.core.responses import HttpResponse, NoResponse, Result
from tests.raw_servers import OK, Behaviour, Connection, always, answer, raw_server

T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """An event loop and an HTTP library."""

    backend: str = "asyncio"
    use_uvloop: bool = False
    http_client: Callable[[], httpx.AsyncClient] | None = None

    def run(self, function: Callable[[], Awaitable[T]]) -> T:
        options = {"use_uvloop": self.use_uvloop} if self.backend == "asyncio" else {}
        return anyio.run(function, backend=self.backend, backend_options=options)

    @asynccontextmanager
    async def engine(self) -> AsyncGenerator[Engine, None]:
        http_client = None if self.http_client is None else self.http_client()
        engine = Engine(http_client)
        try:
            yield engine
        finally:
            await engine.aclose()
            if http_client is not None:
                await http_client.aclose()


OURS = {"asyncio": Kind(), "uvloop": Kind(use_uvloop=True), "trio": Kind(backend="trio")}
THE_CALLERS = {
    "caller's httpx": Kind(http_client=partial(httpx.AsyncClient, verify=False)),
    "caller's httpx-aiohttp": Kind(http_client=partial(HttpxAiohttpClient, verify=False)),
}


@pytest.fixture(params=list(OURS.values()), ids=list(OURS))
def kind(request: pytest.FixtureRequest) -> Kind:
    """The HTTP library that the SDK chooses on each event loop."""
    chosen: Kind = request.param
    return chosen


every_kind = pytest.mark.parametrize("kind", (OURS | THE_CALLERS).values(), ids=OURS | THE_CALLERS)


PATIENT = Timeouts(connect=20, read=20, write=20)
IMPATIENT = Timeouts(connect=20, read=0.3, write=20)
"""For responses that never arrive."""


async def get(engine: Engine, url: str, timeouts: Timeouts | None = None) -> Result:
    return await exchange(engine.transport(), HttpRequest("GET", url, {}), timeouts or PATIENT)


async def chunks_of(body: bytes, size: int = 65536) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def put(engine: Engine, url: str, body: bytes, timeouts: Timeouts | None = None) -> Result:
    async with aclosing(chunks_of(body)) as chunks:
        stream = CountedStream(chunks, len(body))
        return await exchange(engine.transport(), HttpRequest("PUT", url, {}, stream), timeouts or PATIENT)


def on_bad_paths(misbehave: Behaviour, *, keep_alive: bool = False) -> Behaviour:
    """Misbehave for `/bad` and hang up unless `keep_alive`; respond to other requests properly."""

    def behave(connection: Connection) -> None:
        while head := connection.read_head():
            connection.read_body(head)
            if b" /bad" in head.split(b"\r\n")[0]:
                misbehave(connection)
                if not keep_alive:
                    return
            else:
                connection.send(OK)

    return behave


def say(data: bytes) -> Behaviour:
    return lambda connection: connection.send(data)


def say_and_stall(data: bytes) -> Behaviour:
    def behave(connection: Connection) -> None:
        connection.send(data)
        connection.wait_for_end_of_test()

    return behave


@dataclass(frozen=True)
class Case:
    misbehave: Behaviour
    names: set[str]
    timed_out: bool = False


BROKEN = {"RemoteProtocolError", "ReadError"}

MISBEHAVING = {
    "closes after the request": Case(Connection.hang_up, {"RemoteProtocolError"}),
    "resets after the request": Case(Connection.reset, {"ReadError"}),
    "half an answer head": Case(say(b"HTTP/1.1 200 OK\r\nContent-Le"), BROKEN),
    "truncated body": Case(say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), BROKEN),
    "truncated chunked body": Case(
        say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), BROKEN
    ),
    "malformed chunk": Case(
        say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n"), BROKEN
    ),
    "malformed status line": Case(say(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), {"RemoteProtocolError"}),
    "malformed header": Case(say(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), {"RemoteProtocolError"}),
    "enormous header": Case(
        say(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000 + b"\r\n\r\n"), {"RemoteProtocolError"}
    ),
    "contradicting lengths": Case(
        say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), {"RemoteProtocolError"}
    ),
    "stalls before the answer": Case(say_and_stall(b""), {"ReadTimeout"}, timed_out=True),
    "stalls in the head": Case(say_and_stall(b"HTTP/1.1 200 OK\r\n"), {"ReadTimeout"}, timed_out=True),
    "stalls in the body": Case(
        say_and_stall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), {"ReadTimeout"}, timed_out=True
    ),
}


@every_kind
@pytest.mark.parametrize("case", MISBEHAVING.values(), ids=MISBEHAVING)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_failure_after_the_request_was_sent_may_have_acted_and_leaves_the_pool_working(
    kind: Kind, case: Case, method: str
) -> None:
    async def scenario() -> tuple[Result, Result]:
        async with kind.engine() as engine:
            url = f"{server.base_url}/bad"
            timeouts = IMPATIENT if case.timed_out else PATIENT
            failed = await (
                get(engine, url, timeouts) if method == "GET" else put(engine, url, b"x" * 1000, timeouts)
            )
            return failed, await get(engine, f"{server.base_url}/good")

    with raw_server(on_bad_paths(case.misbehave)) as server:
        failed, after = kind.run(scenario)

    assert isinstance(failed, NoResponse), failed
    assert failed.name in case.names
    assert failed.may_have_acted
    assert failed.timed_out == case.timed_out
    assert len(failed.reason) < 400
    assert failed.reason.isprintable()
    assert isinstance(after, HttpResponse)
    assert after.status == 200


@every_kind
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("reused", [False, True], ids=["new connection", "kept connection"])
def test_the_transport_never_repeats_a_request_by_itself(kind: Kind, method: str, reused: bool) -> None:
    async def scenario() -> Result:
        async with kind.engine() as engine:
            if reused:
                await get(engine, f"{server.base_url}/good")
            body = b"x" * 1000 if method == "PUT" else None
            message = HttpRequest(method, f"{server.base_url}/bad", {}, body)
            return await exchange(engine.transport(), message, PATIENT)

    with raw_server(on_bad_paths(Connection.hang_up)) as server:
        failed = kind.run(scenario)

    assert isinstance(failed, NoResponse)
    # A custom aiohttp client also retries by itself.
    if "aiohttp" not in str(kind.http_client):
        assert [head.split()[1] for head in server.heads].count(b"/bad") == 1


def test_connections_that_were_closed_while_the_loop_was_blocked_are_not_reused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = threading.Semaphore(0)

    def close_after_each_answer(connection: Connection) -> None:
        connection.read_request()
        connection.send(OK)
        connection.hang_up()
        closed.release()

    async def scenario() -> list[Result]:
        engine, results = Engine(), []
        for _ in range(3):
            message = HttpRequest("POST", server.base_url, {}, b"{}")
            results.append(await exchange(engine.transport(), message, PATIENT))
            assert closed.acquire(timeout=30)  # blocks the event loop
        await engine.aclose()
        return results

    monkeypatch.setattr(aiohttp_transport, "_MAY_BE_STALE", 0.0)
    with raw_server(close_after_each_answer) as server:
        results = asyncio.run(scenario())

    assert [type(result) for result in results] == [HttpResponse] * 3


@every_kind
def test_a_request_can_be_cancelled_at_any_point_and_leaves_nothing_to_the_garbage_collector(
    kind: Kind,
) -> None:
    async def scenario() -> Result:
        async with kind.engine() as engine:
            for turns in range(20):
                with anyio.CancelScope() as scope:
                    async with anyio.create_task_group() as tasks:
                        message = HttpRequest("PUT", server.base_url, {}, b"x" * 1000)
                        tasks.start_soon(exchange, engine.transport(), message, PATIENT)
                        for _ in range(turns):
                            await anyio.lowlevel.checkpoint()
                        scope.cancel()
            gc.collect()
            return await get(engine, server.base_url)

    with raw_server(always(OK)) as server:
        after = kind.run(scenario)

    assert isinstance(after, HttpResponse)


@every_kind
@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("problem", ["refused", "no such name", "no TLS there", "TLS cut short"])
def test_a_failure_before_the_request_was_sent_cannot_have_acted(
    kind: Kind, problem: str, method: str
) -> None:
    async def scenario() -> Result:
        async with kind.engine() as engine:
            return await (get(engine, url) if method == "GET" else put(engine, url, b"x" * 1000))

    behaviour = Connection.hang_up if problem == "TLS cut short" else say(answer(400))
    with raw_server(behaviour) as server, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        url = {
            "refused": f"http://127.0.0.1:{nobody.getsockname()[1]}/",
            "no such name": "http://imgwire-test.invalid/",
            "no TLS there": server.base_url.replace("http:", "https:"),
            "TLS cut short": server.base_url.replace("http:", "https:"),
        }[problem]
        failed = kind.run(scenario)

    assert isinstance(failed, NoResponse)
    assert failed.name == "ConnectError"
    assert not failed.may_have_acted
    assert not failed.timed_out
    assert not failed.reason.endswith("ConnectError"), "says nothing further"


@every_kind
def test_a_request_on_a_connection_closed_after_being_accepted_may_have_acted(kind: Kind) -> None:
    async def scenario() -> Result:
        async with kind.engine() as engine:
            return await get(engine, server.base_url)

    with raw_server(Connection.hang_up) as server:
        failed = kind.run(scenario)

    assert isinstance(failed, NoResponse)
    assert failed.may_have_acted


@pytest.mark.parametrize("kind", [OURS["asyncio"], OURS["trio"]], ids=["asyncio", "trio"])
def test_name_resolution_counts_against_the_connect_timeout(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def resolve_slowly(*arguments: object) -> object:
        if not cast(int, arguments[-1]) & socket.AI_NUMERICHOST:
            released.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async def scenario() -> Result:
        async with kind.engine() as engine:
            try:
                return await get(engine, "http://slow.invalid/", Timeouts(connect=0.2, read=5, write=5))
            finally:
                released.set()

    monkeypatch.setattr(socket, "getaddrinfo", resolve_slowly)
    failed = kind.run(scenario)

    assert isinstance(failed, NoResponse)
    assert failed.name == "ConnectTimeout"
    assert not failed.may_have_acted
    assert failed.timed_out


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK, 200),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304),
        (b"HTTP/1.1 520 \r\nContent-Length: 0\r\n\r\n", 520),
        (b"HTTP/1.0 200 OK\r\n\r\n{}", 200),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 30_000 + b"\r\nContent-Length: 2\r\n\r\n{}", 200),
    ],
    ids=["100", "103", "204", "304", "520", "HTTP/1.0 until closed", "long header"],
)
def test_unusual_responses_are_accepted(kind: Kind, data: bytes, status: int) -> None:
    async def scenario() -> tuple[Result, Result]:
        async with kind.engine() as engine:
            return await get(engine, f"{server.base_url}/bad"), await get(engine, f"{server.base_url}/good")

    with raw_server(on_bad_paths(say(data), keep_alive=b"HTTP/1.0" not in data)) as server:
        unusual, after = kind.run(scenario)

    assert isinstance(unusual, HttpResponse), unusual
    assert unusual.status == status
    assert isinstance(after, HttpResponse)


def test_the_url_is_sent_as_it_was_signed(kind: Kind) -> None:
    target = "/a%2Fb/%7Ex/%40?Credential=A%2F2026%2Fus&e=&s=a%3D%3D&p=a+b%20c&z=%e4%7e;x=1&g=%2B=="

    async def scenario() -> Result:
        async with kind.engine() as engine:
            return await put(engine, server.base_url + target, b"x")

    with raw_server(always(OK)) as server:
        kind.run(scenario)

    assert server.heads[0].split(b"\r\n")[0] == f"PUT {target} HTTP/1.1".encode()


def test_all_send_the_same_headers() -> None:
    def names(heads: list[bytes]) -> list[list[str]]:
        return [sorted(line.split(b":")[0].decode().lower() for line in h.split(b"\r\n")[1:]) for h in heads]

    def sent_by(kind: Kind) -> list[list[str]]:
        async def scenario() -> None:
            async with kind.engine() as engine:
                await get(engine, f"{server.base_url}/x")
                await put(engine, f"{server.base_url}/x", b"x")

        with raw_server(always(OK)) as server:
            kind.run(scenario)
        return names(server.heads)

    sent = [sent_by(kind) for kind in (OURS["asyncio"], OURS["trio"], THE_CALLERS["caller's httpx"])]

    assert sent == [[["host"], ["content-length", "host"]]] * 3


def test_repeated_headers_are_joined_and_non_ascii_ones_are_read(kind: Kind) -> None:
    async def scenario() -> Result:
        async with kind.engine() as engine:
            return await get(engine, server.base_url)

    head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nVary: A\r\nvary: B\r\n"
    with raw_server(always(head + "X-Utf: ü\r\n".encode() + b"X-Latin: \xfc\r\n\r\n")) as server:
        result = kind.run(scenario)

    assert isinstance(result, HttpResponse)
    assert result.headers["vary"] == "A, B"
    assert result.headers["x-utf"] == result.headers["x-latin"] == "ü"


def test_an_early_rejection_of_a_large_body_is_read_although_the_connection_is_reset(kind: Kind) -> None:
    refusals = 30

    def refuse_early(connection: Connection) -> None:
        connection.read_head()
        connection.send(answer(403, b"<Error><Code>AccessDenied</Code></Error>", "Connection: close"))
        # Closing with unread data in the buffer makes the kernel send a RST right after the response.

    async def scenario() -> list[Result]:
        async with kind.engine() as engine:
            return [
                await put(engine, server.base_url, b"x" * 20_000_000, Timeouts(connect=5, read=5, write=5))
                for _ in range(refusals)
            ]

    with raw_server(refuse_early) as server:
        results = kind.run(scenario)

    # A response is lost, and the attempt retried, if the reset arrives between reading and writing. Without
    # the turns of the loop that `CountedStream` leaves for reading, most responses would be lost.
    seen = [result for result in results if isinstance(result, HttpResponse)]
    assert len(seen) >= refusals * 0.5
    assert all(b"AccessDenied" in result.content for result in seen)
    assert all(result.may_have_acted for result in results if isinstance(result, NoResponse))
