"""Hooks, sources, providers and iterables that await something cancelled, while the call is not cancelled.

Such a call ends with an error that says so. It neither succeeds nor hangs.
"""

from __future__ import annotations

import asyncio
import contextvars
import io
from collections import UserDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import anyio
import httpx
import pytest

from imgwire_async import (
    AsyncImgwireClient,
    DownloadTargetError,
    Failed,
    Image,
    InvalidArgumentError,
    Stored,
    UnexpectedCancellationError,
    UploadItem,
    UploadSourceError,
)
from imgwire_async.errors import ImgwireError
from imgwire_async.imgwire import sink as sink_module
from imgwire_async.imgwire.sink import ImgwireSink
from imgwire_async.ingest.sink import StoredImage, Upload
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.hangs import HANGS

PHOTO = Path(str(files("skimage") / "data" / "rocket.jpg"))
SIZE = PHOTO.stat().st_size

ON_ASYNCIO = pytest.mark.parametrize("use_uvloop", [False, True], ids=["asyncio", "uvloop"])


async def cancelled(*_: object) -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


def run(use_uvloop: bool, scenario: Callable[[], Awaitable[None]]) -> None:
    async def within_seconds() -> None:
        with anyio.fail_after(HANGS):
            await scenario()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    anyio.run(within_seconds, backend="asyncio", backend_options={"use_uvloop": use_uvloop})


class From:
    """A hook that fails from its nth call on."""

    def __init__(self, call: int) -> None:
        self.call = call
        self.calls = 0

    async def __call__(self, _: object) -> None:
        self.calls += 1
        if self.calls >= self.call:
            await cancelled()


async def pieces() -> AsyncIterator[bytes]:
    content = PHOTO.read_bytes()  # noqa: ASYNC240
    yield content[:70_000]
    await cancelled()
    yield content[70_000:]


def sync_pieces() -> Iterator[bytes]:
    content = PHOTO.read_bytes()
    yield content[:70_000]
    raise asyncio.CancelledError


class AsyncFile:
    """An async binary file whose reads, from the second on, are cancelled."""

    name = "a.jpg"
    reads = 0

    async def read(self, size: int = -1) -> bytes:
        self.reads += 1
        if self.reads > 1:
            await cancelled()
        return PHOTO.read_bytes()[:size]  # noqa: ASYNC240


SOURCES: list[Callable[[], dict[str, Any]]] = [
    lambda: {"file": pieces()},
    lambda: {"file": pieces(), "size": SIZE},
    lambda: {"file": pieces, "size": SIZE},
    lambda: {"file": pieces, "size": SIZE, "hash_sha256": True},
    lambda: {"file": sync_pieces()},
    lambda: {"file": sync_pieces(), "size": SIZE},
    lambda: {"file": AsyncFile(), "size": SIZE},
]
SOURCE_IDS = ["spooled", "sized", "function", "hashed", "sync", "sync sized", "async file"]


@ON_ASYNCIO
@pytest.mark.parametrize("source", SOURCES, ids=SOURCE_IDS)
def test_an_upload_whose_source_was_cancelled_fails(
    sandbox: Sandbox, use_uvloop: bool, source: Callable[[], dict[str, Any]]
) -> None:
    async def scenario() -> None:
        async with client_of(sandbox) as client:
            with pytest.raises(UploadSourceError) as raised:
                await client.images.upload(**source())
            assert isinstance(raised.value.__cause__, asyncio.CancelledError)
            assert client.stats().in_flight == 0

    run(use_uvloop, scenario)


@ON_ASYNCIO
@pytest.mark.parametrize("call", [1, 2])
def test_an_upload_whose_progress_hook_was_cancelled_fails(
    sandbox: Sandbox, use_uvloop: bool, call: int
) -> None:
    async def scenario() -> None:
        async with client_of(sandbox) as client:
            with pytest.raises(UnexpectedCancellationError, match="on_progress"):
                await client.images.upload(PHOTO, on_progress=From(call))

    run(use_uvloop, scenario)


@ON_ASYNCIO
def test_an_upload_whose_progress_hook_cancels_its_own_task_fails(sandbox: Sandbox, use_uvloop: bool) -> None:
    def cancel_task(_: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    async def scenario() -> None:
        async with client_of(sandbox) as client:
            with pytest.raises(UnexpectedCancellationError):
                await client.images.upload(PHOTO, on_progress=cancel_task)

    run(use_uvloop, scenario)


async def get_list(client: AsyncImgwireClient) -> None:
    await client.images.list(limit=1)


async def iterate(client: AsyncImgwireClient) -> None:
    async for _ in client.images.list(limit=1):
        pass


async def iterate_ahead(client: AsyncImgwireClient) -> None:
    async for _ in client.images.list(limit=1, prefetch=3):
        pass


async def download_to_file(client: AsyncImgwireClient) -> None:
    image = (await client.images.list()).data[0]
    await client.images.download(image, to="photo.jpg")


async def download_stream(client: AsyncImgwireClient) -> None:
    image = (await client.images.list()).data[0]
    async with client.images.download(image) as stream:
        async for _ in stream:
            pass


async def wait_until_ready(client: AsyncImgwireClient) -> None:
    image = (await client.images.list()).data[0]
    await client.images.wait_until_ready(image.id)


CALLS = [get_list, iterate, iterate_ahead, download_to_file, download_stream, wait_until_ready]
IN_EVERY_CALL = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)


@ON_ASYNCIO
@IN_EVERY_CALL
@pytest.mark.parametrize("hook", ["on_request", "on_response"])
def test_a_call_whose_hook_was_cancelled_fails(
    sandbox: Sandbox,
    use_uvloop: bool,
    call: Callable[[AsyncImgwireClient], Coroutine[None, None, None]],
    hook: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)

    async def scenario() -> None:
        async with client_of(sandbox) as client:
            for _ in range(4):
                await client.images.wait_until_ready((await client.images.upload(PHOTO)).id)
        first = 1 if call is get_list else 2
        async with client_of(sandbox, **{hook: From(first)}) as client:
            with pytest.raises(UnexpectedCancellationError, match=hook):
                await call(client)
            assert client.stats().in_flight == 0

    run(use_uvloop, scenario)
    assert list(tmp_path.iterdir()) == []


class AsyncTarget:
    async def write(self, data: bytes) -> int:
        await cancelled()
        return len(data)


@ON_ASYNCIO
def test_a_download_whose_target_was_cancelled_fails(sandbox: Sandbox, use_uvloop: bool) -> None:
    async def scenario() -> None:
        async with client_of(sandbox) as client:
            image = await client.images.wait_until_ready((await client.images.upload(PHOTO)).id)
            with pytest.raises(DownloadTargetError):
                await client.images.download(image, to=AsyncTarget())

    run(use_uvloop, scenario)


@ON_ASYNCIO
def test_a_retry_whose_hook_was_cancelled_fails(sandbox: Sandbox, use_uvloop: bool) -> None:
    sandbox.faults.once("images.list", status=503)

    async def scenario() -> None:
        async with client_of(sandbox, on_retry=cancelled) as client:
            with pytest.raises(UnexpectedCancellationError, match="on_retry"):
                await client.images.list()

    run(use_uvloop, scenario)


@ON_ASYNCIO
@IN_EVERY_CALL
def test_a_call_whose_key_provider_was_cancelled_fails(
    sandbox: Sandbox, use_uvloop: bool, call: Callable[[AsyncImgwireClient], Coroutine[None, None, None]]
) -> None:
    async def provider() -> str:
        await cancelled()
        return ""

    async def scenario() -> None:
        async with client_of(sandbox, api_key=provider) as client:
            with pytest.raises(UnexpectedCancellationError, match="API key"):
                await call(client)

    run(use_uvloop, scenario)


async def outcomes_of(client: AsyncImgwireClient, items: Any) -> list[ImgwireError | None]:
    async with client.images.upload_many(items, concurrency=4) as outcomes:
        return [outcome.error async for outcome in outcomes]


@ON_ASYNCIO
def test_a_cancelled_source_among_many_fails_alone(sandbox: Sandbox, use_uvloop: bool) -> None:
    async def scenario() -> None:
        async with client_of(sandbox) as client:
            errors = await outcomes_of(client, [PHOTO] * 20 + [pieces()] + [PHOTO] * 20)
        assert [type(error) for error in errors if error is not None] == [UploadSourceError]
        assert len(errors) == 41

    run(use_uvloop, scenario)


@ON_ASYNCIO
def test_every_upload_among_many_whose_hook_was_cancelled_fails(sandbox: Sandbox, use_uvloop: bool) -> None:
    async def scenario() -> None:
        async with client_of(sandbox, on_request=From(5)) as client:
            errors = await outcomes_of(client, [PHOTO] * 10)
        assert len(errors) == 10
        assert {type(error) for error in errors if error is not None} == {UnexpectedCancellationError}

    run(use_uvloop, scenario)


@ON_ASYNCIO
def test_many_uploads_of_a_cancelled_iterable_end_with_an_error_after_their_outcomes(
    sandbox: Sandbox, use_uvloop: bool
) -> None:
    async def items() -> AsyncIterator[Path]:
        for _ in range(3):
            yield PHOTO
        await cancelled()

    async def scenario() -> None:
        taken: list[object] = []

        async def take(client: AsyncImgwireClient) -> None:
            async with client.images.upload_many(items()) as outcomes:
                while True:
                    taken.append(await anext(outcomes))

        async with client_of(sandbox) as client:
            with pytest.raises(UnexpectedCancellationError, match="iterable of items"):
                await take(client)
        assert len(taken) == 3

    run(use_uvloop, scenario)


@ON_ASYNCIO
def test_a_job_whose_source_was_cancelled_ends_with_an_error_after_its_outcomes(
    sandbox: Sandbox, use_uvloop: bool
) -> None:
    async def items() -> AsyncIterator[Path]:
        yield PHOTO
        await cancelled()

    async def scenario() -> None:
        taken: list[object] = []

        async def take(client: AsyncImgwireClient) -> None:
            async with client.ingest(items()) as job:
                while True:
                    taken.append(await anext(job))

        async with client_of(sandbox) as client:
            with pytest.raises(UnexpectedCancellationError, match="source of the job"):
                await take(client)
        assert len(taken) == 1

    run(use_uvloop, scenario)


@ON_ASYNCIO
def test_items_of_a_job_whose_hook_was_cancelled_fail(sandbox: Sandbox, use_uvloop: bool) -> None:
    async def scenario() -> None:
        async with client_of(sandbox, on_request=From(1)) as client, client.ingest([PHOTO]) as job:
            outcomes = [outcome async for outcome in job]
        assert [type(cast(Any, outcome).error) for outcome in outcomes] == [UnexpectedCancellationError]

    run(use_uvloop, scenario)


@ON_ASYNCIO
@pytest.mark.parametrize("block", ["upload_many", "ingest", "download"])
def test_a_block_whose_own_task_was_cancelled_by_other_code_ends_with_an_error(
    sandbox: Sandbox, use_uvloop: bool, block: str
) -> None:
    """For example by a program that cancels all tasks except the current one."""
    sandbox.faults.always("cdn.get", slow=SIZE)

    async def items() -> AsyncIterator[Path]:
        yield PHOTO
        await asyncio.sleep(3600)

    async def use(client: AsyncImgwireClient) -> None:
        image = await client.images.wait_until_ready((await client.images.upload(PHOTO)).id)
        blocks: dict[str, Any] = {
            "upload_many": client.images.upload_many(items()),
            "ingest": client.ingest(items()),
            "download": client.images.download(image),
        }
        async with blocks[block] as taken:
            await anext(taken)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            async for _ in taken:
                pass

    async def scenario() -> None:
        async with client_of(sandbox) as client:
            with pytest.raises(ImgwireError):
                await use(client)
            await client.health()

    run(use_uvloop, scenario)


class CancelledMetadata(dict[str, int]):
    """Metadata whose values raise a cancellation."""

    def items(self) -> Any:
        raise asyncio.CancelledError


def test_one_item_of_many_whose_values_raise_a_cancellation_fails_alone(sandbox: Sandbox) -> None:
    async def scenario() -> None:
        odd = UploadItem(PHOTO, custom_metadata=CancelledMetadata(a=1))
        async with client_of(sandbox) as client, client.images.upload_many([odd, PHOTO]) as outcomes:
            errors = {id(outcome.item): outcome.error async for outcome in outcomes}
        assert errors[id(PHOTO)] is None
        error = errors[id(odd)]
        assert isinstance(error, InvalidArgumentError)
        assert isinstance(error.__cause__, asyncio.CancelledError)

    run(False, scenario)


@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit(), ValueError("broken")], ids=repr)
async def test_unreadable_values_are_invalid_in_every_call(
    client: AsyncImgwireClient, error: BaseException
) -> None:
    class Odd(UserDict[str, Any]):
        def __iter__(self) -> Iterator[str]:
            raise error

    images, odd = client.images, Odd(a=1)
    for call in (
        images.upload(PHOTO, custom_metadata=odd),
        images.create(file_name="a.jpg", custom_metadata=odd),
        images.upload_via_url("https://example.com/a.jpg", custom_metadata=odd),
    ):
        with pytest.raises(InvalidArgumentError, match="custom_metadata cannot be read") as raised:
            await call
        assert raised.value.__cause__ is error


@pytest.mark.parametrize("hook", ["on_request", "on_response", "on_retry", "on_call"])
async def test_a_hook_that_raises_generator_exit_ends_its_call_only(sandbox: Sandbox, hook: str) -> None:
    calls = 0

    def fail(_: object) -> AbstractContextManager[None]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise GeneratorExit
        return nullcontext()

    sandbox.faults.once("images.create", status=503)
    options: dict[str, Any] = {hook: fail}
    async with client_of(sandbox, **options) as client, client.images.upload_many([PHOTO] * 2) as outcomes:
        errors = [type(outcome.error).__name__ async for outcome in outcomes]
    assert sorted(errors) == ["NoneType", "UnexpectedCancellationError"]


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_source_that_raises_generator_exit_ends_the_job_after_its_items(
    client: AsyncImgwireClient, is_async: bool
) -> None:
    def items() -> Iterator[Path]:
        yield PHOTO
        raise GeneratorExit

    async def async_items() -> AsyncIterator[Path]:
        yield PHOTO
        raise GeneratorExit

    taken = []
    with pytest.raises(UnexpectedCancellationError, match="raised GeneratorExit"):  # noqa: PT012 - the iteration raises
        async with client.ingest(async_items() if is_async else items(), journal=None) as job:
            async for outcome in job:
                taken.append(type(outcome))  # noqa: PERF401 - it raises
    assert taken == [Stored]


class CancelledSink:
    """A sink whose code awaits something that was cancelled."""

    def __init__(self, inner: ImgwireSink) -> None:
        self._inner = inner
        self.destination = inner.destination

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def store(self, upload: Upload, *, seconds: float | None) -> StoredImage[Image]:
        if upload.file_name == "chelsea.png":
            await cancelled()
        return await self._inner.store(upload, seconds=seconds)


def test_one_item_of_a_job_whose_sink_was_cancelled_fails_alone(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "open_sink", lambda core: CancelledSink(ImgwireSink(core)))

    async def scenario() -> None:
        async with (
            client_of(sandbox) as client,
            client.ingest([PHOTO, PHOTO.with_name("chelsea.png")]) as job,
        ):
            outcomes = [outcome async for outcome in job]
        assert {type(outcome) for outcome in outcomes} == {Stored, Failed}
        assert job.report.failed == 1

    run(False, scenario)


@ON_ASYNCIO
def test_a_cancelled_request_of_a_custom_client_is_an_error(sandbox: Sandbox, use_uvloop: bool) -> None:
    async def scenario() -> None:
        async with (
            httpx.AsyncClient(event_hooks={"request": [cancelled]}) as http_client,
            client_of(sandbox, http_client=http_client) as client,
        ):
            with pytest.raises(UnexpectedCancellationError, match="HTTP client"):
                await client.images.list()
            errors = await outcomes_of(client, [PHOTO])
            assert [type(error) for error in errors] == [UnexpectedCancellationError]

    run(use_uvloop, scenario)


class LastStep(httpx.AsyncByteStream):
    """A body whose reading and closing await something that was cancelled."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"["
        await cancelled()

    async def aclose(self) -> None:
        await cancelled()


def test_a_response_whose_closing_was_cancelled_is_an_error(sandbox: Sandbox) -> None:
    async def respond(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=LastStep())

    async def scenario() -> None:
        async with (
            httpx.AsyncClient(transport=httpx.MockTransport(respond)) as http_client,
            client_of(sandbox, http_client=http_client) as client,
        ):
            with pytest.raises(UnexpectedCancellationError, match="HTTP client"):
                await client.images.list()
            async with client.ingest([PHOTO]) as job:
                outcomes = [outcome async for outcome in job]
            assert [type(cast(Any, outcome).error) for outcome in outcomes] == [UnexpectedCancellationError]

    run(False, scenario)


@contextmanager
def fails_on_entry(event: object) -> Iterator[None]:
    if event is not None:
        raise asyncio.CancelledError
    yield


@contextmanager
def fails_on_exit(_: object) -> Iterator[None]:
    yield
    raise asyncio.CancelledError


def fails_at_once(_: object) -> AbstractContextManager[None]:
    raise asyncio.CancelledError


@pytest.mark.parametrize("hook", [fails_at_once, fails_on_entry, fails_on_exit])
@pytest.mark.parametrize("deadline", [None, 60.0])
def test_a_cancelled_on_call_hook_is_an_error(sandbox: Sandbox, hook: Any, deadline: float | None) -> None:
    async def scenario() -> None:
        async with client_of(sandbox, on_call=hook, deadline=deadline) as client:
            with pytest.raises(UnexpectedCancellationError, match="on_call hook"):
                await client.images.list()
            assert [type(error) for error in await outcomes_of(client, [PHOTO])] == [
                UnexpectedCancellationError
            ]
            async with client.ingest([PHOTO]) as job:
                outcomes = [outcome async for outcome in job]
            assert [type(cast(Any, outcome).error) for outcome in outcomes] == [UnexpectedCancellationError]
            assert client.stats().in_flight == 0

    run(False, scenario)


class NamelessFile(io.BytesIO):
    """A file whose `name` raises."""

    @property
    def name(self) -> str:
        raise asyncio.CancelledError


class SyncTarget(io.BytesIO):
    def write(self, _: object) -> int:
        raise asyncio.CancelledError


def test_a_cancellation_raised_by_a_file_of_the_user_is_an_error(sandbox: Sandbox) -> None:
    content = PHOTO.read_bytes()

    async def scenario() -> None:
        async with client_of(sandbox) as client:
            with pytest.raises(UploadSourceError):
                await client.images.upload(NamelessFile(content))
            image = await client.images.upload(PHOTO, wait=True)
            with pytest.raises(DownloadTargetError):
                await client.images.download(image, to=SyncTarget())

    run(False, scenario)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_hooks_see_the_context_of_the_caller(sandbox: Sandbox, backend: str) -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    def note(_: object) -> None:
        seen.append(variable.get())

    async def scenario() -> None:
        variable.set("set")
        async with client_of(sandbox, on_request=note) as client:
            image = await client.images.upload(PHOTO, on_progress=note)
            await outcomes_of(client, [PHOTO])
            async with client.ingest([PHOTO]) as job:
                assert [type(outcome).__name__ async for outcome in job] == ["Stored"]
            async with client.images.download(await client.images.wait_until_ready(image.id)) as stream:
                assert [chunk async for chunk in stream]

    anyio.run(scenario, backend=backend)
    assert len(seen) > 8
    assert set(seen) == {"set"}
