"""Uploads of URLs, which the service fetches itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgwire_async import AsyncImgwireClient, ImageQuarantinedError, InvalidArgumentError
from imgwire_async.sandbox import Sandbox
from tests.raw_servers import always, answer, raw_server


async def test_waiting_returns_the_stored_image(client: AsyncImgwireClient, photo: Path) -> None:
    with raw_server(always(answer(200, photo.read_bytes(), "Content-Type: image/jpeg"))) as host:  # noqa: ASYNC240
        image = await client.images.upload_via_url(f"{host.base_url}/rocket.jpg", wait=True)

    assert (image.status, image.width, image.original_filename) == ("READY", 640, "rocket.jpg")


async def test_without_waiting_the_record_is_returned_at_once(
    client: AsyncImgwireClient, sandbox: Sandbox
) -> None:
    await client.images.upload_via_url("http://127.0.0.1:9/gone.jpg")

    assert sandbox.requests.of("images.retrieve") == []


async def test_an_unusable_source_is_an_error_if_waited_for(client: AsyncImgwireClient) -> None:
    no_image = always(answer(200, b"no image", "Content-Type: image/jpeg"))
    with raw_server(no_image) as host, pytest.raises(ImageQuarantinedError):
        await client.images.upload_via_url(f"{host.base_url}/a.jpg", wait=True, idempotency_key="key")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "photo.jpg",
        "/photo.jpg",
        "//example.com/a.jpg",
        "ftp://example.com/a.jpg",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "https://",
        "https:///a.jpg",
        "https://example.com:port/a.jpg",
        "https://[::1/a.jpg",
        " https://example.com/a.jpg",
        "https://example.com/a b.jpg",
        "https://example.com/a\n.jpg",
        "https://user:SECRET@example.com/a.jpg",
        "https://SECRET@example.com/a.jpg?x=SECRET",
        None,
        b"https://example.com/a.jpg",
        Path("a.jpg"),
    ],
)
async def test_an_unusable_url_is_rejected_before_any_call(
    url: object, client: AsyncImgwireClient, sandbox: Sandbox
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await client.images.upload_via_url(url)  # type: ignore[arg-type]

    assert len(sandbox.requests) == 0
    assert caught.value.operation == "images.upload_via_url"
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/ä.jpg?a=b#c", "HTTP://127.0.0.1:9", "https://[::1]:9/a.jpg"]
)
async def test_every_other_url_is_passed_on(url: str, client: AsyncImgwireClient, sandbox: Sandbox) -> None:
    await client.images.upload_via_url(url)

    assert len(sandbox.requests.of("images.upload_via_url")) == 1


async def test_credentials_are_passed_on_when_allowed(client: AsyncImgwireClient, sandbox: Sandbox) -> None:
    await client.images.upload_via_url("http://user:pw@127.0.0.1:9/a.jpg", allow_credentials=True)

    assert len(sandbox.requests.of("images.upload_via_url")) == 1
