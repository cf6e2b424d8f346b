"""Custom HTTP clients whose responses have already been read when the SDK gets them."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest

from imgwire_async import AsyncImgwireClient, NotFoundError
from imgwire_async.errors import APIConnectionError
from imgwire_async.sandbox import Sandbox
from tests.ingest.support import small_image

OK = {"status": "ok"}
GZIP = {"content-encoding": "gzip", "content-type": "application/json"}


def client_of(http_client: httpx.AsyncClient, **options: Any) -> AsyncImgwireClient:
    return AsyncImgwireClient(http_client=http_client, max_retries=0, **{"api_key": "sk_tests"} | options)


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, json=OK),
        httpx.Response(200, content=gzip.compress(json.dumps(OK).encode()), headers=GZIP),
        httpx.Response(200, stream=httpx.ByteStream(json.dumps(OK).encode())),
    ],
    ids=["json", "gzip", "stream"],
)
async def test_a_response_that_a_transport_makes_is_read(response: httpx.Response) -> None:
    transport = httpx.MockTransport(lambda _: response)
    async with httpx.AsyncClient(transport=transport) as http_client, client_of(http_client) as client:
        assert await client.health() == OK


async def test_so_is_an_error_and_one_without_a_body() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(404 if request.method == "GET" else 204))
    async with httpx.AsyncClient(transport=transport) as http_client, client_of(http_client) as client:
        with pytest.raises(NotFoundError):
            await client.images.retrieve("6f1e2b0c-8f0e-4b52-9f0e-0d6c8f0e4b52")
        await client.images.delete("6f1e2b0c-8f0e-4b52-9f0e-0d6c8f0e4b52")


async def test_a_hook_of_httpx_may_read_every_response(sandbox: Sandbox) -> None:
    read = []

    async def log(response: httpx.Response) -> None:
        read.append(len(await response.aread()))

    async with (
        httpx.AsyncClient(event_hooks={"response": [log]}) as http_client,
        client_of(http_client, api_key=sandbox.server_key, base_url=sandbox.base_url) as client,
    ):
        image = await client.images.upload(small_image(1), file_name="hero.png", wait=True)
        async with client.images.download(image) as opened:
            assert b"".join([chunk async for chunk in opened]) == small_image(1)
    assert len(read) > 3


async def test_a_hook_that_reads_a_body_and_keeps_none_of_it_ends_the_call_with_a_typed_error() -> None:
    async def drain(response: httpx.Response) -> None:
        async for _ in response.aiter_raw():
            pass

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=httpx.ByteStream(b"{}")))
    async with (
        httpx.AsyncClient(transport=transport, event_hooks={"response": [drain]}) as http_client,
        client_of(http_client) as client,
    ):
        with pytest.raises(APIConnectionError, match="StreamConsumed"):
            await client.health()
