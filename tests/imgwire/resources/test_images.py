"""Images over a real socket: uploads with all kinds of failures, tokens, waiting, and other operations."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Coroutine, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from PIL import Image as Picture

from imgwire_async import (
    AsyncImgwireClient,
    AuthenticationError,
    DeadlineExceededError,
    ImageQuarantinedError,
    ImageStatus,
    InvalidArgumentError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    UnsupportedImageTypeError,
    UploadItem,
    UploadRejectedError,
    UploadSourceError,
)
from imgwire_async.models import StandardUploadCreate
from imgwire_async.sandbox import Sandbox
from imgwire_async.testing.clock import VirtualClock
from tests.clients import client_of
from tests.raw_servers import answer, in_turn, raw_server


@pytest.fixture(scope="module")
def tiny() -> bytes:
    buffer = io.BytesIO()
    Picture.new("RGB", (7, 5), "red").save(buffer, "PNG")
    return buffer.getvalue()


# Upload


async def test_a_photograph_arrives_unchanged_and_becomes_ready(
    sandbox: Sandbox, client: AsyncImgwireClient, photo: Path
) -> None:
    content = photo.read_bytes()  # noqa: ASYNC240

    image = await client.images.upload(
        photo,
        purpose="marketing hero",
        custom_metadata={"source": "import", "n": 1, "share": 0.5, "public": True},
        hash_sha256=hashlib.sha256(content).hexdigest(),
        idempotency_key="key-1",
    )
    ready = await client.images.wait_until_ready(image.id)

    assert ready.status == ImageStatus.READY
    assert (ready.width, ready.height, ready.size_bytes) == (640, 427, len(content))
    assert ready.hash_sha256 == hashlib.sha256(content).hexdigest()
    assert ready.original_filename == "rocket.jpg"
    assert ready.mime_type == "image/jpeg"
    assert ready.purpose == "marketing hero"
    assert ready.custom_metadata == {"source": "import", "n": 1, "share": 0.5, "public": True}
    assert ready.idempotency_key == "key-1"
    async with httpx.AsyncClient() as public:
        assert (await public.get(ready.cdn_url)).is_success
    [put] = sandbox.requests.of("store.put")
    assert put.headers["content-length"] == str(len(content))
    assert put.headers["content-type"] == "image/jpeg"
    assert "transfer-encoding" not in put.headers
    assert put.authorized_with is None


async def test_bytes_get_their_name_and_type_from_their_content(
    client: AsyncImgwireClient, tiny: bytes
) -> None:
    image = await client.images.upload(tiny)

    assert image.original_filename == "image.png"
    assert image.mime_type == "image/png"


@pytest.mark.parametrize(
    "arguments",
    [{"file": b"just text"}, {"file": b"x", "file_name": "x.svg"}, {"file": b"x", "mime_type": "text/plain"}],
)
async def test_a_type_that_is_not_stored_is_rejected_before_the_network(
    sandbox: Sandbox, client: AsyncImgwireClient, arguments: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedImageTypeError):
        await client.images.upload(**arguments)

    assert len(sandbox.requests) == 0


@pytest.mark.parametrize("mime_type", ["image/svg+xml", "image/png\r\nX: 1", "", 7])
async def test_a_declared_type_must_be_a_supported_one(
    sandbox: Sandbox, client: AsyncImgwireClient, tiny: bytes, mime_type: Any
) -> None:
    with pytest.raises(UnsupportedImageTypeError):
        await client.images.upload(tiny, mime_type=mime_type)
    with pytest.raises(UnsupportedImageTypeError):
        await client.images.create(file_name="a.png", mime_type=mime_type)
    with pytest.raises(UnsupportedImageTypeError):
        await client.images.upload_via_url("https://example.com/a.png", mime_type=mime_type)

    assert len(sandbox.requests) == 0


async def test_a_missing_file_is_rejected_before_the_network(
    sandbox: Sandbox, client: AsyncImgwireClient
) -> None:
    with pytest.raises(UploadSourceError, match="No such file"):
        await client.images.upload("no/such/file.jpg")

    assert len(sandbox.requests) == 0


@pytest.mark.parametrize(
    "faults",
    [
        [("images.create", {"reset": "after"})],
        [("images.create", {"truncate": True}), ("images.create", {"status": 503})],
        [("store.put", {"reset": "before"}), ("store.put", {"reset": "after"})],
        [
            ("store.put", {"disconnect_after": 50_000}),
            ("store.put", {"status": 503, "disconnect_after": 1000}),
        ],
        [("images.create", {"status": 429, "retry_after": 0}), ("store.put", {"status": 500})],
    ],
    ids=["answer lost", "create twice", "put answer lost", "put half", "throttled"],
)
async def test_an_upload_with_failures_ends_in_one_image_with_all_its_bytes(
    sandbox: Sandbox, client: AsyncImgwireClient, photo: Path, faults: list[tuple[str, dict[str, Any]]]
) -> None:
    for operation, fault in faults:
        sandbox.faults.once(operation, **fault)

    uploaded = await client.images.upload(photo)

    ready = await client.images.wait_until_ready(uploaded.id)
    images = [image async for image in client.images.list()]
    assert [image.id for image in images] == [uploaded.id]
    assert ready.size_bytes == photo.stat().st_size  # noqa: ASYNC240
    assert sandbox.faults.unused() == []


async def test_an_expired_upload_url_is_replaced_under_the_same_key(photo: Path) -> None:
    clock = VirtualClock()
    with Sandbox(clock=clock.time, upload_url_lifetime=60) as sandbox:
        async with client_of(sandbox, on_response=lambda event: expire_once(clock, event)) as client:
            image = await client.images.upload(photo, idempotency_key="key-1")
            ready = await client.images.wait_until_ready(image.id)
            total = (await client.images.list()).pagination.total_count

        assert [put.status for put in sandbox.requests.of("store.put")] == [403, 200]
        assert len(sandbox.requests.of("images.create")) == 2

    assert ready.idempotency_key == "key-1"
    assert total == 1


def expire_once(clock: VirtualClock, event: Any) -> None:
    if event.operation == "images.create" and clock.monotonic() < 100:
        clock.advance(100)


async def test_a_store_that_always_rejects_is_tried_only_twice(
    sandbox: Sandbox, client: AsyncImgwireClient, photo: Path
) -> None:
    sandbox.faults.always("store.put", status=403)

    with pytest.raises(UploadRejectedError) as caught:
        await client.images.upload(photo, idempotency_key="key-1")

    assert caught.value.status == 403
    assert caught.value.idempotency_key == "key-1"
    assert caught.value.operation == "images.upload"
    assert len(sandbox.requests.of("store.put")) == 2
    assert len(sandbox.requests.of("images.create")) == 2


async def test_a_lost_response_of_a_single_use_upload_url_is_not_an_error(photo: Path) -> None:
    with Sandbox(repeated_put="refuse") as sandbox:
        sandbox.faults.once("store.put", reset="after")
        async with client_of(sandbox) as client:
            image = await client.images.upload(photo)

            assert (await client.images.wait_until_ready(image.id)).status == ImageStatus.READY
        assert [put.status for put in sandbox.requests.of("store.put")][1:] == [403]


async def test_a_repeated_upload_under_one_key_sends_no_bytes_again(
    sandbox: Sandbox, client: AsyncImgwireClient, photo: Path
) -> None:
    first = await client.images.upload(photo, idempotency_key="key-1")
    await client.images.wait_until_ready(first.id)

    second = await client.images.upload(photo, idempotency_key="key-1")

    assert second.id == first.id
    assert len(sandbox.requests.of("store.put")) == 1


async def test_every_upload_without_a_key_gets_its_own(client: AsyncImgwireClient, tiny: bytes) -> None:
    one, two = await client.images.upload(tiny), await client.images.upload(tiny)

    assert one.id != two.id
    assert one.idempotency_key != two.idempotency_key


async def test_an_empty_key_is_rejected_before_anything_is_sent(
    client: AsyncImgwireClient, sandbox: Sandbox, tiny: bytes
) -> None:
    images = client.images
    body = StandardUploadCreate(file_name="a.png", idempotency_key="")
    calls: list[tuple[str, Coroutine[Any, Any, object]]] = [
        ("images.upload", images.upload(tiny, idempotency_key="")),
        ("images.upload", images.upload("missing.png", idempotency_key="")),
        ("images.upload", images.upload(tiny, idempotency_key=5)),  # type: ignore[arg-type]
        ("images.create", images.create(file_name="a.png", idempotency_key="")),
        ("images.create", images.create(body)),
        ("images.upload_via_url", images.upload_via_url("https://e.example/a", idempotency_key="")),
    ]
    for operation, call in calls:
        with pytest.raises(InvalidArgumentError, match="idempotency_key must be a non-empty") as refused:
            await call
        assert refused.value.operation == operation
    assert len(sandbox.requests) == 0


async def test_an_empty_key_fails_only_its_own_item(client: AsyncImgwireClient, tiny: bytes) -> None:
    async with client.images.upload_many([UploadItem(tiny, idempotency_key="")]) as outcomes:
        (outcome,) = [outcome async for outcome in outcomes]

    assert isinstance(outcome.error, InvalidArgumentError)


async def test_a_body_without_a_key_gets_one(client: AsyncImgwireClient) -> None:
    for body in (
        StandardUploadCreate(file_name="a.png"),
        StandardUploadCreate(file_name="a.png", idempotency_key=None),
    ):
        assert (await client.images.create(body)).image.idempotency_key
    assert not body.idempotency_key


# Client keys and tokens


async def test_a_client_key_may_create_upload_and_retrieve(sandbox: Sandbox, tiny: bytes) -> None:
    async with client_of(sandbox, api_key=sandbox.client_key) as client:
        image = await client.images.upload(tiny)

        assert (await client.images.retrieve(image.id)).id == image.id


async def test_a_token_lets_a_client_key_upload_once(tiny: bytes) -> None:
    with Sandbox(allow_unsigned_upload=False) as sandbox:
        async with client_of(sandbox) as server, client_of(sandbox, api_key=sandbox.client_key) as frontend:
            token = await server.images.create_upload_token()
            sandbox.faults.once("images.create", reset="after")

            image = await frontend.images.upload(tiny, upload_token=token.token)

            assert image.upload_token_id == token.id
            with pytest.raises(AuthenticationError):
                await frontend.images.upload(tiny, upload_token=token.token)
            with pytest.raises(AuthenticationError):
                await frontend.images.upload(tiny)


async def test_limits_of_a_client_key_are_typed_errors(tiny: bytes) -> None:
    with Sandbox(client_maximum_upload_bytes=10, client_maximum_pending_uploads=1) as sandbox:
        async with client_of(sandbox, api_key=sandbox.client_key) as client:
            with pytest.raises(PayloadTooLargeError):
                await client.images.upload(tiny)
            await client.images.create(file_name="a.png")
            with pytest.raises(PermissionDeniedError):
                await client.images.create(file_name="b.png")


# Create


async def test_create_accepts_fields_or_the_model(client: AsyncImgwireClient) -> None:
    by_fields = await client.images.create(file_name="a.png", content_length=3, idempotency_key="k")
    by_model = await client.images.create(
        StandardUploadCreate(file_name="a.png", content_length=3, idempotency_key="k")
    )
    keyless = await client.images.create(StandardUploadCreate(file_name="b.png"))

    assert by_fields.image.id == by_model.image.id
    assert by_fields.upload_url.startswith("http")
    assert keyless.image.idempotency_key


async def test_create_rejects_an_empty_name(sandbox: Sandbox, client: AsyncImgwireClient) -> None:
    with pytest.raises(InvalidArgumentError, match="file_name"):
        await client.images.create(file_name="")

    assert len(sandbox.requests) == 0


# Waiting


async def test_waiting_ends_with_an_error_for_bytes_that_are_not_an_image(client: AsyncImgwireClient) -> None:
    image = await client.images.upload(b"no picture at all", mime_type="image/png", file_name="x.png")

    with pytest.raises(ImageQuarantinedError) as caught:
        await client.images.wait_until_ready(image.id)

    assert caught.value.image_id == str(image.id)
    assert "x.png" in str(caught.value)


async def test_waiting_ends_at_its_deadline_and_reports_the_last_status(
    imgwire_sandbox: Sandbox, imgwire_client: AsyncImgwireClient
) -> None:
    created = await imgwire_client.images.create(file_name="a.png")

    with pytest.raises(DeadlineExceededError, match="PENDING"):
        await imgwire_client.images.wait_until_ready(created.image.id, timeout=20)

    assert len(imgwire_sandbox.requests.of("images.retrieve")) >= 2


async def test_waiting_retries_transient_failures(
    sandbox: Sandbox, client: AsyncImgwireClient, tiny: bytes
) -> None:
    image = await client.images.upload(tiny)
    sandbox.faults.times(2, "images.retrieve", status=503)

    assert (await client.images.wait_until_ready(image.id)).width == 7


# Other operations


async def test_a_deleted_image_is_gone(client: AsyncImgwireClient, tiny: bytes) -> None:
    image = await client.images.upload(tiny)

    assert isinstance(await client.images.delete(str(image.id)), dict)

    with pytest.raises(NotFoundError) as caught:
        await client.images.retrieve(image.id)
    assert caught.value.error_type == "ResourceNotFoundError"
    assert caught.value.operation == "images.retrieve"


async def test_several_images_are_deleted_at_once(client: AsyncImgwireClient, tiny: bytes) -> None:
    images = [await client.images.upload(tiny) for _ in range(3)]

    await client.images.bulk_delete([images[0].id, str(images[1].id)])

    assert [image.id async for image in client.images.list()] == [images[2].id]


@pytest.mark.parametrize("ids", [[], "6f0f4c1c-2c1b-4c36-9f3e-1c7c5f1a0001", ["../x"], [None], uuid4()])
async def test_invalid_ids_are_rejected_before_the_network(
    sandbox: Sandbox, client: AsyncImgwireClient, ids: Any
) -> None:
    for operation in (client.images.bulk_delete, client.images.create_bulk_download_job):
        with pytest.raises(InvalidArgumentError, match="image_ids"):
            await operation(ids)

    assert len(sandbox.requests) == 0


@pytest.mark.parametrize(
    "metadata",
    [7, "text", ["a"], {1: "a"}, {"a": None}, {"a": [1]}, {"a": datetime(2026, 5, 1)}, {"a": float("nan")}],  # noqa: DTZ001
    ids=str,
)
async def test_invalid_metadata_is_rejected_before_the_network(
    sandbox: Sandbox, client: AsyncImgwireClient, tiny: bytes, metadata: Any
) -> None:
    for call in (
        client.images.create(file_name="a.png", custom_metadata=metadata),
        client.images.upload(tiny, custom_metadata=metadata),
        client.images.upload_via_url("https://example.com/a.png", custom_metadata=metadata),
    ):
        with pytest.raises(InvalidArgumentError):
            await call

    assert len(sandbox.requests) == 0


@pytest.mark.parametrize("seconds", [None, "2", -1, float("nan"), 10**400], ids=lambda value: repr(value)[:9])
async def test_an_invalid_timeout_is_rejected(client: AsyncImgwireClient, seconds: Any) -> None:
    for wait in (client.images.wait_until_ready, client.images.wait_for_bulk_download):
        with pytest.raises(InvalidArgumentError, match="timeout"):
            await wait(uuid4(), timeout=seconds)


async def test_arguments_of_the_wrong_kind_are_rejected_with_a_sentence(
    sandbox: Sandbox, client: AsyncImgwireClient
) -> None:
    images: Any = client.images

    with pytest.raises(InvalidArgumentError, match="StandardUploadCreate"):
        await images.create({"file_name": "a.png"})
    with pytest.raises(InvalidArgumentError, match="an iterable of ids"):
        await images.bulk_delete(None)
    with pytest.raises(UnsupportedImageTypeError):
        await images.create(file_name="a.png", mime_type=["image/png"])
    with pytest.raises(InvalidArgumentError, match="upload_token"):
        await images.create(file_name="a.png", upload_token="\ud800")

    assert len(sandbox.requests) == 0


async def test_ids_may_come_from_a_generator(client: AsyncImgwireClient, tiny: bytes) -> None:
    image = await client.images.upload(tiny)

    def ids() -> Iterator[UUID]:
        yield image.id

    await client.images.bulk_delete(ids())

    assert (await client.images.list()).data == []


async def test_lists_are_paged(client: AsyncImgwireClient) -> None:
    for number in range(5):
        await client.images.create(file_name=f"{number}.png")

    page = await client.images.list(page=2, limit=2)
    everything = [image async for image in client.images.list(limit=2, prefetch=2)]
    pages = [page async for page in client.images.list_pages(limit=2)]
    all_of_them = [image async for image in client.images.list_all(limit=2)]

    assert len(page.data) == 2
    assert (page.pagination.total_count, page.pagination.prev_page, page.pagination.next_page) == (5, 1, 3)
    assert len(everything) == len(all_of_them) == 5
    assert [len(page.data) for page in pages] == [2, 2, 1]


async def test_an_archive_is_built_and_linked(client: AsyncImgwireClient, tiny: bytes) -> None:
    image = await client.images.upload(tiny)
    await client.images.wait_until_ready(image.id)

    job = await client.images.create_bulk_download_job([image.id])
    done = await client.images.wait_for_bulk_download(job.id)

    assert (await client.images.retrieve_bulk_download_job(job.id)).id == job.id
    assert done.download_url is not None
    with pytest.raises(NotFoundError):
        await client.images.retrieve_bulk_download_job(uuid4())


async def test_an_image_is_fetched_from_a_url(
    sandbox: Sandbox, client: AsyncImgwireClient, tiny: bytes
) -> None:
    sandbox.faults.once("images.upload_via_url", reset="after")
    with raw_server(in_turn(answer(200, tiny, "Content-Type: image/png"))) as origin:
        image = await client.images.upload_via_url(f"{origin.base_url}/pictures/red.png", purpose="test")
        ready = await client.images.wait_until_ready(image.id)

    assert (ready.width, ready.height) == (7, 5)
    assert ready.original_filename == "red.png"
    assert (await client.images.list()).pagination.total_count == 1
