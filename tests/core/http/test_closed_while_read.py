"""A connection that is closed between two reads of a response, for example because its client is closed."""

from __future__ import annotations

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
