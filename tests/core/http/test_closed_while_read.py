"""A connection that is closed while a response is read, for example because its client is closed."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp.connector import Connection as HttpConnection

from imgwire_async.core.clients.options import Timeouts
from imgwire_async.core.http.connections import Engine
from imgwire_async.core.http.exchange import exchange
from imgwire_async.core.http.messages import HttpRequest, StreamingResponse
from imgwire_async.core.responses import NoResponse
from tests.raw_servers import Connection, raw_server


def half(connection: Connection) -> None:
    connection.read_head()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    connection.read_head()  # until the client has disconnected


async def test_reading_on_is_a_broken_connection_and_no_error_of_another_library() -> None:
    engine = Engine()

    async def read(reply: StreamingResponse) -> bytes:
        assert await reply.read() == b"abc"
        await engine.aclose()
        return await reply.read()

    with raw_server(half) as server:
        result = await exchange(engine.transport(), HttpRequest("GET", server.base_url, {}), Timeouts(), read)

    assert isinstance(result, NoResponse)
    assert (result.name, result.may_have_acted) == ("RemoteProtocolError", True)


async def test_so_is_a_response_whose_connection_was_closed_when_its_head_had_arrived(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, start = Engine(), aiohttp.ClientResponse.start

    async def start_and_close(
        response: aiohttp.ClientResponse, connection: HttpConnection
    ) -> aiohttp.ClientResponse:
        started = await start(response, connection)
        await engine.aclose()
        return started

    async def read(reply: StreamingResponse) -> bytes:
        while chunk := await reply.read():
            assert chunk == b"abc"
        return chunk

    monkeypatch.setattr(aiohttp.ClientResponse, "start", start_and_close)
    with raw_server(half) as server:
        result = await exchange(engine.transport(), HttpRequest("GET", server.base_url, {}), Timeouts(), read)

    assert isinstance(result, NoResponse)
    assert (result.name, result.may_have_acted) == ("RemoteProtocolError", True)
