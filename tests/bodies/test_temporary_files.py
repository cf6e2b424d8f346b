"""A disk that fills up under the temporary file of a source, at any moment."""

from __future__ import annotations

import errno
import resource
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from imgwire_async import AsyncImgwireClient, UploadSourceError
from imgwire_async.bodies.base import CHUNK_SIZE
from imgwire_async.sandbox import Sandbox
from tests.bodies.running import BACKENDS, run
from tests.clients import client_of

LIMIT = CHUNK_SIZE + 100_000
"""Bytes for which there is room; the file is on disk by then."""


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file can grow beyond `LIMIT` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


async def pieces(total: int) -> AsyncIterator[bytes]:
    for start in range(0, total, 1000):
        yield bytes(min(1000, total - start))


@pytest.mark.usefixtures("little_room")
@BACKENDS
@pytest.mark.parametrize("beyond", [3000, 200_000])
@pytest.mark.parametrize("options", [{}, {"size": True, "hash_sha256": True}])
def test_a_full_disk_is_the_sources_failure_however_late_it_shows(
    beyond: int, options: dict[str, Any], backend: str
) -> None:
    total = LIMIT + beyond
    arguments: Any = options | ({"size": total} if options else {})

    async def main() -> None:
        # A sandbox in this process would have no room for its database either.
        async with AsyncImgwireClient("sk_test", base_url="http://127.0.0.1:9") as client:
            with pytest.raises(UploadSourceError, match="cannot write a temporary file") as caught:
                await client.images.upload(pieces(total), mime_type="image/png", **arguments)
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno == errno.EFBIG

    run(main, backend)


class FailingFile(tempfile.SpooledTemporaryFile[bytes]):
    """Fails with one of its operations, as a network file system may."""

    failing = ""

    def _fail(self, operation: str) -> None:
        if operation == self.failing:
            raise OSError(errno.ENOSPC, "No space left on device")

    def write(self, content: Any) -> int:
        self._fail("write")
        return super().write(content)

    def flush(self) -> None:
        self._fail("flush")
        super().flush()

    def seek(self, *arguments: int) -> int:
        self._fail("seek")
        return super().seek(*arguments)

    def read(self, *arguments: int) -> bytes:
        self._fail("read")
        return super().read(*arguments)

    def close(self) -> None:
        super().close()
        self._fail("close")


@pytest.mark.parametrize(
    ("failing", "problem"),
    [
        ("write", "cannot write a temporary file: No space left on device"),
        ("flush", "cannot write a temporary file: No space left on device"),
        ("seek", "cannot write a temporary file: No space left on device"),
        ("read", "cannot read the file: .*No space left on device"),
        ("close", None),  # the bytes are there by then
    ],
)
def test_every_operation_on_a_temporary_file_fails_with_the_same_class(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, failing: str, problem: str | None
) -> None:
    made: list[FailingFile] = []

    def make(**options: Any) -> FailingFile:
        made.append(FailingFile(**options))
        made[-1].failing = failing
        return made[-1]

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", make)

    async def main() -> None:
        async with client_of(sandbox) as client:
            upload: Callable[[], Any] = lambda: client.images.upload(pieces(3000), mime_type="image/png")  # noqa: E731
            if problem is None:
                await upload()
            else:
                with pytest.raises(UploadSourceError, match=problem):
                    await upload()

    run(main, "asyncio")
    assert [file.closed for file in made] == [True]


def test_no_folder_for_temporary_files_is_the_sources_failure(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")

    async def main() -> None:
        async with client_of(sandbox) as client:
            with pytest.raises(UploadSourceError, match="cannot write a temporary file: No such file"):
                await client.images.upload(pieces(2 * CHUNK_SIZE), mime_type="image/png")

    run(main, "asyncio")
