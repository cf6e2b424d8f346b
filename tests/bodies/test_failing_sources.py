"""An exception raised by a caller's source ends only its own upload, and is the cause of the error."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imgwire_async import AsyncImgwireClient, UploadItem, UploadSourceError
from imgwire_async.sandbox import Sandbox
from tests.bodies.running import BACKENDS, run
from tests.clients import client_of

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00".ljust(10_000, b"\0")


class OwnError(Exception):
    """An exception that the SDK does not know."""


def generator(error: BaseException, before: bytes) -> Iterator[bytes]:
    if before:
        yield before
    raise error


async def async_generator(error: BaseException, before: bytes) -> AsyncIterator[bytes]:
    if before:
        yield before
    raise error


class FailingIterator:
    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        raise self._error


class FailingFile:
    name = "photo.jpg"

    def __init__(self, error: BaseException, before: bytes) -> None:
        self._error = error
        self._before = before

    def read(self, size: int) -> bytes:  # noqa: ARG002 - the interface
        piece, self._before = self._before, b""
        if piece:
            return piece
        raise self._error


class FailingAsyncFile(FailingFile):
    async def read(self, size: int) -> bytes:  # type: ignore[override]
        return super().read(size)


class FailingSeek(io.BytesIO):
    """Can seek to its end, but not back to the start."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(JPEG)
        self._error = error

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == io.SEEK_END:
            return super().seek(offset, whence)
        raise self._error


class FailingAttributes:
    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._error


class FailingPath(os.PathLike[str]):
    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __fspath__(self) -> str:
        raise self._error


class Abandoned(BaseException):
    """Not an `Exception`, like the classes that some libraries use to stop all work."""


class FailingClose:
    """A generator that fails when it is closed early."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __call__(self) -> Iterator[bytes]:
        try:
            yield b"no image" * 1000
            yield b"more"
        finally:
            raise self._error


def calling(error: BaseException) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


MAKERS: dict[str, Callable[[BaseException], Any]] = {
    "a generator at once": lambda error: generator(error, b""),
    "a generator later": lambda error: generator(error, JPEG),
    "a generator while it is sent": lambda error: UploadItem(generator(error, JPEG), size=500_000),
    "an async generator at once": lambda error: async_generator(error, b""),
    "an async generator later": lambda error: async_generator(error, JPEG),
    "an async generator while it is sent": lambda e: UploadItem(async_generator(e, JPEG), size=500_000),
    "the call of a function": calling,
    "what a function returns": lambda error: lambda: generator(error, JPEG),
    "what is sent of a function": lambda error: UploadItem(lambda: generator(error, JPEG), size=500_000),
    "iterating": FailingIterator,
    "a file at once": lambda error: FailingFile(error, b""),
    "a file later": lambda error: FailingFile(error, JPEG),
    "an async file at once": lambda error: FailingAsyncFile(error, b""),
    "an async file later": lambda error: FailingAsyncFile(error, JPEG),
    "a file that does not go back": FailingSeek,
    "attributes": FailingAttributes,
    "a path": FailingPath,
    "closing": lambda error: UploadItem(FailingClose(error)(), size=8004),
}

ERRORS = [
    OwnError("a mistake of the caller's"),
    ValueError("a mistake of the caller's"),
    OSError(5, "a mistake of the caller's"),
    StopIteration("a mistake of the caller's"),
    ExceptionGroup("a mistake of the caller's", [OwnError()]),
    GeneratorExit("a mistake of the caller's"),
    Abandoned("a mistake of the caller's"),
    BaseExceptionGroup("a mistake of the caller's", [Abandoned()]),
]


@BACKENDS
@pytest.mark.parametrize("what", MAKERS)
def test_an_exception_of_a_source_becomes_its_outcome_and_the_rest_is_stored(
    sandbox: Sandbox, photo: Path, backend: str, what: str
) -> None:
    # Elsewhere Python turns a StopIteration into the end of the iteration or into a RuntimeError.
    plain = what in {"a file at once", "a file later", "a file that does not go back", "attributes", "a path"}
    errors = [error for error in ERRORS if plain or not isinstance(error, StopIteration)]

    async def main() -> None:
        items: list[Any] = [photo]
        for error in errors:
            items += [MAKERS[what](error), photo]
        async with (
            client_of(sandbox) as client,
            client.images.upload_many(items, concurrency=4) as outcomes,
        ):
            taken = [outcome async for outcome in outcomes]
            stored = [outcome for outcome in taken if outcome.error is None]
            assert len(taken) == len(items)
            assert {outcome.item for outcome in stored} == {photo}
            failed = [outcome.error for outcome in taken if outcome.error is not None]
            assert {type(error) for error in failed} == {UploadSourceError}
            assert {id(error.__cause__) for error in failed} == {id(error) for error in errors}
            for outcome in stored:
                assert outcome.image is not None
                assert (await client.images.wait_until_ready(outcome.image.id)).status == "READY"

    run(main, backend)


async def test_a_single_upload_has_the_exception_as_its_cause(client: AsyncImgwireClient) -> None:
    with pytest.raises(UploadSourceError, match="the iterator failed: OwnError: what") as caught:
        await client.images.upload(generator(OwnError("what"), JPEG))

    assert isinstance(caught.value.__cause__, OwnError)


class ClosedResource:
    """A resource whose `open` returns None."""

    name = "photo.jpg"

    def open(self, mode: str) -> None: ...

    def read_bytes(self) -> bytes:
        return JPEG


async def test_a_closed_resource_fails_alone(client: AsyncImgwireClient) -> None:
    items: list[Any] = [ClosedResource(), JPEG]
    async with client.images.upload_many([UploadItem(item, file_name="a.jpg") for item in items]) as many:
        errors = [outcome.error async for outcome in many]
    assert sorted(type(error).__name__ for error in errors) == ["NoneType", "UploadSourceError"]


def test_a_keyboard_interrupt_is_not_a_failure_of_the_source(sandbox: Sandbox) -> None:
    class Interrupted:
        async def read(self, size: int) -> bytes:  # noqa: ARG002 - the interface
            raise KeyboardInterrupt

    async def main() -> None:
        async with client_of(sandbox) as client:
            await client.images.upload(Interrupted())

    with pytest.raises(KeyboardInterrupt):
        run(main, "trio")


@BACKENDS
def test_a_failing_iterable_ends_the_iteration_after_the_uploads_in_flight(
    sandbox: Sandbox, photo: Path, backend: str
) -> None:
    class Items:
        def __init__(self) -> None:
            self._left = 3

        def __iter__(self) -> Items:
            return self

        def __next__(self) -> Path:
            self._left -= 1
            if self._left < 0:
                raise OwnError("no more")
            return photo

    async def main() -> None:
        taken = []
        async with client_of(sandbox) as client:
            with pytest.raises(OwnError, match="no more"):  # noqa: PT012 - the iteration raises
                async with client.images.upload_many(Items(), concurrency=8) as outcomes:
                    async for outcome in outcomes:
                        taken.append(outcome)  # noqa: PERF401 - kept when it raises
            assert [outcome.error for outcome in taken] == [None, None, None]
            for outcome in taken:
                assert outcome.image is not None
                await client.images.wait_until_ready(outcome.image.id)

    run(main, backend)
