"""Calls over real sockets: retries, deadlines, credentials and the requests that are sent."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from imgwire_async import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncImgwireClient,
    AuthenticationError,
    ConfigurationError,
    DeadlineExceededError,
    InternalServerError,
    InvalidArgumentError,
    RateLimitError,
    ResponseDecodeError,
    SourceChangedError,
    Timeouts,
    UploadRejectedError,
)
from imgwire_async.core.clients.client import core_of
from imgwire_async.core.put import put_bytes
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import CallContext
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.hangs import HANGS
from tests.raw_servers import (
    OK,
    Connection,
    always,
    answer,
    full_listener,
    in_turn,
    raw_server,
)

IMAGE_ID = "6f0f4c1c-2c1b-4c36-9f3e-1c7c5f1a0001"


class Bytes:
    """A body for `put_bytes`."""

    def __init__(self, content: bytes, *, replayable: bool = True, chunk_size: int = 100_000) -> None:
        self.size = len(content)
        self.replayable = replayable
        self.opened = 0
        self._content = content
        self._chunk_size = chunk_size

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[AsyncIterator[bytes], None]:
        self.opened += 1
        chunks = self._chunks()
        yield chunks
        await chunks.aclose()

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        content = self._content if self.replayable or self.opened == 1 else b""
        for start in range(0, len(content), self._chunk_size):
            yield content[start : start + self._chunk_size]


async def put(client: AsyncImgwireClient, url: str, body: Bytes, **options: Any) -> None:
    await put_bytes(
        core_of(client),
        Secret(url),
        body,
        mime_type="image/png",
        context=CallContext(operation="images.upload"),
        **options,
    )


# Retries


@pytest.mark.parametrize("fault", [{"status": s} for s in (408, 429, 500, 502, 503, 504)])
async def test_a_transient_failure_of_a_read_is_retried(
    sandbox: Sandbox, client: AsyncImgwireClient, fault: dict[str, Any]
) -> None:
    sandbox.faults.times(2, "images.list", **fault)

    page = await client.images.list()

    assert page.data == []
    assert len(sandbox.requests.of("images.list")) == 3
    assert sandbox.faults.unused() == []


@pytest.mark.parametrize(
    "fault", [{"reset": "before"}, {"reset": "after"}, {"truncate": True}], ids=["before", "after", "cut"]
)
@pytest.mark.parametrize("operation", ["images.list", "images.create"])
async def test_a_repeatable_operation_is_retried_after_a_lost_response(
    sandbox: Sandbox, client: AsyncImgwireClient, fault: dict[str, Any], operation: str
) -> None:
    sandbox.faults.once(operation, **fault)

    if operation == "images.list":
        await client.images.list()
    else:
        await client.images.create(file_name="a.png")

    assert len(sandbox.requests.of(operation)) == 2
    assert sandbox.faults.unused() == []


async def test_a_create_with_a_lost_response_ends_in_one_record_with_its_key(
    sandbox: Sandbox, client: AsyncImgwireClient
) -> None:
    sandbox.faults.times(3, "images.create", reset="after")

    created = await client.images.create(file_name="a.png")

    records = [image async for image in client.images.list()]
    assert [image.id for image in records] == [created.image.id]
    assert created.image.idempotency_key
    assert records[0].idempotency_key == created.image.idempotency_key


async def test_an_unsafe_operation_is_not_repeated_once_the_server_may_have_acted(
    sandbox: Sandbox, client: AsyncImgwireClient
) -> None:
    sandbox.faults.once("cors_origins.create", reset="after")

    with pytest.raises(APIConnectionError) as caught:
        await client.cors_origins.create("app.example.com")

    assert caught.value.may_have_acted
    assert caught.value.attempts == 1
    assert len(sandbox.requests.of("cors_origins.create")) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_an_unsafe_operation_is_not_repeated_after_a_server_error(
    sandbox: Sandbox, client: AsyncImgwireClient, status: int
) -> None:
    sandbox.faults.once("images.create_upload_token", status=status)

    with pytest.raises(APIStatusError) as caught:
        await client.images.create_upload_token()

    assert caught.value.status == status

    assert len(sandbox.requests.of("images.create_upload_token")) == 1


async def test_an_unsafe_operation_is_repeated_after_a_429_and_after_a_refused_connection(
    sandbox: Sandbox, client: AsyncImgwireClient
) -> None:
    sandbox.faults.once("images.create_upload_token", status=429, retry_after=0)

    await client.images.create_upload_token()

    assert len(sandbox.requests.of("images.create_upload_token")) == 2
    with full_listener() as url:
        async with client_of(sandbox, base_url=url, timeout=0.05, max_retries=2) as unreachable:
            with pytest.raises(APITimeoutError) as caught:
                await unreachable.images.create_upload_token()
    assert caught.value.attempts == 3
    assert not caught.value.may_have_acted


async def test_a_call_ends_after_the_allowed_attempts_with_the_last_error(sandbox: Sandbox) -> None:
    sandbox.faults.always("images.list", status=503)

    async with client_of(sandbox, max_retries=2) as client:
        with pytest.raises(InternalServerError) as caught:
            await client.images.list()

    assert caught.value.status == 503
    assert caught.value.attempts == 3
    assert len(sandbox.requests.of("images.list")) == 3


async def test_a_hint_above_the_limit_raises_at_once_and_is_in_the_error(sandbox: Sandbox) -> None:
    sandbox.faults.once("images.list", status=429, retry_after=120)

    async with client_of(sandbox) as client:
        with pytest.raises(RateLimitError) as caught:
            await client.images.list()

    assert caught.value.retry_after == 120
    assert len(sandbox.requests.of("images.list")) == 1


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 413, 422])
async def test_a_rejection_is_not_retried(sandbox: Sandbox, client: AsyncImgwireClient, status: int) -> None:
    sandbox.faults.once("images.list", status=status)

    with pytest.raises(APIStatusError) as caught:
        await client.images.list()

    assert caught.value.status == status

    assert len(sandbox.requests.of("images.list")) == 1


# The PUT


async def test_after_a_failure_halfway_the_whole_body_is_sent_again() -> None:
    content = bytes(range(256)) * 4000
    halves: list[int] = []

    def fail_half_way_once(connection: Connection) -> None:
        while head := connection.read_head():
            if halves:
                connection.read_body(head)
                connection.send(OK)
                continue
            halves.append(len(connection.socket.recv(300_000)))
            connection.send(answer(503, b"", "Connection: close"))
            return

    with raw_server(fail_half_way_once) as server:
        async with client_of(server) as client:
            await put(client, server.base_url, Bytes(content))

    assert server.bodies == [content]
    assert len(server.heads) == 2
    assert all(b"content-length: 1024000" in head.lower() for head in server.heads)
    assert all(b"transfer-encoding" not in head.lower() for head in server.heads)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_source_that_can_be_read_once_is_sent_once_and_never_as_empty(status: int) -> None:
    with raw_server(in_turn(answer(status), OK)) as server:
        async with client_of(server) as client:
            with pytest.raises(UploadRejectedError) as caught:
                await put(client, server.base_url, body := Bytes(b"x" * 1000, replayable=False))

    assert caught.value.status == status
    assert server.bodies == [b"x" * 1000]
    assert body.opened == 1


async def test_a_source_that_can_be_read_once_is_sent_again_if_nothing_of_it_was_read() -> None:
    with full_listener() as unreachable, raw_server(always(OK)) as server:
        async with client_of(server, timeout=0.05, max_retries=2) as client:
            body = Bytes(b"x" * 1000, replayable=False)
            with pytest.raises(APITimeoutError) as caught:
                await put(client, unreachable, body)

    assert caught.value.attempts == 3


async def test_the_put_carries_no_credentials() -> None:
    with raw_server(always(OK)) as server:
        async with client_of(server, environment_id=IMAGE_ID) as client:
            await put(client, f"{server.base_url}/x?signature=1", Bytes(b"x"))

    sent = server.heads[0].lower()
    assert b"authorization" not in sent
    assert b"sk_test" not in sent
    assert b"x-environment-id" not in sent
    assert b"content-type: image/png" in sent


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_error_and_never_followed(status: int) -> None:
    with raw_server(always(OK)) as elsewhere:
        redirect = answer(status, b"", f"Location: {elsewhere.base_url}/stolen")
        with raw_server(always(redirect)) as server:
            async with client_of(server) as client:
                with pytest.raises(APIStatusError) as caught:
                    await client.images.list()
                assert caught.value.status == status
                with pytest.raises(UploadRejectedError):
                    await put(client, server.base_url, Bytes(b"x"))

    assert elsewhere.connections == 0


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "/relative", "https://", "http://[bad", "ftp://localhost/x", "https://h:99999/", "a\nb"],
)
async def test_an_invalid_upload_url_is_a_clear_error(client: AsyncImgwireClient, url: str) -> None:
    with pytest.raises(ResponseDecodeError, match="invalid upload URL"):
        await put(client, url, Bytes(b"x"))


async def test_an_upload_url_without_tls_to_another_host_is_rejected(client: AsyncImgwireClient) -> None:
    with pytest.raises(ConfigurationError, match="clear text") as caught:
        await put(client, "http://store.example.com/x?signature=secret", Bytes(b"x"))

    assert "secret" not in str(caught.value)


async def test_a_store_that_stops_reading_ends_in_a_timeout() -> None:
    def stop_reading(connection: Connection) -> None:
        connection.read_head()
        connection.wait_for_end_of_test()

    with raw_server(stop_reading, receive_buffer=16_384) as server:
        async with client_of(server, timeout=Timeouts(write=0.1), max_retries=1) as client:
            with pytest.raises(APITimeoutError, match="no byte of the body") as caught:
                await put(client, server.base_url, Bytes(bytes(8_000_000)))

    assert caught.value.attempts == 2
    assert caught.value.operation == "images.upload"


async def test_a_large_request_to_an_api_that_stops_reading_ends_in_a_timeout() -> None:
    def stop_reading(connection: Connection) -> None:
        connection.read_head()
        connection.wait_for_end_of_test()

    with raw_server(stop_reading, receive_buffer=16_384) as server:
        async with client_of(server, timeout=Timeouts(write=0.1, read=5), max_retries=0) as client:
            with anyio.fail_after(HANGS), pytest.raises(APITimeoutError, match="no byte of the body"):
                await client.images.create(file_name="x" * 8_000_000)


async def test_the_error_for_a_changed_source_names_the_call() -> None:
    class Shrunk(Bytes):
        def __init__(self) -> None:
            super().__init__(b"x" * 100)
            self.size = 200

    with raw_server(always(OK)) as server:
        async with client_of(server) as client:
            with pytest.raises(SourceChangedError) as caught:
                await put(client, f"{server.base_url}/x?s", Shrunk())

    assert caught.value.operation == "images.upload"
    assert caught.value.url == f"{server.base_url}/x"
    assert caught.value.attempts == 1
    assert server.bodies in ([], [b"x" * 100])


class InMemory(Bytes):
    @property
    def in_memory(self) -> bytes:
        return self._content


async def test_small_content_in_memory_is_sent_and_reported_without_being_opened() -> None:
    sent: list[int] = []
    body = InMemory(b"x" * 1000)
    with raw_server(in_turn(answer(503), OK)) as server:
        async with client_of(server, max_retries=1) as client:
            await put(client, server.base_url, body, on_sent=sent.append)

    assert body.opened == 0
    assert sent == [0, 1000, 0, 1000]
    assert server.bodies == [b"x" * 1000] * 2


async def test_an_exception_of_a_progress_callback_is_raised_unchanged() -> None:
    def explode(sent: int) -> None:
        if sent:
            raise KeyError(sent)

    with raw_server(always(OK)) as server:
        async with client_of(server) as client:
            with pytest.raises(KeyError) as caught:
                await put(client, server.base_url, Bytes(b"x" * 100), on_sent=explode)

    assert caught.value.args == (100,)


# Deadlines and timeouts


@pytest.mark.measures_time
async def test_the_deadline_spans_attempts_and_waits(sandbox: Sandbox) -> None:
    sandbox.faults.always("images.list", status=503, retry_after=0.6)
    async with AsyncImgwireClient(
        sandbox.server_key, base_url=sandbox.base_url, deadline=2.0, max_retries=40
    ) as client:
        started = time.monotonic()
        with pytest.raises(DeadlineExceededError) as caught:
            await client.images.list()

    assert time.monotonic() - started < 15, "without a deadline it takes minutes"
    assert 1 < caught.value.attempts <= 4
    assert "503" in str(caught.value)


@pytest.mark.measures_time
async def test_the_deadline_cuts_an_attempt_short(sandbox: Sandbox) -> None:
    sandbox.faults.once("images.list", stall=60)
    async with client_of(sandbox, deadline=0.2) as client:
        started = time.monotonic()
        with pytest.raises(DeadlineExceededError) as caught:
            await client.images.list()

    assert time.monotonic() - started < 20
    assert caught.value.attempts == 1
    assert caught.value.operation == "images.list"


async def test_one_deadline_covers_all_steps_of_an_upload(sandbox: Sandbox, photo: Path) -> None:
    sandbox.faults.once("images.create", stall=0.25)
    sandbox.faults.once("store.put", stall=0.4)
    async with client_of(sandbox, deadline=0.5) as client:
        # Each single step is shorter than the deadline.
        with pytest.raises(DeadlineExceededError):
            await client.images.upload(photo)


async def test_a_stalled_api_is_a_read_timeout(sandbox: Sandbox) -> None:
    sandbox.faults.always("images.list", stall=5)
    async with client_of(sandbox, timeout=Timeouts(read=0.1), max_retries=1) as client:
        with pytest.raises(APITimeoutError) as caught:
            await client.images.list()

    assert caught.value.attempts == 2


async def test_the_total_timeout_of_an_attempt_is_kept(sandbox: Sandbox) -> None:
    sandbox.faults.always("images.list", stall=5)
    async with client_of(sandbox, timeout=Timeouts(total=0.1), max_retries=1) as client:
        with pytest.raises(APITimeoutError, match="within 0"):
            await client.images.list()


# Credentials


def provider(*keys: str) -> tuple[Any, list[str]]:
    given: list[str] = []

    async def provide() -> str:
        given.append(keys[min(len(given), len(keys) - 1)])
        return given[-1]

    return provide, given


async def test_a_key_provider_is_called_once_and_again_after_a_401(sandbox: Sandbox) -> None:
    provide, given = provider("sk_expired", sandbox.server_key)
    async with client_of(sandbox, api_key=provide) as client:
        await client.images.list()
        await client.images.list()

    assert given == ["sk_expired", sandbox.server_key]


async def test_the_request_with_the_new_key_is_counted_and_reported_like_any_other(sandbox: Sandbox) -> None:
    provide, _ = provider("sk_expired", sandbox.server_key)
    told: list[int | None] = []
    async with client_of(
        sandbox, api_key=provide, on_response=lambda event: told.append(event.status)
    ) as client:
        await client.images.list()
        stats = client.stats()

    assert told == [401, 200]
    assert (stats.attempts, stats.retries) == (2, 1)


async def test_a_second_401_in_a_row_is_raised_to_the_caller(sandbox: Sandbox) -> None:
    provide, given = provider("sk_one", "sk_two", "sk_three")
    async with client_of(sandbox, api_key=provide) as client:
        with pytest.raises(AuthenticationError):
            await client.images.list()

    assert len(given) == 2
    assert len(sandbox.requests.of("images.list")) == 2


async def test_many_calls_rejected_at_once_fetch_one_new_key(sandbox: Sandbox) -> None:
    provide, given = provider("sk_expired", sandbox.server_key)
    async with client_of(sandbox, api_key=provide) as client, anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(client.health)
            tasks.start_soon(client.images.create_upload_token)

    assert given == ["sk_expired", sandbox.server_key]


async def test_a_fixed_key_is_not_tried_twice(sandbox: Sandbox) -> None:
    async with client_of(sandbox, api_key="sk_wrong") as client:
        with pytest.raises(AuthenticationError, match="check that api_key"):
            await client.images.list()

    assert len(sandbox.requests.of("images.list")) == 1


async def test_a_provider_that_is_not_async_is_rejected(sandbox: Sandbox) -> None:
    provide: Any = lambda: sandbox.server_key  # noqa: E731 - not what the type says

    async with AsyncImgwireClient(provide, base_url=sandbox.base_url) as client:
        with pytest.raises(ConfigurationError, match="must be async"):
            await client.images.list()


@pytest.mark.parametrize("key", ["", "a b", "sk_\n", "sk_é", None, 7])
async def test_a_provider_that_returns_no_key_is_rejected(sandbox: Sandbox, key: Any) -> None:
    provide, _ = provider(key)
    async with client_of(sandbox, api_key=provide) as client:
        with pytest.raises(ConfigurationError, match="API key"):
            await client.images.list()

    assert len(sandbox.requests) == 0


async def test_the_wrong_kind_of_key_is_rejected_before_the_network(sandbox: Sandbox) -> None:
    async with client_of(sandbox, api_key=sandbox.client_key) as client:
        with pytest.raises(ConfigurationError, match="server key"):
            await client.images.list()

    assert len(sandbox.requests) == 0


# Requests


async def test_the_environment_is_sent_as_a_header(sandbox: Sandbox) -> None:
    async with client_of(
        sandbox, api_key=sandbox.session_token, environment_id=sandbox.environment_id
    ) as client:
        await client.images.list()

    assert sandbox.requests[0].headers["x-environment-id"] == sandbox.environment_id


async def test_a_request_declares_its_user_agent_and_accepted_types() -> None:
    with raw_server(always(answer(200, b"[]"))) as server:
        async with client_of(server) as client:
            await client.images.list()

    head = server.heads[0].decode().lower()
    assert "authorization: bearer sk_test" in head
    assert "accept: application/json" in head
    assert "accept-encoding: gzip" in head
    assert "user-agent: imgwire-async/" in head


async def test_a_body_is_compact_json_with_its_length() -> None:
    with raw_server(always(answer(500, b"{}"))) as server:
        async with client_of(server, max_retries=0) as client:
            with pytest.raises(InternalServerError):
                await client.images.create(file_name="ä.png", custom_metadata={"n": 1})

    body = json.loads(server.bodies[0])
    assert body["file_name"] == "ä.png"
    assert body["custom_metadata"] == {"n": 1}
    assert b"transfer-encoding" not in server.heads[0].lower()


@pytest.mark.parametrize("image_id", ["../x", "a/b?c", "x\ny", "", ".", "..", "%2e%2e", " ", "6f0f4c1c"])
async def test_an_id_that_is_not_a_uuid_is_rejected_before_the_network(
    sandbox: Sandbox, client: AsyncImgwireClient, image_id: str
) -> None:
    with pytest.raises(InvalidArgumentError, match="UUID"):
        await client.images.retrieve(image_id)

    assert len(sandbox.requests) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1}, b"x"])
async def test_an_argument_that_is_not_valid_json_is_rejected_before_the_network(
    sandbox: Sandbox, client: AsyncImgwireClient, value: Any
) -> None:
    with pytest.raises(InvalidArgumentError):
        await client.images.create(file_name="a.png", custom_metadata={"x": value})

    assert len(sandbox.requests) == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[", b"{}", b'[{"id": 1}]', b"\xff", b"null", b"[" * 100_000, b'[{"status": "x"}]'],
    ids=range(9),
)
async def test_a_good_status_with_bad_content_is_a_decode_error(content: bytes) -> None:
    with raw_server(always(answer(200, content))) as server:
        async with client_of(server) as client:
            with pytest.raises(ResponseDecodeError) as caught:
                await client.images.list()

    assert caught.value.status == 200
    assert len(str(caught.value)) < 450
    assert str(caught.value).isprintable()
    assert len(server.heads) == 1
