"""Targets of downloads: paths, file objects, full disks."""

from __future__ import annotations

import errno
import io
import os
import pickle
import resource
import signal
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from imgwire_async import DownloadedFile, DownloadRejectedError, DownloadTargetError
from imgwire_async.downloads.files import atomic_file, place
from tests.clients import client_of
from tests.downloads.file_host import CONTENT, Step, file_host, job_at, names_in
from tests.downloads.test_extraction import zipped
from tests.hangs import HANGS
from tests.raw_servers import answer


async def download(to: object, *, content: bytes = CONTENT, **arguments: bool) -> DownloadedFile:
    with file_host(Step(content=content)) as server:
        async with client_of(server) as client:
            job = job_at(f"{server.base_url}/a.zip")
            return await client.images.download_archive(job, to=to, **arguments)  # type: ignore[call-overload, no-any-return]


async def test_an_existing_file_is_kept_unless_asked(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    target.write_bytes(b"mine")

    with pytest.raises(DownloadTargetError, match="overwrite=True"):
        await download(target)
    assert target.read_bytes() == b"mine"

    await download(target, overwrite=True)
    assert target.read_bytes() == CONTENT
    assert names_in(tmp_path) == ["a.zip"]


async def test_a_file_that_appears_during_the_download_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"

    async def write_while_somebody_else_does() -> None:
        async with atomic_file(target, overwrite=False) as (sink, _):
            await sink.write(b"ours")
            target.write_bytes(b"theirs")

    with pytest.raises(DownloadTargetError, match="exists"):
        await write_while_somebody_else_does()
    assert target.read_bytes() == b"theirs"
    assert names_in(tmp_path) == ["a.zip"]


def test_a_file_system_without_hard_links_is_supported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    (tmp_path / "new").write_bytes(b"new")
    place(tmp_path / "new", tmp_path / "a", overwrite=False)
    (tmp_path / "newer").write_bytes(b"newer")
    with pytest.raises(FileExistsError):
        place(tmp_path / "newer", tmp_path / "a", overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"new"


async def test_nothing_appears_at_the_path_before_the_file_is_complete(tmp_path: Path) -> None:
    async with atomic_file(tmp_path / "a.zip", overwrite=False) as (sink, _):
        await sink.write(CONTENT)
        await sink.flush()
        assert not (tmp_path / "a.zip").exists()
    assert names_in(tmp_path) == ["a.zip"]


async def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    await download(tmp_path / "a.zip")
    (tmp_path / "usual").touch()
    assert (tmp_path / "a.zip").stat().st_mode == (tmp_path / "usual").stat().st_mode


async def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "old")

    written = await download(tmp_path / "link", overwrite=True)

    assert (tmp_path / "link").is_symlink()
    assert written.path == tmp_path / "old"
    assert (tmp_path / "old").read_bytes() == CONTENT


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o400, 0o666])
@pytest.mark.parametrize("extract", [False, True])
async def test_a_file_that_is_replaced_keeps_its_permissions(
    mode: int, extract: bool, tmp_path: Path
) -> None:
    target = tmp_path / "a.jpg"
    target.write_bytes(b"old")
    target.chmod(mode)

    await download(
        tmp_path if extract else target, content=zipped({"a.jpg": b"new"}), overwrite=True, extract=extract
    )

    assert stat.S_IMODE(target.stat().st_mode) == mode
    assert target.read_bytes() != b"old"


async def test_a_new_file_has_the_usual_permissions_with_overwrite_as_well(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    await download(tmp_path / "a.zip", overwrite=True)
    await download(f"{tmp_path}/folder/", overwrite=True)
    files = [tmp_path / name for name in names_in(tmp_path) if name != "folder"]
    assert len({path.stat().st_mode for path in files}) == 1
    assert len(files) == 3


async def test_the_replacement_of_a_private_file_is_private_from_its_first_byte(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.touch(0o600)
    async with atomic_file(target, overwrite=True) as (sink, _):
        await sink.write(CONTENT)
        await sink.flush()
        modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names_in(tmp_path)}
    assert modes == {0o600}


@pytest.mark.parametrize("name", ["photos/", "photos/sub//", ".", "existing", "existing/"])
async def test_a_folder_as_target_means_a_file_in_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "existing").mkdir()

    written = await download(f"{tmp_path}/{name}")

    assert written.path is not None
    assert written.path.parent == (tmp_path / name).resolve()
    assert written.path.suffix == ".zip"
    assert written.path.read_bytes() == CONTENT
    assert not [path for path in names_in(tmp_path) if ".imgwire" in path]


async def test_a_folder_created_for_a_failed_download_is_removed(tmp_path: Path) -> None:
    with file_host(Step(raw=answer(404))) as server:
        async with client_of(server) as client:
            with pytest.raises(DownloadRejectedError):
                await client.images.download_archive(
                    job_at(f"{server.base_url}/a.zip"), to=f"{tmp_path}/new/sub/"
                )
    assert names_in(tmp_path) == []


async def test_a_link_in_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (tmp_path / "folder/name").symlink_to(tmp_path / "elsewhere")

    async def write() -> None:
        async with atomic_file(tmp_path / "folder", overwrite=True, name=lambda: "name") as (sink, _):
            await sink.write(b"theirs")

    with pytest.raises(DownloadTargetError, match="link"):
        await write()
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
    assert names_in(tmp_path / "folder") == ["name"]


@pytest.mark.parametrize("call", ["close", "fsync"])
async def test_a_disk_that_fills_up_at_the_end_is_a_typed_error_and_leaves_nothing(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full(io.FileIO):
        def close(self) -> None:
            was_open = not self.closed
            super().close()
            if was_open:
                fail()

    if call == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "open", lambda path, *_, **__: Full(path, "x"))

    with pytest.raises(DownloadTargetError) as caught:
        await download(tmp_path / "a.zip")

    assert caught.value.errno == errno.ENOSPC
    assert caught.value.operation == "images.download_archive"
    assert names_in(tmp_path) == []


async def test_a_file_is_synced_before_its_name_and_then_its_name_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[bool, bool]] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((is_folder, (tmp_path / "a.zip").exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)

    await download(tmp_path / "a.zip")

    assert synced == [(False, False), (True, True)]


async def test_a_folder_that_cannot_be_synced_does_not_fail_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)

    await download(tmp_path / "a.zip")

    assert names_in(tmp_path) == ["a.zip"]


async def test_an_archive_that_does_not_fit_on_the_disk_is_a_typed_error(tmp_path: Path) -> None:
    with no_file_larger_than(1_500_000), pytest.raises(DownloadTargetError) as caught:
        await download(tmp_path / "new", content=CONTENT * 10, extract=True)
    assert caught.value.errno == errno.EFBIG
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["missing/a.zip", "null\0byte", "x" * 300, "pipe", "pipe/"])
@pytest.mark.parametrize("overwrite", [False, True])
async def test_an_impossible_path_is_an_error_before_any_request(
    name: str, overwrite: bool, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with file_host(Step()) as server:
        async with client_of(server) as client:
            job = job_at(f"{server.base_url}/a.zip")
            with pytest.raises(DownloadTargetError) as caught:
                await client.images.download_archive(job, to=f"{tmp_path}/{name}", overwrite=overwrite)
    assert server.heads == []
    assert caught.value.operation == "images.download_archive"
    assert names_in(tmp_path) == ["pipe"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


async def test_a_file_object_is_written_where_it_is_and_stays_open(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.write(b"before ")
        written = await download(file)
        assert not file.closed
    assert (tmp_path / "a").read_bytes() == b"before " + CONTENT
    assert (written.path, written.size) == (None, len(CONTENT))


async def test_a_raw_file_that_accepts_a_little_at_a_time_gets_everything() -> None:
    class Sipping(io.RawIOBase):
        taken = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.taken += data[:10_000]
            return len(data[:10_000])

    file = Sipping()
    await download(file)
    assert bytes(file.taken) == CONTENT


async def test_a_pipe_gets_the_bytes_once() -> None:
    read_end, write_end = os.pipe()
    arrived: list[bytes] = []

    def collect() -> None:
        with open(read_end, "rb") as file:  # noqa: PTH123 - a descriptor
            arrived.append(file.read())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, collect)
        with open(write_end, "wb") as pipe:  # noqa: ASYNC230, PTH123 - a descriptor
            await download(pipe)
    assert arrived == [CONTENT]


async def test_a_full_device_is_a_typed_error() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(DownloadTargetError) as caught:  # noqa: ASYNC230
        await download(full)
    assert caught.value.errno == errno.ENOSPC
    assert pickle.loads(pickle.dumps(caught.value)).errno == errno.ENOSPC


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Writing beyond this size fails like a full disk, but with another errno."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("limit", [100_000, 1_500_000, 2_000_000])
async def test_a_full_disk_leaves_no_partial_file(limit: int, tmp_path: Path) -> None:
    with no_file_larger_than(limit), pytest.raises(DownloadTargetError) as caught:
        await download(tmp_path / "a.zip", content=CONTENT * 10)
    assert caught.value.errno == errno.EFBIG
    assert names_in(tmp_path) == []


async def test_a_full_disk_leaves_no_partial_extraction(tmp_path: Path) -> None:
    content = zipped({"a.jpg": b"a", "b.bmp": bytes(3_000_000)}, zipfile.ZIP_DEFLATED)
    with no_file_larger_than(1_000_000), pytest.raises(DownloadTargetError) as caught:
        await download(tmp_path / "new", content=content, extract=True)
    assert caught.value.errno == errno.EFBIG
    assert names_in(tmp_path) == []


async def test_a_file_object_that_fails_ends_the_transfer_at_once() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:  # noqa: ARG002
            raise OSError(errno.ENOSPC, "No space left on device")

    with file_host(Step(content=CONTENT * 10)) as server:
        async with client_of(server) as client:
            with pytest.raises(DownloadTargetError, match="No space left"), anyio.fail_after(HANGS):
                await client.images.download_archive(job_at(f"{server.base_url}/a"), to=Full())
            assert client.stats().attempts == 1
            assert client.stats().in_flight == 0
