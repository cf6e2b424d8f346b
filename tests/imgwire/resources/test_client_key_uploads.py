"""Uploads as browsers make them: a backend creates a token, and a publishable key uploads with it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from imgwire_async import (
    APIStatusError,
    AsyncImgwireClient,
    AuthenticationError,
    ConfigurationError,
    PayloadTooLargeError,
    UploadItem,
)
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of


@pytest.fixture(scope="module")
def strict_service() -> Iterator[Sandbox]:
    with Sandbox(allow_unsigned_upload=False, client_maximum_upload_bytes=200_000) as sandbox:
        yield sandbox


@pytest.fixture
def strict(strict_service: Sandbox) -> Iterator[Sandbox]:
    yield strict_service
    strict_service.reset()


def frontend_of(sandbox: Sandbox, **arguments: object) -> AsyncImgwireClient:
    return client_of(sandbox, api_key=sandbox.client_key, **arguments)


async def test_a_frontend_uploads_with_the_token_of_its_backend(strict: Sandbox, photo: Path) -> None:
    async with client_of(strict) as backend, frontend_of(strict) as frontend:
        token = await backend.images.create_upload_token()

        image = await frontend.images.upload(photo, upload_token=token.token, purpose="avatar")
        ready = await frontend.images.wait_until_ready(image.id)

    assert (ready.upload_token_id, ready.purpose, ready.width) == (token.id, "avatar", 640)
    create, put = strict.requests.of("images.create")[0], strict.requests.of("store.put")[0]
    assert (create.authorized_with, put.authorized_with) == ("Bearer", None)


async def test_without_a_token_the_service_rejects_the_upload(strict: Sandbox, photo: Path) -> None:
    async with frontend_of(strict) as frontend:
        with pytest.raises(APIStatusError) as caught:
            await frontend.images.upload(photo)
    assert caught.value.status in {401, 403}
    assert strict.requests.of("store.put") == []


async def test_a_token_works_for_one_image(strict: Sandbox, photo: Path) -> None:
    async with client_of(strict) as backend, frontend_of(strict) as frontend:
        token = (await backend.images.create_upload_token()).token
        await frontend.images.upload(photo, upload_token=token)
        with pytest.raises(AuthenticationError):
            await frontend.images.upload(photo, upload_token=token)


@pytest.mark.parametrize("operation", ["images.create", "store.put"])
async def test_a_broken_upload_is_finished_with_the_same_token(
    operation: str, strict: Sandbox, photo: Path
) -> None:
    strict.faults.once(operation, reset="after")
    async with client_of(strict) as backend, frontend_of(strict) as frontend:
        token = await backend.images.create_upload_token()

        image = await frontend.images.upload(photo, upload_token=token.token)

        assert (await frontend.images.wait_until_ready(image.id)).upload_token_id == token.id
        assert len((await backend.images.list()).data) == 1


async def test_a_file_over_the_limit_of_the_key_is_rejected_before_its_bytes_are_sent(
    strict: Sandbox, tmp_path: Path, photo: Path
) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(await anyio.Path(photo).read_bytes() + bytes(200_000))
    async with client_of(strict) as backend, frontend_of(strict) as frontend:
        token = (await backend.images.create_upload_token()).token
        with pytest.raises(PayloadTooLargeError):
            await frontend.images.upload(large, upload_token=token)
    assert strict.requests.of("store.put") == []


async def test_many_images_can_have_a_token_each(strict: Sandbox, photo: Path) -> None:
    async with client_of(strict) as backend, frontend_of(strict) as frontend:
        tokens = [await backend.images.create_upload_token() for _ in range(5)]
        items = [UploadItem(photo, upload_token=token.token) for token in tokens]
        async with frontend.images.upload_many(items) as outcomes:
            stored = [outcome.image.upload_token_id async for outcome in outcomes if outcome.image]
    assert sorted(map(str, stored)) == sorted(str(token.id) for token in tokens)


async def test_what_a_client_key_may_not_do_is_rejected_before_any_request(strict: Sandbox) -> None:
    async with frontend_of(strict) as frontend:
        for call in (
            frontend.images.create_upload_token(),
            frontend.images.upload_via_url("https://example.com/a.jpg"),
            frontend.images.list(),
        ):
            with pytest.raises(ConfigurationError, match="server key"):
                await call
    assert len(strict.requests) == 0


async def test_token_and_key_are_shown_nowhere(
    strict: Sandbox, photo: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[object] = []
    async with (
        client_of(strict) as backend,
        frontend_of(strict, on_request=seen.append, on_response=seen.append) as frontend,
    ):
        token = await backend.images.create_upload_token()
        await frontend.images.upload(photo, upload_token=token.token)
        with pytest.raises(AuthenticationError) as caught:
            await frontend.images.upload(photo, upload_token=token.token)
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")]
    assert any("standard_upload" in line for line in logged)
    told = str(logged) + str(seen) + repr(token) + repr(caught.value) + str(vars(caught.value))
    assert token.token not in told
    assert strict.client_key not in told
