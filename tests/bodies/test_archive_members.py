"""Files inside zip and tar archives as sources."""

from __future__ import annotations

import io
import random
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from imgwire_async import AsyncImgwireClient, UploadItem
from imgwire_async.bodies.base import CHUNK_SIZE
from imgwire_async.bodies.sources import open_source
from imgwire_async.core.body import SourceFailedError
from imgwire_async.errors import UploadSourceError
from tests.bodies.test_sources import content_of, read
from tests.ingest.support import small_image

LONG = "folder/" * 20 + "a very long name of a picture " * 3 + ".png"
NAMES = ["photos/a.png", "ü 写真.png", LONG, "empty/../b.png"]
PICTURES = {
    name: bytes([number]) + random.Random(number).randbytes(CHUNK_SIZE + number * 1000)
    for number, name in enumerate(NAMES)
}


def zipped(path: Path, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipFile:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in PICTURES.items():
            archive.writestr(name, content)
    return zipfile.ZipFile(path)


def tarred(path: Path, mode: str = "w", form: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, mode, format=form) as archive:  # type: ignore[call-overload]
        for name, content in PICTURES.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def member(archive: tarfile.TarFile, name: str) -> Any:
    return archive.extractfile(name)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", NAMES)
async def test_a_member_of_a_zip_archive_has_its_name_and_can_be_sent_again(
    method: int, name: str, tmp_path: Path
) -> None:
    with zipped(tmp_path / "a.zip", method) as archive, archive.open(name) as file:
        assert await content_of(file) == PICTURES[name]
        async with open_source(file) as source:
            assert source.file_name == name.rpartition("/")[2]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", ["disk", "memory"])
async def test_a_member_of_a_tar_archive_has_its_own_name_and_can_be_sent_again(
    form: int, name: str, where: str, tmp_path: Path
) -> None:
    path = tarred(tmp_path / "archive.tar", form=form)
    source_file = io.BytesIO(path.read_bytes()) if where == "memory" else None
    with tarfile.open(path if source_file is None else None, fileobj=source_file) as archive:
        file = member(archive, name)
        assert await content_of(file) == PICTURES[name]
        async with open_source(file) as source:
            assert source.file_name == name.rpartition("/")[2]
        assert file.read() == PICTURES[name], "the file stands where it stood"


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2"])
async def test_a_member_of_a_compressed_tar_archive_does_not_get_the_name_of_the_archive(
    mode: str, tmp_path: Path
) -> None:
    with tarfile.open(tarred(tmp_path / "archive.tar", mode)) as archive:
        file = member(archive, NAMES[0])
        assert await content_of(file) == PICTURES[NAMES[0]]
        async with open_source(file) as source:
            assert source.file_name in {None, "a.png"}


async def test_a_member_is_read_from_its_current_position(tmp_path: Path) -> None:
    with tarfile.open(tarred(tmp_path / "archive.tar")) as archive:
        file = member(archive, NAMES[0])
        file.seek(10)
        assert await content_of(file) == PICTURES[NAMES[0]][10:]


class YieldingMemory(io.BytesIO):
    """Lets other threads run between a seek and the read that follows it."""

    def seek(self, offset: int, whence: int = 0) -> int:
        position = super().seek(offset, whence)
        time.sleep(0.0005)
        return position


class YieldingFile:
    """The same, as a third-party class that can be read only at its current position."""

    def __init__(self, content: bytes) -> None:
        self._content = YieldingMemory(content)
        self.read, self.seek, self.tell = self._content.read, self._content.seek, self._content.tell

    def seekable(self) -> bool:
        return True


@pytest.mark.parametrize("make", [YieldingMemory, YieldingFile])
async def test_members_of_one_tar_archive_do_not_mix_across_threads(
    make: Callable[[bytes], Any], tmp_path: Path
) -> None:
    content = await anyio.Path(tarred(tmp_path / "a.tar")).read_bytes()
    with tarfile.open(fileobj=make(content)) as archive:
        files = {name: member(archive, name) for name in NAMES}
        assert await contents_at_once(files) == {name: [PICTURES[name]] * 3 for name in NAMES}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar in memory", "tar.gz"])
async def test_members_of_one_archive_read_concurrently_do_not_mix(
    kind: str, tmp_path: Path, opened: ExitStack
) -> None:
    files: dict[str, Any] = {}
    if kind == "zip":
        archive = opened.enter_context(zipped(tmp_path / "a.zip"))
        files = {name: opened.enter_context(archive.open(name)) for name in NAMES}
    else:
        path = tarred(tmp_path / "a.tar", "w:gz" if kind == "tar.gz" else "w")
        memory = io.BytesIO(path.read_bytes()) if kind == "tar in memory" else None
        tar = opened.enter_context(tarfile.open(None if memory else path, fileobj=memory))  # noqa: SIM115
        files = {name: member(tar, name) for name in NAMES}

    assert await contents_at_once(files) == {name: [PICTURES[name]] * 3 for name in NAMES}


async def contents_at_once(files: dict[str, Any]) -> dict[str, list[bytes]]:
    """Read each file three times while the others are being read."""
    found: dict[str, list[bytes]] = {name: [] for name in files}

    async def take(name: str) -> None:
        for _ in range(3):
            async with open_source(files[name]) as source:
                found[name].append(await read(source))

    async with anyio.create_task_group() as tasks:
        for name in files:
            tasks.start_soon(take, name)
    return found


class Restless(io.BytesIO):
    """Moves its position while a thread reads, as a reader does that looks for the next member."""

    def seek(self, offset: int, whence: int = 0) -> int:
        position = super().seek(offset, whence)
        if threading.current_thread() is not threading.main_thread():
            super().seek(0)
        return position


async def test_a_tar_archive_can_be_iterated_while_its_members_are_read(tmp_path: Path) -> None:
    content = await anyio.Path(tarred(tmp_path / "a.tar")).read_bytes()
    with tarfile.open(fileobj=Restless(content)) as archive:
        assert await content_of(member(archive, NAMES[0])) == PICTURES[NAMES[0]]


async def test_one_member_can_be_uploaded_twice_at_once(tmp_path: Path) -> None:
    with tarfile.open(tarred(tmp_path / "a.tar")) as archive:
        file = member(archive, NAMES[0])
        found: list[bytes] = []

        async def take() -> None:
            async with open_source(file) as source:
                found.append(await read(source))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take)
            tasks.start_soon(take)
    assert found == [PICTURES[NAMES[0]]] * 2


async def test_members_of_closed_and_damaged_archives_are_typed_errors(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar")
    with tarfile.open(path) as archive:
        file = member(archive, NAMES[0])
    with pytest.raises(UploadSourceError):
        await content_of(file)

    with zipped(tmp_path / "a.zip", zipfile.ZIP_STORED) as whole:
        offset = whole.getinfo(NAMES[0]).header_offset + 100
    with (tmp_path / "a.zip").open("r+b") as raw:
        raw.seek(offset)
        raw.write(b"damage")
    damaged = zipfile.ZipFile(tmp_path / "a.zip")
    # Up to Python 3.11 a seek detects the damage; later versions detect it when the last bytes are read.
    kinds = (UploadSourceError, SourceFailedError)
    with damaged, damaged.open(NAMES[0]) as broken, pytest.raises(kinds) as raised:
        await content_of(broken)
    found = raised.value.__cause__ if isinstance(raised.value, SourceFailedError) else raised.value
    assert isinstance(found, UploadSourceError)


@pytest.mark.parametrize("name", NAMES[:2])
async def test_a_path_inside_a_zip_archive_is_a_source(name: str, tmp_path: Path) -> None:
    with zipped(tmp_path / "a.zip") as archive:
        path = zipfile.Path(archive, name)
        assert await content_of(path) == PICTURES[name]
        async with open_source(path) as source:
            assert source.file_name == name.rpartition("/")[2]


@pytest.mark.parametrize("name", ["missing.png", "photos/"])
async def test_a_path_inside_an_archive_that_names_no_file_is_a_typed_error(
    name: str, tmp_path: Path
) -> None:
    with zipped(tmp_path / "a.zip") as archive, pytest.raises(UploadSourceError, match="open"):
        await content_of(zipfile.Path(archive, name))


@pytest.mark.parametrize("kind", ["zip", "tar"])
async def test_all_images_of_an_archive_are_uploaded_under_their_names(
    client: AsyncImgwireClient, photo: Path, kind: str, tmp_path: Path
) -> None:
    names = [f"sub/{number}.jpg" for number in range(8)]
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as writing:
            for name in names:
                writing.write(photo, name)
    else:
        content = await anyio.Path(photo).read_bytes()
        with tarfile.open(tmp_path / "a.tar", "w") as adding:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                adding.addfile(info, io.BytesIO(content))

    with ExitStack() as stack:
        if kind == "zip":
            zip_file = stack.enter_context(zipfile.ZipFile(tmp_path / "a.zip"))
            items = (UploadItem(zip_file.open(name)) for name in zip_file.namelist())
        else:
            tar = stack.enter_context(tarfile.open(tmp_path / "a.tar"))
            items = (UploadItem(member(tar, info.name)) for info in tar)
        async with client.images.upload_many(items, concurrency=4) as outcomes:
            images = [outcome.image async for outcome in outcomes]

    assert sorted(image.original_filename for image in images if image) == [f"{n}.jpg" for n in range(8)]
    sizes = {(await client.images.wait_until_ready(image.id)).size_bytes for image in images if image}
    assert sizes == {(await anyio.Path(photo).stat()).st_size}


async def test_a_hostile_member_name_affects_no_other_member(client: AsyncImgwireClient) -> None:
    names = [
        "good.png",
        "\udcff.png",  # the byte 0xff
        "a:b.png",
        "/etc/absolute.png",
        "../outside.png",
        "CON.png",
        "line\nend\x1b.png",
        "Twin.png",
        "twin.png",
        "\u00e9.png",
        "e\u0301.png",
        "n" * 296 + ".png",
    ]
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as archive:
        for number, name in enumerate(names):
            member, content = tarfile.TarInfo(name), small_image(number)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    file.seek(0)

    with tarfile.open(fileobj=file, errors="surrogateescape") as archive:
        members = [opened for info in archive if (opened := archive.extractfile(info)) is not None]
        async with client.images.upload_many(members) as outcomes:
            errors = [outcome.error async for outcome in outcomes]

    stored = [image.original_filename async for image in client.images.list()]
    assert errors == [None] * len(names)
    assert len(stored) == len(names)
    assert {"good.png", "absolute.png", "outside.png", "CON.png", "Twin.png", "twin.png"} <= set(stored)
    assert not [name for name in stored if "/" in name]
