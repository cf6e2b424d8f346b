"""Downloads that are interrupted: resuming, changed files, and hosts that misbehave."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import pickle
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path

import anyio
import httpx
import pytest

from imgwire_async import (
    APIConnectionError,
    APITimeoutError,
    AsyncImgwireClient,
    ConfigurationError,
    DeadlineExceededError,
    DownloadError,
    DownloadInterruptedError,
    DownloadRejectedError,
    DownloadStream,
    ResponseDecodeError,
    RetryEvent,
    Timeouts,
)
from imgwire_async.core.fetch import WORTHWHILE, strong_validator
from imgwire_async.models import ImageDownloadJob
from tests.clients import client_of, without_waits
from tests.downloads.file_host import CONTENT, V1, Step, file_host, header, job_at, names_in, requested_start
from tests.hangs import HANGS
from tests.raw_servers import Connection, RawServer, always, answer, raw_server

HALF = len(CONTENT) // 2
CHANGED = CONTENT[::-1]


def archive(server: RawServer) -> ImageDownloadJob:
    return job_at(f"{server.base_url}/archive.zip?signature=SECRET")


async def to_path(client: AsyncImgwireClient, server: RawServer, folder: Path) -> bytes:
    written = await client.images.download_archive(archive(server), to=folder / "a.zip")
    assert (written.path, written.content_type) == (folder / "a.zip", "application/zip")
    content = (folder / "a.zip").read_bytes()
    assert written.size == len(content)
    return content


async def to_stream(client: AsyncImgwireClient, server: RawServer) -> bytes:
    async with client.images.download_archive(archive(server)) as stream:
        return b"".join([chunk async for chunk in stream])


async def take_all(stream: DownloadStream, taken: bytearray) -> None:
    async for chunk in stream:
        taken += chunk


@pytest.mark.parametrize("fault", ["close", "reset"])
async def test_a_broken_transfer_resumes_where_it_stopped(fault: str, tmp_path: Path) -> None:
    with file_host(Step(after=HALF, fault=fault), Step()) as server:  # type: ignore[arg-type]
        async with client_of(server) as client:
            content = await to_path(client, server, tmp_path)

    assert content == CONTENT
    assert requested_start(server.heads[0]) is None
    assert 0 < (requested_start(server.heads[1]) or 0) <= HALF
    assert header(server.heads[1], "if-range") == '"v1"'


async def test_a_stream_resumes_where_it_stopped() -> None:
    with file_host(Step(after=HALF), Step(after=1000), Step()) as server:
        async with client_of(server) as client:
            assert await to_stream(client, server) == CONTENT
    first, second, third = (requested_start(head) for head in server.heads)
    assert first is None
    # An engine may drop bytes it had already read when the connection broke.
    assert 0 < (second or 0) <= (third or 0) <= HALF + 1000


async def test_a_stalled_transfer_resumes_after_the_read_timeout(tmp_path: Path) -> None:
    with file_host(Step(after=HALF, fault="stall"), Step()) as server:
        async with client_of(server, timeout=Timeouts(read=1.0)) as client:
            assert await to_path(client, server, tmp_path) == CONTENT
    assert requested_start(server.heads[1]) == HALF


async def test_a_transfer_that_stalls_for_ever_is_a_timeout_and_leaves_nothing(tmp_path: Path) -> None:
    with file_host(Step(after=HALF, fault="stall")) as server:
        async with client_of(server, timeout=Timeouts(read=0.1), max_retries=0) as client:
            with pytest.raises(APITimeoutError):
                await to_path(client, server, tmp_path)
    assert names_in(tmp_path) == []


@pytest.mark.measures_time
async def test_a_slow_reader_does_not_count_as_a_stalled_host() -> None:
    with file_host(Step(content=CONTENT * 4)) as server:
        async with (
            client_of(server, timeout=Timeouts(read=1.5), max_retries=0) as client,
            client.images.download_archive(archive(server)) as stream,
        ):
            taken = bytearray()
            async for chunk in stream:
                if not taken:
                    await anyio.sleep(2.0)
                taken += chunk
    assert bytes(taken) == CONTENT * 4


@pytest.mark.parametrize("kind", ["path", "stream"])
async def test_a_host_that_ignores_ranges_sends_the_same_file_again(kind: str, tmp_path: Path) -> None:
    with file_host(Step(after=HALF), Step(ranges="ignored")) as server:
        async with client_of(server) as client:
            content = await (
                to_path(client, server, tmp_path) if kind == "path" else to_stream(client, server)
            )
    assert content == CONTENT


@pytest.mark.parametrize("ranges", ["wrong", "refused"])
@pytest.mark.parametrize("kind", ["path", "stream"])
async def test_a_host_that_cannot_send_the_rest_is_asked_for_the_whole_file(
    ranges: str, kind: str, tmp_path: Path
) -> None:
    with file_host(Step(after=HALF), Step(ranges=ranges), Step()) as server:  # type: ignore[arg-type]
        async with client_of(server) as client:
            content = await (
                to_path(client, server, tmp_path) if kind == "path" else to_stream(client, server)
            )
    assert content == CONTENT
    assert [requested_start(head) is None for head in server.heads] == [True, False, True]


async def test_a_changed_file_is_fetched_from_its_start(tmp_path: Path) -> None:
    changed = Step(content=CHANGED, validators=('ETag: "v2"',), ranges="ignored")
    with file_host(Step(after=HALF), changed) as server:
        async with client_of(server) as client:
            assert await to_path(client, server, tmp_path) == CHANGED
            assert len(server.heads) == 2


async def test_the_rest_of_another_file_is_not_appended(tmp_path: Path) -> None:
    changed = Step(content=CHANGED, validators=('ETag: "v2"',))
    with file_host(Step(after=HALF), changed) as server:
        async with client_of(server) as client:
            assert await to_path(client, server, tmp_path) == CHANGED
    assert [requested_start(head) is None for head in server.heads] == [True, False, True]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_rest_that_is_too_long_appends_no_wrong_byte(chunked: bool) -> None:
    def answer_too_much(connection: Connection) -> None:
        start = requested_start(connection.read_request())
        rest = CONTENT[start:] + b"more"
        if start is None:
            connection.send(answer(200, CONTENT, 'ETag: "1"')[:-HALF])
        elif chunked:
            connection.send(part_from(start, "Transfer-Encoding: chunked"))
            connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(rest), rest))
        else:
            connection.send(part_from(start, f"Content-Length: {len(rest)}") + rest)

    def part_from(start: int, length: str) -> bytes:
        place = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        return f'HTTP/1.1 206 X\r\nETag: "1"\r\n{length}\r\nContent-Range: {place}\r\n\r\n'.encode()

    taken = bytearray()
    with raw_server(answer_too_much) as server:
        async with without_waits(client_of(server)) as client:
            with pytest.raises(ResponseDecodeError, match="more than the"):
                async with client.images.download_archive(archive(server)) as stream:
                    await take_all(stream, taken)

    assert CONTENT.startswith(taken)


async def test_a_stream_whose_file_changed_ends_with_an_error_and_no_wrong_byte() -> None:
    changed = Step(content=CHANGED, validators=('ETag: "v2"',), ranges="ignored")
    taken = bytearray()
    with file_host(Step(after=HALF), changed) as server:
        async with (
            client_of(server) as client,
            client.images.download_archive(archive(server)) as stream,
        ):
            with pytest.raises(DownloadInterruptedError, match="handed on"):
                await take_all(stream, taken)
    assert 0 < len(taken) <= HALF
    assert CONTENT.startswith(taken)


async def test_a_file_object_is_truncated_to_where_the_download_started() -> None:
    file = io.BytesIO(b"before")
    file.seek(0, os.SEEK_END)
    changed = Step(content=CHANGED[:1000], validators=(), ranges="ignored")
    with file_host(Step(content=CONTENT * 8, after=HALF * 15), changed) as server:
        async with client_of(server) as client:
            written = await client.images.download_archive(archive(server), to=file)
    assert file.getvalue() == b"before" + CHANGED[:1000]
    assert (written.path, written.size) == (None, 1000)


@pytest.mark.parametrize("validators", [(), ('ETag: W/"v1"',)])
async def test_without_a_strong_validator_no_rest_is_requested(
    validators: tuple[str, ...], tmp_path: Path
) -> None:
    with file_host(Step(after=HALF, validators=validators), Step(validators=validators)) as server:
        async with client_of(server) as client:
            assert await to_path(client, server, tmp_path) == CONTENT
    assert requested_start(server.heads[1]) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"etag": '"a"', "last-modified": "x"}, '"a"'),
        ({"etag": 'W/"a"', "last-modified": "Sun, 22 Nov 2026 05:00:00 GMT"}, None),
        (
            {"last-modified": "Sun, 22 Nov 2026 05:00:00 GMT", "date": "Sun, 22 Nov 2026 05:00:01 GMT"},
            "Sun, 22 Nov 2026 05:00:00 GMT",
        ),
        ({"last-modified": "Sun, 22 Nov 2026 05:00:01 GMT", "date": "Sun, 22 Nov 2026 05:00:01 GMT"}, None),
        ({"last-modified": "Sun, 22 Nov 2026 05:00:00 GMT"}, None),
        ({"last-modified": "yesterday", "date": "today"}, None),
        ({}, None),
    ],
)
def test_only_strong_validators_are_used(headers: dict[str, str], expected: str | None) -> None:
    assert strong_validator(httpx.Headers(headers)) == expected


async def test_a_large_file_survives_more_breaks_than_there_are_retries(tmp_path: Path) -> None:
    content = CONTENT * 40
    breaks = [Step(content=content, after=WORTHWHILE + 1000)] * 7
    with file_host(*breaks, Step(content=content)) as server:
        async with client_of(server, max_retries=1) as client:
            assert await to_path(client, server, tmp_path) == content


async def test_breaks_without_progress_end_with_an_error(tmp_path: Path) -> None:
    with file_host(Step(after=10)) as server:
        async with client_of(server, max_retries=3) as client:
            with pytest.raises(APIConnectionError) as caught:
                await to_path(client, server, tmp_path)
    assert caught.value.attempts == len(server.heads) == 4
    assert caught.value.operation == "images.download_archive"
    assert names_in(tmp_path) == []


async def test_a_connection_lost_after_the_last_byte_is_a_success(tmp_path: Path) -> None:
    with file_host(Step(after=len(CONTENT), fault="reset")) as server:
        async with client_of(server, max_retries=0) as client:
            assert await to_path(client, server, tmp_path) == CONTENT


async def test_a_file_without_declared_length_ends_with_its_connection(tmp_path: Path) -> None:
    with file_host(Step(length=False)) as server:
        async with client_of(server) as client:
            assert await to_path(client, server, tmp_path) == CONTENT


async def test_a_chunked_file_without_its_last_chunk_is_not_complete(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
    stuck = Step(raw=head + b"5\r\nhello\r\n5\r\nwo")
    whole = Step(raw=head + b"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n")
    with file_host(stuck, whole) as server:
        async with client_of(server, timeout=Timeouts(read=0.6)) as client:
            written = await client.images.download_archive(archive(server), to=tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"helloworld"
    assert written.size == 10


async def test_an_empty_file_is_downloaded(tmp_path: Path) -> None:
    with file_host(Step(content=b"")) as server:
        async with client_of(server) as client:
            assert await to_path(client, server, tmp_path) == b""


async def test_a_busy_host_is_retried_after_its_hint(tmp_path: Path) -> None:
    hooked: list[RetryEvent] = []
    busy = Step(raw=answer(503, b"busy", "Retry-After: 0"))
    with file_host(busy, Step()) as server:
        async with client_of(server, on_retry=hooked.append) as client:
            assert await to_path(client, server, tmp_path) == CONTENT
    assert [(event.operation, event.status) for event in hooked] == [("images.download_archive", 503)]


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (answer(404, b"<Error><Code>NoSuchKey</Code></Error>"), DownloadRejectedError),
        (answer(204, b""), ResponseDecodeError),
        (answer(206, b"abc", "Content-Range: bytes 3-5/6"), ResponseDecodeError),
        (answer(200, b"abc", "Content-Encoding: gzip"), ResponseDecodeError),
        (answer(302, b"", "Location: ftp://files.example/x"), DownloadError),
        (answer(302, b"", "Location: http://user:pw@files.example/x"), DownloadError),
        (answer(302, b"", "Location: http://files.example/x"), ConfigurationError),
        (answer(302, b"", "Location: /again?signature=SECRET"), DownloadRejectedError),
        (answer(302, b""), DownloadRejectedError),
    ],
)
async def test_a_response_that_is_not_a_file_is_a_typed_error_at_once(
    raw: bytes, error: type[Exception], tmp_path: Path
) -> None:
    with file_host(Step(raw=raw)) as server:
        async with client_of(server) as client:
            with pytest.raises(error) as caught:
                await to_path(client, server, tmp_path)
            with pytest.raises(error):
                await to_stream(client, server)
    assert names_in(tmp_path) == []
    assert repr(pickle.loads(pickle.dumps(caught.value))) == repr(caught.value)


ZIP = "Content-Type: application/zip"


@pytest.mark.parametrize("length", [True, False])
async def test_a_206_with_all_of_the_file_is_a_success(length: bool, tmp_path: Path) -> None:
    head = f"HTTP/1.1 206 X\r\n{ZIP}\r\n{V1}\r\nContent-Range: bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}\r\n"
    head += f"Content-Length: {len(CONTENT)}\r\n\r\n" if length else "Connection: close\r\n\r\n"

    def behave(connection: Connection) -> None:
        connection.read_request()
        connection.send(head.encode() + CONTENT)

    with raw_server(behave) as server:
        async with client_of(server) as client:
            assert await to_path(client, server, tmp_path) == CONTENT
            assert await to_stream(client, server) == CONTENT


async def test_a_206_with_all_of_the_file_resumes_after_a_break(tmp_path: Path) -> None:
    def behave(connection: Connection) -> None:
        start = requested_start(connection.read_request()) or 0
        place = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        lines = [ZIP, V1, f"Content-Length: {len(CONTENT) - start}", f"Content-Range: {place}", "", ""]
        head = "\r\n".join(["HTTP/1.1 206 X", *lines])
        connection.send(head.encode() + CONTENT[start : None if start else HALF])

    with raw_server(behave) as server:
        async with without_waits(client_of(server)) as client:
            assert await to_path(client, server, tmp_path) == CONTENT
    assert [requested_start(head) for head in server.heads] == [None, HALF]


@pytest.mark.parametrize(
    "place",
    [
        "bytes 0-2/6",
        "bytes 3-5/6",
        "bytes 0-2/*",
        "bytes 0-5/3",
        "bytes */3",
        "pages 0-2/3",
        "",
        "bytes 1-3/3",
    ],
)
async def test_a_206_with_a_part_that_was_not_requested_is_rejected(place: str, tmp_path: Path) -> None:
    with file_host(Step(raw=answer(206, b"abc", f"Content-Range: {place}"))) as server:
        async with client_of(server) as client:
            with pytest.raises(ResponseDecodeError, match="sent part of the file"):
                await to_path(client, server, tmp_path)
    assert names_in(tmp_path) == []


async def test_safe_redirects_are_followed(tmp_path: Path) -> None:
    with file_host(Step(raw=answer(307, b"", "Location: /b?signature=SECRET")), Step()) as server:
        async with client_of(server) as client:
            assert await to_path(client, server, tmp_path) == CONTENT
    assert server.heads[1].startswith(b"GET /b?signature=SECRET ")


@pytest.mark.parametrize("url", ["http://files.example/a", "not a url", "http://u:p@127.0.0.1/", "https://"])
async def test_a_link_that_is_not_safe_is_not_followed(url: str, tmp_path: Path) -> None:
    with file_host(Step()) as server:
        async with client_of(server) as client:
            with pytest.raises((ConfigurationError, DownloadError)):
                await client.images.download_archive(job_at(url), to=tmp_path / "a.zip")
    assert server.heads == []


async def test_neither_key_nor_signature_is_leaked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with file_host(Step(after=10)) as server:
        async with client_of(server) as client:
            with pytest.raises(APIConnectionError) as caught:
                await to_path(client, server, tmp_path)
    told = [caplog.text, repr(caught.value), str(caught.value.__dict__)]
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    library = [frame for frame in frames.stack if "imgwire_async/" in frame.filename]
    told += [str(frame.locals) for frame in library]
    assert library
    assert "SECRET" not in "".join(told)
    assert b"authorization" not in b"".join(server.heads).lower()


async def test_the_deadline_covers_the_whole_download(tmp_path: Path) -> None:
    with file_host(Step(after=10, fault="stall")) as server:
        async with client_of(server, deadline=0.2) as client:
            with pytest.raises(DeadlineExceededError):
                await to_path(client, server, tmp_path)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("kind", ["path", "stream", "break", "folder"])
@pytest.mark.measures_time
async def test_an_abandoned_download_leaves_no_task_file_or_socket(kind: str, tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a fast look
    with file_host(Step(after=HALF, fault="stall")) as server:
        async with client_of(server) as client:
            with anyio.move_on_after(30 if kind == "break" else 0.3) as scope:
                if kind == "path":
                    await client.images.download_archive(archive(server), to=tmp_path / "a.zip")
                elif kind == "folder":
                    await client.images.download_archive(archive(server), to=tmp_path / "new/a", extract=True)
                else:
                    async with client.images.download_archive(archive(server)) as stream:
                        async for _ in stream:
                            if kind == "break":
                                break
            assert scope.cancelled_caught == (kind != "break")
            assert client.stats().in_flight == 0
            assert asyncio.all_tasks() == before
    assert names_in(tmp_path) == []
    assert len(os.listdir("/proc/self/fd")) <= descriptors  # noqa: PTH208 - a fast look


@pytest.mark.parametrize("kind", ["path", "folder"])
async def test_a_download_cancelled_at_any_time_leaves_no_open_or_partial_file(
    kind: str, tmp_path: Path
) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive_file:
        for number in range(5):
            archive_file.writestr(f"{number}.png", b"x" * 1000)
    with raw_server(always(answer(200, content.getvalue()))) as server:
        async with client_of(server) as client:
            await client.images.download_archive(archive(server), to=tmp_path / "first")
            (tmp_path / "first").unlink()
            descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a fast look
            for step in range(60):
                target = tmp_path / f"{step}"
                task = asyncio.create_task(
                    client.images.download_archive(archive(server), to=target, extract=True)
                    if kind == "folder"
                    else client.images.download_archive(archive(server), to=target)
                )
                await asyncio.sleep(step * 0.0002)
                for _ in range(step % 7):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                left = [name for name in names_in(tmp_path) if ".imgwire" in name]
                assert left == [], step
                if target.exists():
                    assert target.is_file() or len(names_in(target)) == 5, step
    await until(lambda: len(os.listdir("/proc/self/fd")) <= descriptors)  # noqa: PTH208 - a fast look


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(HANGS):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await anyio.sleep(0.01)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_both_event_loops_resume_and_stream(backend: str, tmp_path: Path) -> None:
    async def main() -> None:
        with file_host(Step(after=HALF), Step()) as server:
            async with without_waits(client_of(server)) as client:
                assert await to_stream(client, server) == CONTENT
                assert await to_path(client, server, tmp_path) == CONTENT
                with pytest.raises(KeyError):
                    async with client.images.download_archive(archive(server)) as stream:
                        raise KeyError(stream.size)

    anyio.run(main, backend=backend)
