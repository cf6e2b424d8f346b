"""Uploads: direct and through sessions, with and without failures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from imgwire_async.bodies.progress import UploadProgress
from imgwire_async.errors import (
    APIConnectionError,
    ConflictError,
    DeadlineExceededError,
    InternalServerError,
    InvalidArgumentError,
    ResponseDecodeError,
    UploadRejectedError,
    UploadSourceError,
)
from imgwire_async.imgix import AsyncImgixClient
from imgwire_async.imgix.resources import assets as assets_module
from tests.imgix.scripted import LOST, SOURCE, Reply, Script, asset, client_of, failure, resource

UPLOAD = f"POST /api/v1/sources/{SOURCE}/upload/heroes/a.jpg"
GET = f"GET /api/v1/sources/{SOURCE}/assets/heroes/a.jpg"
OPEN = f"POST /api/v1/sources/{SOURCE}/upload-sessions/create/heroes/a.jpg"
CLOSE = f"POST /api/v1/sources/{SOURCE}/upload-sessions/close/session-1"
STATUS = f"GET /api/v1/sources/{SOURCE}/upload-sessions/status/session-1"
CANCEL = f"DELETE /api/v1/sources/{SOURCE}/upload-sessions/cancel/session-1"
PUT = "PUT /store/session-1"

YESTERDAY = int(time.time()) - 86_400
JPEG = b"\xff\xd8\xff" + b"x" * 200_000


def now() -> int:
    """The current time, read by each test because the module may have been loaded minutes before."""
    return int(time.time())


def session(status: str = "PENDING", **attributes: Any) -> dict[str, Any]:
    return resource("upload_sessions", "session-1", status=status, **attributes)


def opened(script: Script) -> dict[str, Any]:
    return session(url=f"{script.base_url}/store/session-1?signature=t0psecret")


def script_a_session(script: Script) -> None:
    script.on(GET, failure(404))
    script.on(OPEN, opened(script))
    script.on(PUT, Reply(200, content=b""))
    script.on(CLOSE, session("CLOSED"))
    script.on(CANCEL, Reply(200, {}))


async def test_a_small_file_is_sent_directly(script: Script, imgix: AsyncImgixClient, tmp_path: Path) -> None:
    file = tmp_path / "hero.jpg"
    file.write_bytes(JPEG)
    script.on(UPLOAD, asset("heroes/a.jpg", content_type="image/jpeg"))

    uploaded = await imgix.assets.upload(SOURCE, "/heroes/a.jpg", file)

    assert uploaded.origin_path == "/heroes/a.jpg"
    assert script.asked == [UPLOAD]
    request = script.seen[0]
    assert request.body == JPEG
    assert request.headers["content-length"] == str(len(JPEG))
    assert request.headers["content-type"] == "image/jpeg"
    assert request.headers["accept"] == "application/vnd.api+json"
    assert request.headers["authorization"] == "Bearer ak_test"
    assert request.query == {"overwrite": "false"}


async def test_a_file_that_is_not_an_image_is_sent(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(f"POST /api/v1/sources/{SOURCE}/upload/a%20b/%C3%BC%23.pdf", asset("x"))

    await imgix.assets.upload(SOURCE, "a b/ü#.pdf", b"%PDF", overwrite=True)

    assert script.seen[0].headers["content-type"] == "application/pdf"
    assert script.seen[0].query == {"overwrite": "true"}


@pytest.mark.parametrize("path", ["", "/", "a//b.jpg", "../a.jpg", "a/./b.jpg", "a/"])
async def test_a_path_that_could_escape_its_source_is_rejected(
    script: Script, imgix: AsyncImgixClient, path: str
) -> None:
    with pytest.raises(InvalidArgumentError, match="origin_path"):
        await imgix.assets.upload(SOURCE, path, b"x")
    assert script.asked == []


@pytest.mark.parametrize("broken", [LOST, failure(502)])
async def test_an_upload_whose_response_was_lost_is_looked_up(
    script: Script, imgix: AsyncImgixClient, broken: Any
) -> None:
    script.on(UPLOAD, broken)
    script.on(GET, asset("heroes/a.jpg", file_size=len(JPEG), date_created=now()))

    uploaded = await imgix.assets.upload(SOURCE, "heroes/a.jpg", JPEG)

    assert uploaded.file_size == len(JPEG)
    assert script.asked == [UPLOAD, GET]


@pytest.mark.parametrize(
    "there",
    [
        failure(404),
        asset("heroes/a.jpg", file_size=7),
        asset("heroes/a.jpg", file_size=len(JPEG), date_created=YESTERDAY),
        asset("heroes/a.jpg"),
        failure(403),
    ],
)
async def test_an_upload_that_was_not_stored_is_sent_again(
    script: Script, imgix: AsyncImgixClient, there: Any
) -> None:
    script.on(UPLOAD, LOST, asset("heroes/a.jpg"))
    script.on(GET, there)

    await imgix.assets.upload(SOURCE, "heroes/a.jpg", JPEG)

    assert script.asked == [UPLOAD, GET, UPLOAD]
    assert script.seen[2].body == JPEG
    assert imgix.stats().retries == 1


async def test_a_conflict_after_a_lost_response_is_the_upload_itself(
    script: Script, imgix: AsyncImgixClient
) -> None:
    script.on(UPLOAD, LOST, failure(409, "Conflict", "The path exists."))
    # Indexing takes a moment.
    script.on(GET, failure(404), asset("heroes/a.jpg", file_size=len(JPEG), date_created=now()))

    uploaded = await imgix.assets.upload(SOURCE, "heroes/a.jpg", JPEG)

    assert uploaded.file_size == len(JPEG)
    assert script.asked == [UPLOAD, GET, UPLOAD, GET]


async def test_a_conflict_at_once_is_an_error_with_advice(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(UPLOAD, failure(409, "Conflict", "The path exists."))

    with pytest.raises(ConflictError, match="overwrite=True") as caught:
        await imgix.assets.upload(SOURCE, "heroes/a.jpg", JPEG)

    assert script.asked == [UPLOAD]
    assert caught.value.detail == "The path exists."


async def test_repeats_are_bounded(script: Script) -> None:
    script.on(UPLOAD, LOST)
    script.on(GET, failure(404))

    async with client_of(script, max_retries=2) as imgix:
        with pytest.raises(APIConnectionError):
            await imgix.assets.upload(SOURCE, "heroes/a.jpg", JPEG)

    assert script.asked == [UPLOAD, GET] * 3


async def test_a_repeat_waits_no_longer_than_the_client_allows(script: Script) -> None:
    script.on(UPLOAD, Reply(503, retry_after="300"))
    script.on(GET, failure(404))

    async with client_of(script, max_retry_after=5.0) as imgix:
        with pytest.raises(InternalServerError, match="asks to wait 300 s, longer than max_retry_after"):
            await imgix.assets.upload(SOURCE, "heroes/a.jpg", JPEG)

    assert script.asked == [UPLOAD, GET]


async def test_a_repeat_beyond_the_deadline_is_not_waited_for(script: Script) -> None:
    script.on(UPLOAD, Reply(503, retry_after="30"))
    script.on(GET, failure(404))

    async with client_of(script, deadline=20.0) as imgix:
        with pytest.raises(DeadlineExceededError, match="no time for another attempt"):
            await imgix.assets.upload(SOURCE, "heroes/a.jpg", JPEG)

    assert script.asked == [UPLOAD, GET]


async def test_bytes_that_can_be_read_only_once_are_not_sent_again(
    script: Script, imgix: AsyncImgixClient
) -> None:
    def chunks() -> Iterator[bytes]:
        yield JPEG

    script.on(UPLOAD, LOST)
    script.on(GET, failure(404))

    with pytest.raises(APIConnectionError, match="only once"):
        await imgix.assets.upload(SOURCE, "heroes/a.jpg", chunks(), size=len(JPEG))

    assert script.asked == [UPLOAD, GET]


async def test_a_source_that_does_not_exist_is_reported_under_the_name_of_the_call(
    script: Script, imgix: AsyncImgixClient, tmp_path: Path
) -> None:
    with pytest.raises(UploadSourceError) as caught:
        await imgix.assets.upload(SOURCE, "heroes/a.jpg", tmp_path / "missing.jpg")

    assert caught.value.operation == "assets.upload"
    assert script.asked == []


async def test_a_large_file_goes_through_a_session(
    script: Script, imgix: AsyncImgixClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets_module, "DIRECT_UPLOAD_LIMIT", 100)
    script_a_session(script)

    uploaded = await imgix.assets.upload(SOURCE, "heroes/a.jpg", JPEG, overwrite=True)

    assert script.asked == [OPEN, PUT, CLOSE]
    put = script.seen[1]
    assert "authorization" not in put.headers
    assert put.body == JPEG
    assert put.headers["content-length"] == str(len(JPEG))
    assert put.headers["content-type"] == "image/jpeg"
    assert (uploaded.id, uploaded.origin_path) == (f"{SOURCE}/heroes/a.jpg", "/heroes/a.jpg")


def test_direct_uploads_end_at_the_documented_size() -> None:
    assert assets_module.DIRECT_UPLOAD_LIMIT == 30_000_000


async def test_a_session_does_not_replace_a_file_unless_asked_to(
    script: Script, imgix: AsyncImgixClient
) -> None:
    script_a_session(script)
    script.on(GET, asset("heroes/a.jpg"))

    with pytest.raises(ConflictError, match="overwrite=True"):
        await imgix.assets.upload_large(SOURCE, "heroes/a.jpg", JPEG)
    assert script.asked == [GET]

    await imgix.assets.upload_large(SOURCE, "heroes/a.jpg", JPEG, overwrite=True)
    assert script.asked[1:] == [OPEN, PUT, CLOSE]


async def test_a_session_that_fails_is_cancelled(script: Script, imgix: AsyncImgixClient) -> None:
    script_a_session(script)
    script.on(PUT, Reply(400, content=b"<Error><Code>EntityTooLarge</Code></Error>"))

    with pytest.raises(UploadRejectedError, match="EntityTooLarge") as caught:
        await imgix.assets.upload_large(SOURCE, "heroes/a.jpg", JPEG)

    assert script.asked == [GET, OPEN, PUT, CANCEL]
    assert caught.value.operation == "assets.upload_large"
    assert "t0psecret" not in str(caught.value)


async def test_a_session_is_cancelled_when_its_upload_is(script: Script, imgix: AsyncImgixClient) -> None:
    script_a_session(script)
    started = anyio.Event()

    async def endless() -> Any:
        yield JPEG
        started.set()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:

        async def upload() -> None:
            await imgix.assets.upload_large(SOURCE, "heroes/a.jpg", endless(), size=10 * len(JPEG))

        tasks.start_soon(upload)
        await started.wait()
        tasks.cancel_scope.cancel()

    assert script.asked[:2] == [GET, OPEN]
    assert script.asked[-1] == CANCEL


async def test_a_session_is_cancelled_after_the_deadline(script: Script) -> None:
    script_a_session(script)

    async def endless() -> Any:
        yield JPEG
        await anyio.sleep_forever()

    async with client_of(script, deadline=2.0) as imgix:
        with pytest.raises(DeadlineExceededError):
            await imgix.assets.upload_large(SOURCE, "heroes/a.jpg", endless(), size=10 * len(JPEG))

    assert script.asked[-1] == CANCEL


async def test_an_expired_url_is_replaced_by_that_of_a_new_session(
    script: Script, imgix: AsyncImgixClient
) -> None:
    script_a_session(script)
    script.on(PUT, Reply(403, content=b""), Reply(200, content=b""))

    await imgix.assets.upload_large(SOURCE, "heroes/a.jpg", JPEG)

    assert script.asked == [GET, OPEN, PUT, CANCEL, OPEN, PUT, CLOSE]


async def test_a_session_without_url_is_an_error(script: Script, imgix: AsyncImgixClient) -> None:
    script_a_session(script)
    script.on(OPEN, session())

    with pytest.raises(ResponseDecodeError, match="without a URL"):
        await imgix.assets.upload_large(SOURCE, "heroes/a.jpg", JPEG)

    assert script.asked == [GET, OPEN, CANCEL]


async def test_a_session_is_opened_again_when_the_response_was_lost(
    script: Script, imgix: AsyncImgixClient
) -> None:
    script_a_session(script)
    script.on(OPEN, LOST, opened(script))

    await imgix.assets.upload_large(SOURCE, "heroes/a.jpg", JPEG)

    assert script.asked == [GET, OPEN, OPEN, PUT, CLOSE]


async def test_waiting_ends_when_the_asset_is_indexed(script: Script, imgix: AsyncImgixClient) -> None:
    script_a_session(script)
    script.on(STATUS, session("CLOSED"), session("COMPLETE"))
    indexed = asset("heroes/a.jpg", file_size=len(JPEG), date_created=now(), media_width=40)
    script.on(GET, failure(404), failure(404), indexed)

    uploaded = await imgix.assets.upload_large(SOURCE, "heroes/a.jpg", JPEG, wait=True)

    assert uploaded.media_width == 40
    assert script.asked == [GET, OPEN, PUT, CLOSE, STATUS, STATUS, GET, GET]


async def test_waiting_ends_when_the_session_fails(script: Script, imgix: AsyncImgixClient) -> None:
    script_a_session(script)
    script.on(STATUS, session("FAILED"))

    with pytest.raises(UploadRejectedError, match="FAILED"):
        await imgix.assets.upload_large(SOURCE, "heroes/a.jpg", JPEG, wait=True)


@pytest.mark.parametrize("large", [False, True])
async def test_progress_is_reported(script: Script, imgix: AsyncImgixClient, large: bool) -> None:
    script_a_session(script)
    script.on(UPLOAD, asset("heroes/a.jpg"))
    told: list[UploadProgress] = []
    upload = imgix.assets.upload_large if large else imgix.assets.upload

    await upload(SOURCE, "heroes/a.jpg", JPEG, on_progress=told.append)

    assert told[-1] == UploadProgress(sent=len(JPEG), total=len(JPEG), attempt=1)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"on_progress": "show"}, "on_progress must be a function, got str"),
        ({"content_type": 3}, "content_type must be a MIME type"),
        ({"content_type": "image/png\r\nX-Header: 1"}, "content_type must be a MIME type"),
        ({"content_type": "image/\ud800"}, "content_type must be a MIME type"),
    ],
)
async def test_wrong_arguments_are_rejected_before_a_request(
    script: Script, imgix: AsyncImgixClient, arguments: Any, problem: str, large: bool
) -> None:
    upload = imgix.assets.upload_large if large else imgix.assets.upload

    with pytest.raises(InvalidArgumentError, match=problem):
        await upload(SOURCE, "heroes/a.jpg", JPEG, **arguments)

    assert script.asked == []


async def test_a_closed_session_can_be_closed_again(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(CLOSE, failure(409))
    script.on(STATUS, session("COMPLETE"))

    assert (await imgix.upload_sessions.close(SOURCE, "session-1")).status == "COMPLETE"

    script.on(STATUS, session("PENDING"))
    with pytest.raises(ConflictError):
        await imgix.upload_sessions.close(SOURCE, "session-1")


@pytest.mark.parametrize(
    ("reply", "existed"),
    [(Reply(200), True), (Reply(200, {}), True), (failure(404), False), (failure(410), False)],
)
async def test_cancelling_a_session_says_whether_there_was_one(
    script: Script, imgix: AsyncImgixClient, reply: Reply, existed: bool
) -> None:
    script.on(CANCEL, reply)

    assert await imgix.upload_sessions.cancel(SOURCE, "session-1") is existed


async def test_a_session_can_be_used_step_by_step(script: Script, imgix: AsyncImgixClient) -> None:
    script_a_session(script)
    script.on(STATUS, session("COMPLETE"))

    begun = await imgix.upload_sessions.create(SOURCE, "heroes/a.jpg")
    closed = await imgix.upload_sessions.close(SOURCE, begun)
    done = await imgix.upload_sessions.wait(SOURCE, closed)

    assert begun.url is not None
    assert "t0psecret" in begun.url
    assert "t0psecret" not in repr(begun)
    assert (closed.status, done.status) == ("CLOSED", "COMPLETE")
