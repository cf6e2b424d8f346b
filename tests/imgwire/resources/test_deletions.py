"""Deletions whose response is empty or lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
import pytest

from imgwire_async import AsyncImgwireClient, ImgwireError, NotFoundError, ResponseDecodeError, ResponseEvent
from tests.clients import client_of
from tests.raw_servers import Behaviour, Connection, always, answer, in_turn, raw_server

ID = UUID(int=7)
MISSING = answer(404, b'{"detail": "Resource not found.", "error_type": "ResourceNotFoundError"}')
BUSY = answer(429, b"", "Retry-After: 0")
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"

Delete = Callable[[AsyncImgwireClient], Awaitable[dict[str, str]]]

DELETIONS: dict[str, Delete] = {
    "image": lambda client: client.images.delete(ID),
    "images": lambda client: client.images.bulk_delete([ID]),
    "origin": lambda client: client.cors_origins.delete(ID),
    "domain": lambda client: client.custom_domain.delete(),
}

every_deletion = pytest.mark.parametrize("delete", DELETIONS.values(), ids=DELETIONS)


def lost_then(*answers: bytes) -> Behaviour:
    """Read the first request without responding."""
    left = in_turn(*answers)

    def behave(connection: Connection) -> None:
        if connection.server.connections == 1:
            connection.read_request()
            connection.reset()
        else:
            left(connection)

    return behave


@every_deletion
@pytest.mark.parametrize(
    "raw",
    [
        NO_CONTENT,
        answer(200, b""),
        answer(200, b" \r\n"),
        answer(202, b""),
        answer(205, b""),
        answer(200, b"null"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        answer(200, b"", "Content-Encoding: gzip"),
        answer(200, b"", "Content-Type: text/html"),
    ],
)
async def test_a_success_without_a_body_is_a_success(delete: Delete, raw: bytes) -> None:
    with raw_server(always(raw)) as server:
        async with client_of(server) as client:
            assert await delete(client) == {}
        async with (
            httpx.AsyncClient(trust_env=False, verify=False) as http,
            client_of(server, http_client=http) as client,
        ):
            assert await delete(client) == {}


@every_deletion
@pytest.mark.parametrize(
    "raw",
    [
        answer(200, b"OK", "Content-Type: text/plain"),
        answer(200, b"[]"),
        answer(202, b"true"),
        answer(200, b'{"deleted": '),
        answer(200, b"\xff\xfe"),
        answer(200, b"not gzip", "Content-Encoding: gzip"),
    ],
)
async def test_the_status_alone_decides_whether_a_deletion_has_succeeded(delete: Delete, raw: bytes) -> None:
    with raw_server(always(raw)) as server:
        async with client_of(server) as client:
            assert await delete(client) == {}
            assert client.stats().attempts == 1


@every_deletion
async def test_a_web_page_does_not_count_as_a_deletion(delete: Delete) -> None:
    with raw_server(always(answer(200, b"\n<!DOCTYPE html><title>Log in</title>"))) as server:
        async with client_of(server) as client:
            with pytest.raises(ResponseDecodeError, match="does the base URL point to the API"):
                await delete(client)


@pytest.mark.parametrize("raw", [NO_CONTENT, answer(200, b"")])
async def test_a_missing_record_that_the_contract_promises_is_an_error(raw: bytes) -> None:
    with raw_server(always(raw)) as server:
        async with client_of(server) as client:
            with pytest.raises(ResponseDecodeError, match="the response is empty"):
                await client.images.retrieve(ID)
            with pytest.raises(ResponseDecodeError, match="the response is empty"):
                await client.images.list()


@every_deletion
async def test_a_deletion_with_a_lost_response_has_succeeded_if_the_resource_is_gone(
    delete: Delete,
) -> None:
    with raw_server(lost_then(MISSING)) as server:
        async with client_of(server) as client:
            assert await delete(client) == {}
            assert client.stats().attempts == 2


@every_deletion
@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
async def test_a_deletion_has_succeeded_after_a_server_error_if_the_resource_is_gone(
    delete: Delete, status: int
) -> None:
    seen: list[ResponseEvent] = []
    with raw_server(in_turn(answer(status), BUSY, answer(410, b""))) as server:
        async with client_of(server, on_response=seen.append) as client:
            assert await delete(client) == {}
    assert [event.status for event in seen] == [status, 429, 410], "hooks see what was answered"


@every_deletion
@pytest.mark.parametrize("first", [(), (BUSY,), (BUSY, BUSY)])
async def test_a_resource_that_never_existed_is_not_found(delete: Delete, first: tuple[bytes, ...]) -> None:
    with raw_server(in_turn(*first, MISSING)) as server:
        async with client_of(server) as client:
            with pytest.raises(NotFoundError):
                await delete(client)


async def test_another_call_does_not_inherit_what_an_earlier_one_may_have_done() -> None:
    with raw_server(lost_then(MISSING)) as server:
        async with client_of(server) as client:
            await client.images.delete(ID)
            with pytest.raises(NotFoundError):
                await client.images.delete(ID)


async def test_only_deletions_treat_a_404_as_success() -> None:
    with raw_server(lost_then(MISSING)) as server:
        async with client_of(server) as client:
            with pytest.raises(NotFoundError):
                await client.images.retrieve(ID)
    with raw_server(lost_then(MISSING)) as server:
        async with client_of(server) as client:
            with pytest.raises(NotFoundError):
                await client.cors_origins.update(ID, pattern="a.example")


@pytest.mark.parametrize("resource", ["cors_origins", "custom_domain"])
async def test_a_creation_with_a_lost_response_is_not_repeated(resource: str) -> None:
    """So a 409 is always caused by another client, and never by the call's own first attempt."""
    with raw_server(lost_then(answer(409))) as server:
        async with client_of(server) as client:
            with pytest.raises(ImgwireError) as caught:
                await getattr(client, resource).create("img.example.com")
    assert caught.value.attempts == 1
    assert caught.value.may_have_acted  # type: ignore[attr-defined]
