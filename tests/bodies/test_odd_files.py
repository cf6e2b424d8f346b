"""Files with an unusual `read`: short reads, no size argument, compressed, inside an archive."""

# ruff: noqa: SIM115 - these tests close what they open
from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import random
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgwire_async import UploadItem, UploadSourceError
from imgwire_async.sandbox import Sandbox
from tests.bodies.running import BACKENDS, run
from tests.clients import client_of

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + random.Random(5).randbytes(8_000)


class ShortReads(io.BytesIO):
    """Returns a few bytes at a time, as a raw file may."""

    def __init__(self, most: int) -> None:
        super().__init__(JPEG)
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._most if size is None or size < 0 else min(size, self._most))


class Whole:
    """A file whose `read` takes no size."""

    name = "/photos/whole.jpg"

    def __init__(self, content: bytes = JPEG) -> None:
        self._content = content

    def read(self) -> bytes:
        content, self._content = self._content, b""
        return content


class AsyncWhole(Whole):
    async def read(self) -> bytes:  # type: ignore[override]
        return super().read()


class KeywordOnly(Whole):
    def read(self, *, size: int | None = None) -> bytes:  # noqa: ARG002 - the interface
        return super().read()


class Endless(Whole):
    """Returns the whole content on every read."""

    def read(self) -> bytes:
        return self._content

    def tell(self) -> int:
        return 0

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002 - the interface
        return 0


def in_zip(folder: Path) -> Any:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("holiday/beach.jpg", JPEG)
    return zipfile.ZipFile(folder / "a.zip").open("holiday/beach.jpg")


def in_tar(folder: Path) -> Any:
    (folder / "beach.jpg").write_bytes(JPEG)
    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        archive.add(folder / "beach.jpg", "holiday/beach.jpg")
    return tarfile.open(folder / "a.tar.gz").extractfile("holiday/beach.jpg")


def in_members(folder: Path) -> Any:
    (folder / "beach.jpg.gz").write_bytes(gzip.compress(JPEG[:5]) + gzip.compress(JPEG[5:]))
    return gzip.open(folder / "beach.jpg.gz")


MAKERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a byte at a time": (lambda _: ShortReads(1), "image.jpg"),
    "some bytes at a time": (lambda _: ShortReads(100), "image.jpg"),
    "without a size": (lambda _: Whole(), "whole.jpg"),
    "async, without a size": (lambda _: AsyncWhole(), "whole.jpg"),
    "a size by name": (lambda _: KeywordOnly(), "whole.jpg"),
    "always everything": (lambda _: Endless(), "whole.jpg"),
    "in a zip archive": (in_zip, "beach.jpg"),
    "in a tar archive": (in_tar, "image.jpg" if sys.version_info < (3, 12) else "beach.jpg"),
    "gzip of two members": (in_members, "beach.jpg"),
    "bz2": (lambda _: bz2.open(io.BytesIO(bz2.compress(JPEG))), "image.jpg"),
    "lzma": (lambda _: lzma.open(io.BytesIO(lzma.compress(JPEG))), "image.jpg"),
}


@BACKENDS
@pytest.mark.parametrize("what", MAKERS)
@pytest.mark.parametrize("size", [None, len(JPEG)])
def test_every_byte_is_stored_and_the_type_is_reported(
    sandbox: Sandbox, tmp_path: Path, what: str, size: int | None, backend: str
) -> None:
    make, name = MAKERS[what]

    async def main() -> None:
        async with client_of(sandbox) as client:
            file = make(tmp_path)
            image = await client.images.upload(file, size=size)
            stored = await client.images.retrieve(image.id)
            if hasattr(file, "close"):
                file.close()
        assert stored.hash_sha256 == hashlib.sha256(JPEG).hexdigest()
        assert stored.mime_type == "image/jpeg"
        assert stored.original_filename == name

    run(main, backend)


async def test_an_empty_file_without_a_size_is_rejected(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        with pytest.raises(UploadSourceError, match="empty"):
            await client.images.upload(Whole(b""))
        with pytest.raises(UploadSourceError, match="size=3 is wrong"):
            await client.images.upload(Whole(), size=3)


async def test_many_unusual_files_can_be_uploaded_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    files = [make(tmp_path) for make, _ in MAKERS.values()]
    async with (
        client_of(sandbox) as client,
        client.images.upload_many([UploadItem(file) for file in files]) as outcomes,
    ):
        assert [outcome.error async for outcome in outcomes] == [None] * len(files)
    for file in files:
        if hasattr(file, "close"):
            file.close()


async def test_members_of_one_archive_take_turns(sandbox: Sandbox, tmp_path: Path) -> None:
    contents = [JPEG + bytes([number]) * 1_500_000 for number in range(3)]
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for number, content in enumerate(contents):
            member = tarfile.TarInfo(f"{number}.jpg")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

    with tarfile.open(tmp_path / "a.tar") as archive:
        files = [archive.extractfile(f"{number}.jpg") for number in range(3)]
        async with (
            client_of(sandbox) as client,
            client.images.upload_many([file for file in files if file is not None]) as outcomes,
        ):
            stored = [
                (await client.images.retrieve(outcome.image.id)).hash_sha256
                async for outcome in outcomes
                if outcome.image
            ]

    assert sorted(stored, key=str) == sorted(hashlib.sha256(content).hexdigest() for content in contents)
