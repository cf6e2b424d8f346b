"""One exchange: each timeout on requests with and without a body, and unusable responses."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from imgwire_async.core.body import CountedStream
from imgwire_async.core.clients.options import Timeouts
from imgwire_async.core.concurrency.tasks import Background
from imgwire_async.core.http import exchange as exchange_module
from imgwire_async.core.http.connections import Engine
from imgwire_async.core.http.exchange import exchange
from imgwire_async.core.http.messages import HttpRequest, StreamingResponse
from imgwire_async.core.responses import HttpResponse, NoResponse, Result
from imgwire_async.errors import SourceChangedError, UploadSourceError
from tests.raw_servers import OK, Behaviour, Connection, always, answer, full_listener, raw_server

BACKENDS = ["asyncio", "trio"]
LARGE = 8_000_000  # bytes: more than the buffers of both sockets hold


def send(
    backend: str, url: str, timeouts: Timeouts, body: bytes | None = None, chunk_size: int = 512 * 1024
) -> Result:
    async def scenario() -> Result:
        engine = Engine()
        try:
            if body is None:
                return await exchange(engine.transport(), HttpRequest("GET", url, {}), timeouts)
            async with aclosing(chunks_of(body, chunk_size)) as chunks:
                stream = CountedStream(chunks, len(body))
                return await exchange(engine.transport(), HttpRequest("PUT", url, {}, stream), timeouts)
        finally:
            await engine.aclose()

    return anyio.run(scenario, backend=backend)


async def chunks_of(body: bytes, size: int) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def stop_reading(connection: Connection) -> None:
    connection.read_head()
    connection.wait_for_end_of_test()


def read_slowly(bytes_per_second: int) -> Behaviour:
    def behave(connection: Connection) -> None:
        head = connection.read_head()
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        started, received = time.monotonic(), len(connection.unread)
        while received < length:
            received += len(connection.socket.recv(65_536))
            time.sleep(max(0.0, started + received / bytes_per_second - time.monotonic()))
        connection.send(OK)

    return behave


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.measures_time
def test_a_server_that_stops_reading_is_a_write_timeout(backend: str) -> None:
    with raw_server(stop_reading, receive_buffer=16_384) as server:
        started = time.monotonic()
        result = send(backend, server.base_url, Timeouts(connect=5, read=30, write=0.3), b"x" * LARGE)

    assert isinstance(result, NoResponse)
    assert result.name == "WriteTimeout"
    assert result.timed_out
    assert result.may_have_acted
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.measures_time
def test_a_slow_server_that_keeps_reading_causes_no_write_timeout(backend: str) -> None:
    # One chunk of the source takes longer than the timeout.
    with raw_server(read_slowly(5_000_000), receive_buffer=262_144) as server:
        timeouts = Timeouts(connect=10, read=30, write=1.0)
        result = send(backend, server.base_url, timeouts, b"x" * LARGE, chunk_size=LARGE)

    assert isinstance(result, HttpResponse), result


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.measures_time
def test_the_read_timeout_does_not_run_while_the_body_is_being_sent(backend: str) -> None:
    with raw_server(read_slowly(5_000_000), receive_buffer=262_144) as server:
        result = send(backend, server.base_url, Timeouts(connect=5, read=1.0, write=5), b"x" * LARGE)

    assert isinstance(result, HttpResponse), result


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("body", [None, b"x" * 1000], ids=["GET", "PUT"])
def test_a_server_that_does_not_respond_is_a_read_timeout(backend: str, body: bytes | None) -> None:
    with raw_server(stop_reading) as server:
        result = send(backend, server.base_url, Timeouts(connect=5, read=0.2, write=5), body)

    assert isinstance(result, NoResponse)
    assert result.name == "ReadTimeout"
    assert result.timed_out


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("body", [None, b"x" * 1000], ids=["GET", "PUT"])
def test_the_total_timeout_ends_a_response_that_trickles_in(backend: str, body: bytes | None) -> None:
    def trickle(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not connection.server.ended.wait(0.05):
            connection.send(b"x")

    with raw_server(trickle) as server:
        result = send(backend, server.base_url, Timeouts(connect=5, read=5, write=5, total=0.3), body)

    assert isinstance(result, NoResponse)
    assert result.name == "TotalTimeout"
    assert result.timed_out


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("body", [None, b"x" * 1000], ids=["GET", "PUT"])
def test_a_host_that_does_not_accept_is_a_connect_timeout(backend: str, body: bytes | None) -> None:
    with full_listener() as url:
        result = send(backend, url, Timeouts(connect=0.2, read=5, write=5), body)

    assert isinstance(result, NoResponse)
    assert result.name == "ConnectTimeout"
    assert not result.may_have_acted


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_timeout_at_all_is_possible(backend: str) -> None:
    with raw_server(always(OK)) as server:
        result = send(backend, server.base_url, Timeouts.of(5), b"x")
        unlimited = send(backend, server.base_url, Timeouts(connect=None, read=None, write=None), b"x")

    assert isinstance(result, HttpResponse)
    assert isinstance(unlimited, HttpResponse)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("packed", "encoding", "content"),
    [
        (gzip.compress(b'{"a": 1}'), "gzip", b'{"a": 1}'),
        (gzip.compress(b'{"a": 1}'), " X-GZip", b'{"a": 1}'),
        (gzip.compress(bytes(5_000_000)), "gzip", bytes(5_000_000)),
        (gzip.compress(b'{"a"') + gzip.compress(b"") + gzip.compress(b": 1}"), "gzip", b'{"a": 1}'),
        (gzip.compress(bytes(3_000_000)) * 2, "gzip", bytes(6_000_000)),
        (b"{}", "identity", b"{}"),
        (b"", "gzip", b""),
    ],
    ids=["gzip", "the old name", "of much", "members", "members of much", "not packed", "nothing"],
)
def test_a_compressed_response_is_decompressed(
    backend: str, packed: bytes, encoding: str, content: bytes
) -> None:
    with raw_server(always(answer(200, packed, f"Content-Encoding: {encoding}"))) as server:
        result = send(backend, server.base_url, Timeouts())

    assert isinstance(result, HttpResponse)
    assert result.content == content


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (b"not gzip", "gzip"),
        (gzip.compress(b"some text")[:-9], "gzip"),
        (gzip.compress(b"some text") + b"\0\0", "gzip"),
        (gzip.compress(b"some text") + gzip.compress(b"more")[:-9], "gzip"),
        (gzip.compress(gzip.compress(b"x")), "gzip, gzip"),
        (b"{}", "br"),
        (b"{}", "zstd"),
    ],
    ids=["not packed", "cut off", "with a tail", "with a member cut off", "packed twice", "br", "zstd"],
)
def test_a_response_in_an_encoding_that_was_not_requested_is_unreadable(
    backend: str, packed: bytes, encoding: str
) -> None:
    with raw_server(always(answer(200, packed, f"Content-Encoding: {encoding}"))) as server:
        result = send(backend, server.base_url, Timeouts())

    assert isinstance(result, HttpResponse)
    assert result.status == 200
    assert "cod" in (result.problem or "")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_member_may_start_at_any_chunk_of_a_response(backend: str) -> None:
    pieces = [gzip.compress(b"[1,"), gzip.compress(b" 2"), gzip.compress(b"]")]
    # Every byte is a chunk of its own, so a chunk starts at each byte.
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in b"".join(pieces)) + b"0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    with raw_server(always(head + body)) as server:
        result = send(backend, server.base_url, Timeouts())

    assert isinstance(result, HttpResponse)
    assert result.content == b"[1, 2]"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_decompression_bomb_is_abandoned_early_without_blocking_the_loop(backend: str) -> None:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async def scenario() -> Result:
        engine = Engine()
        try:
            async with Background(count_turns):
                message = HttpRequest("GET", server.base_url, {})
                reply = await engine.transport().send(message, Timeouts())
                return await exchange(_Answered(reply), message, Timeouts())
        finally:
            await engine.aclose()

    tracemalloc.start()
    with raw_server(always(answer(200, bomb, "Content-Encoding: gzip"))) as server:
        before, _ = tracemalloc.get_traced_memory()
        result = anyio.run(scenario, backend=backend)
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert isinstance(result, HttpResponse)
    assert "larger than" in (result.problem or "")
    assert turns > 20  # about a megabyte in each turn
    assert peak - before < 1.5 * exchange_module.MAX_RESPONSE_BYTES


class _Answered:
    """A transport that returns a prepared response."""

    is_closed = False

    def __init__(self, reply: StreamingResponse) -> None:
        self._reply = reply

    async def send(self, message: HttpRequest, timeouts: Timeouts) -> StreamingResponse:  # noqa: ARG002 - the interface
        return self._reply

    async def aclose(self) -> None:
        pass


def test_an_endless_response_is_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_module, "MAX_RESPONSE_BYTES", 1000)
    with raw_server(always(answer(200, b"x" * 1001))) as server:
        result = send("asyncio", server.base_url, Timeouts())

    assert isinstance(result, HttpResponse)
    assert "larger than 1000 bytes" in (result.problem or "")


async def failing_source(error: Exception) -> AsyncGenerator[bytes, None]:
    yield b"x" * 100_000
    raise error


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("error", "kept_as"), [(OSError("disk"), UploadSourceError), (KeyError("bug"), KeyError)]
)
def test_a_failing_source_ends_the_exchange_and_is_kept(
    backend: str, error: Exception, kept_as: type[Exception]
) -> None:
    stream = CountedStream(failing_source(error), 200_000)

    async def scenario() -> Result:
        engine = Engine()
        try:
            return await exchange(
                engine.transport(), HttpRequest("PUT", server.base_url, {}, stream), Timeouts()
            )
        finally:
            await engine.aclose()

    with raw_server(always(OK)) as server:
        result = anyio.run(scenario, backend=backend)

    assert isinstance(result, NoResponse)
    assert type(stream.failure) is kept_as


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("really", [0, 99_999, 100_001, 300_000])
def test_a_request_with_another_number_of_bytes_than_declared_is_never_completed(
    backend: str, really: int
) -> None:
    async def scenario() -> Result:
        engine = Engine()
        try:
            async with aclosing(chunks_of(b"x" * really, 65_536)) as chunks:
                stream = CountedStream(chunks, 100_000)
                result = await exchange(
                    engine.transport(), HttpRequest("PUT", server.base_url, {}, stream), Timeouts()
                )
            assert isinstance(stream.failure, SourceChangedError)
            return result
        finally:
            await engine.aclose()

    with raw_server(always(OK)) as server:
        result = anyio.run(scenario, backend=backend)

    assert isinstance(result, NoResponse)
    assert all(len(body) < 100_000 for body in server.bodies)  # if the server has read a body at all


async def test_a_body_is_not_sent_from_its_middle_on_a_connection_that_turned_out_to_be_closed() -> None:
    def close_after_the_first_answer(connection: Connection) -> None:
        connection.read_request()
        connection.send(OK)
        connection.read_head()
        connection.reset()

    engine = Engine()
    with raw_server(close_after_the_first_answer) as server:
        await exchange(engine.transport(), HttpRequest("GET", server.base_url, {}), Timeouts())
        async with aclosing(chunks_of(b"x" * 300_000, 65_536)) as chunks:
            stream = CountedStream(chunks, 300_000)
            result = await exchange(
                engine.transport(), HttpRequest("PUT", server.base_url, {}, stream), Timeouts(read=20)
            )
        await engine.aclose()

    assert isinstance(result, NoResponse)
    assert result.may_have_acted
    assert not result.timed_out
    assert server.connections == 1


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nab", answer(403)],
    ids=["nothing", "half an answer", "an answer"],
)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.measures_time
def test_a_server_that_stops_reading_keeps_no_socket_open(backend: str, said: bytes) -> None:
    def say_and_stop_reading(connection: Connection) -> None:
        connection.read_head()
        connection.send(said)
        connection.wait_for_end_of_test()

    async def scenario() -> int:
        engine = Engine()
        before = open_files()
        async with aclosing(chunks_of(b"x" * LARGE, 65_536)) as chunks:
            stream = CountedStream(chunks, LARGE)
            message = HttpRequest("PUT", server.base_url, {}, stream)
            await exchange(engine.transport(), message, Timeouts(read=0.2, write=0.2))
            await stream.stop()
        left = await files_left(before)
        await engine.aclose()
        return left

    with raw_server(say_and_stop_reading, receive_buffer=16_384) as server:
        left = anyio.run(scenario, backend=backend)

    assert left == 1  # the server's socket


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.measures_time
def test_closing_does_not_wait_for_a_server_that_stops_reading(backend: str) -> None:
    async def scenario() -> float:
        engine = Engine()
        async with aclosing(chunks_of(b"x" * LARGE, 65_536)) as chunks:
            message = HttpRequest("PUT", server.base_url, {}, CountedStream(chunks, LARGE))

            async def send() -> None:
                await exchange(engine.transport(), message, Timeouts(read=60, write=60))

            async with Background(send):
                await anyio.sleep(0.2)
                started = time.monotonic()
                await engine.aclose()
                return time.monotonic() - started

    with raw_server(stop_reading, receive_buffer=16_384) as server:
        seconds = anyio.run(scenario, backend=backend)

    assert seconds < 20, "it waited for the timeout"


@pytest.mark.measures_time
async def test_a_stalled_upload_leaves_no_socket_behind() -> None:
    engine = Engine()
    with raw_server(stop_reading, receive_buffer=16_384) as server:
        before = open_files()
        async with aclosing(chunks_of(b"x" * LARGE, 65_536)) as chunks:
            stream = CountedStream(chunks, LARGE)
            timeouts = Timeouts(write=0.2)
            await exchange(engine.transport(), HttpRequest("PUT", server.base_url, {}, stream), timeouts)
        left = await files_left(before)
        await engine.aclose()

    assert left == 1  # the server's socket


async def files_left(before: int) -> int:
    """The number of newly open files, after waiting until only the server's socket is left."""
    with anyio.move_on_after(5):
        while open_files() - before != 1:  # noqa: ASYNC110 - nothing signals it
            await anyio.sleep(0.01)
    return open_files() - before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
