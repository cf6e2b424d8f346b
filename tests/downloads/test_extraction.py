"""Safe and unsafe archives."""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgwire_async import (
    ArchiveError,
    ArchiveLimits,
    DownloadTargetError,
    ExtractedFiles,
    InvalidArgumentError,
)
from imgwire_async.downloads import archives
from tests.clients import client_of
from tests.downloads.file_host import Step, file_host, job_at, names_in

MEBIBYTE = 1024 * 1024
LIMITS = ArchiveLimits()
PHOTOS = {"a.jpg": b"first", "sub/b.jpg": b"second" * 1000, "sub/deeper/ü 12:30.png": b""}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return buffer.getvalue()


def entry(name: str, **attributes: int) -> bytes:
    """An archive with a valid image and one entry with these attributes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("good.jpg", b"good")
        info = zipfile.ZipInfo("bad.jpg")
        for attribute, value in attributes.items():
            setattr(info, attribute, value)
        info.filename = name
        archive.writestr(info, b"/etc/passwd")
    return buffer.getvalue()


async def extract(
    content: bytes, folder: Path, *, overwrite: bool = False, limits: ArchiveLimits = LIMITS
) -> ExtractedFiles:
    with file_host(Step(content=content)) as server:
        async with client_of(server) as client:
            return await client.images.download_archive(
                job_at(f"{server.base_url}/a.zip"),
                to=folder,
                extract=True,
                overwrite=overwrite,
                limits=limits,
            )


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
async def test_every_image_is_written_and_the_archive_is_not_kept(method: int, tmp_path: Path) -> None:
    paths = await extract(zipped(PHOTOS, method), tmp_path / "new" / "photos")

    assert [path.relative_to(tmp_path / "new/photos").as_posix() for path in paths] == list(PHOTOS)
    assert [path.read_bytes() for path in paths] == list(PHOTOS.values())
    assert len(names_in(tmp_path)) == 2 + 2 + 3


async def test_folders_in_the_archive_and_dots_in_names_are_accepted(tmp_path: Path) -> None:
    paths = await extract(zipped({"sub/": b"", "./sub/./a.jpg": b"a", "..b.jpg": b"b"}), tmp_path)

    assert [path.relative_to(tmp_path).as_posix() for path in paths] == ["sub/a.jpg", "..b.jpg"]


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "sub/../../evil.jpg",
        "..",
        "/etc/evil.jpg",
        "//server/share/evil.jpg",
        "\\evil.jpg",
        "..\\evil.jpg",
        "sub\\..\\..\\evil.jpg",
        "C:\\evil.jpg",
        "C:/evil.jpg",
        "sub//evil.jpg",
        "",
        "/",
    ],
)
async def test_a_hostile_name_rejects_the_archive_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "photos"

    with pytest.raises(ArchiveError) as caught:
        await extract(entry(name), folder)

    assert caught.value.entry is not None
    assert caught.value.operation == "images.download_archive"
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"create_system": 3, "external_attr": (stat.S_IFLNK | 0o777) << 16}, "link"),
        ({"create_system": 3, "external_attr": (stat.S_IFIFO | 0o666) << 16}, "special"),
        ({"create_system": 3, "external_attr": (stat.S_IFCHR | 0o666) << 16}, "special"),
        ({"compress_type": zipfile.ZIP_LZMA}, "method 14"),
        ({"compress_type": zipfile.ZIP_BZIP2}, "method 12"),
    ],
)
async def test_links_special_files_and_costly_methods_are_rejected(
    attributes: dict[str, int], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(ArchiveError, match=reason):
        await extract(entry("bad.jpg", **attributes), tmp_path)
    assert names_in(tmp_path) == []


async def test_an_encrypted_entry_is_rejected(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.jpg": b"a"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1

    with pytest.raises(ArchiveError, match="encrypted"):
        await extract(bytes(content), tmp_path)


async def test_a_failure_halfway_restores_replaced_files(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"mine")
    (tmp_path / "sub").write_bytes(b"a file where the archive has a folder")

    with pytest.raises(DownloadTargetError):
        await extract(zipped(PHOTOS | {"new/b.jpg": b"b"}), tmp_path, overwrite=True)

    assert names_in(tmp_path) == ["a.jpg", "sub"]
    assert (tmp_path / "a.jpg").read_bytes() == b"mine"


async def test_a_file_that_cannot_be_closed_does_not_count_as_damage_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.FileIO):
        def close(self) -> None:
            was_open = not self.closed
            super().close()
            if was_open:
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    def new_file(path: Path, mode: str, buffering: int = -1) -> io.FileIO | io.BufferedRandom:
        file = Full(path, "x+" if "+" in mode else "x")
        return file if buffering == 0 else io.BufferedRandom(file)

    monkeypatch.setattr(Path, "open", new_file)

    with pytest.raises(DownloadTargetError) as caught:
        await extract(zipped(PHOTOS), tmp_path / "new")

    assert caught.value.errno == errno.EDQUOT
    assert names_in(tmp_path) == []


async def test_a_zip_bomb_is_rejected_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = zipped({f"{n}.jpg": bytes(20 * MEBIBYTE) for n in range(6)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < MEBIBYTE

    with pytest.raises(ArchiveError, match="100 times its size"):
        await extract(bomb, tmp_path)
    assert names_in(tmp_path) == []


async def test_a_bomb_of_overlapping_entries_is_rejected(tmp_path: Path) -> None:
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = kernel.compress(bytes(MEBIBYTE)) + kernel.flush()
    name = b"a.jpg"
    crc = zlib.crc32(bytes(MEBIBYTE))
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, len(packed), MEBIBYTE, len(name), 0)
    directory = b""
    for number in range(1000):
        other = b"%05d" % number
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, len(packed), MEBIBYTE, 5, 0, 0, 0, 0, 0, 0
        )
        directory += other
    body = local + name + packed
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1000, 1000, len(directory), len(body), 0)

    with pytest.raises(ArchiveError, match="times its size"):
        await extract(body + directory + end, tmp_path)
    assert names_in(tmp_path) == []


async def test_false_sizes_do_not_bypass_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "HARMLESS", 1000)
    content = bytearray(zipped({"a.jpg": bytes(MEBIBYTE)}, zipfile.ZIP_DEFLATED))
    struct.pack_into("<L", content, content.index(b"PK\x01\x02") + 24, 10)

    with pytest.raises(ArchiveError):
        await extract(bytes(content), tmp_path)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    "limits", [ArchiveLimits(max_files=2), ArchiveLimits(max_bytes=6004), ArchiveLimits(max_bytes=1)]
)
async def test_limits_of_count_and_size_hold(limits: ArchiveLimits, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="contains more than"):
        await extract(zipped(PHOTOS), tmp_path, limits=limits)
    assert names_in(tmp_path) == []


async def test_an_archive_just_within_the_limits_is_extracted(tmp_path: Path) -> None:
    assert (
        len(await extract(zipped(PHOTOS), tmp_path, limits=ArchiveLimits(max_files=3, max_bytes=6005))) == 3
    )


@pytest.mark.parametrize("field", ["max_files", "max_bytes", "max_ratio"])
def test_limits_are_positive(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        ArchiveLimits(**{field: 0})


@pytest.mark.parametrize("zip64", [False, True])
async def test_a_huge_list_of_entries_is_rejected_before_it_is_read(zip64: bool, tmp_path: Path) -> None:
    directory = bytes(70_000)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 70_000, 0, 0)
    if zip64:
        end = (
            struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, 70_000, 0)
            + struct.pack("<4sLQL", b"PK\6\7", 0, 70_000, 1)
            + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 0, 0, 0)
        )
    with pytest.raises(ArchiveError, match="more than 3 files"):
        await extract(directory + end, tmp_path, limits=ArchiveLimits(max_files=3))


WHOLE = zipped(PHOTOS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>not a zip</html>",
        WHOLE[: len(WHOLE) // 2],
        WHOLE.replace(b"second", b"SECOND", 1),
        WHOLE.replace(b"PK\3\4", b"XX\3\4"),
        WHOLE[:-6] + b"\xff" * 6,
    ],
)
async def test_a_damaged_archive_is_rejected_and_leaves_nothing(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="damaged"):
        await extract(content, tmp_path / "photos")
    assert names_in(tmp_path) == []


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40), st.integers(min_value=0), st.booleans())
def test_any_damage_ends_in_a_rejection_or_in_images(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, place: int, insert: bool
) -> None:
    content = zipped(PHOTOS, zipfile.ZIP_DEFLATED)
    at = place % len(content)
    hostile = content[:at] + noise + content[at + (0 if insert else len(noise)) :]
    folder = tmp_path_factory.mktemp("photos")

    async def main() -> None:
        async with archives.extraction(folder, ArchiveLimits(), overwrite=False) as (sink, extract):
            await sink.write(hostile)
            await sink.flush()
            try:
                await extract()
            except ArchiveError:
                assert len(os.listdir(folder)) == 1  # noqa: PTH208 - only the folder that goes now

    anyio.run(main)


async def test_a_list_that_zipfile_reads_differently_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "count_entries", lambda *_: 2)
    with pytest.raises(ArchiveError, match="is ambiguous"):
        await extract(zipped({"a.jpg": b"a"}), tmp_path)
    assert names_in(tmp_path) == []


async def test_an_existing_file_stops_the_extraction_before_anything_is_moved(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/b.jpg").write_bytes(b"mine")

    with pytest.raises(DownloadTargetError, match="exists; pass overwrite=True"):
        await extract(zipped(PHOTOS), tmp_path)

    assert names_in(tmp_path) == ["sub", "sub/b.jpg"]
    assert (tmp_path / "sub/b.jpg").read_bytes() == b"mine"


async def test_overwrite_replaces_files_and_keeps_others(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/b.jpg").write_bytes(b"old")
    (tmp_path / "sub/other.jpg").write_bytes(b"other")

    await extract(zipped(PHOTOS), tmp_path, overwrite=True)

    assert (tmp_path / "sub/b.jpg").read_bytes() == PHOTOS["sub/b.jpg"]
    assert (tmp_path / "sub/other.jpg").read_bytes() == b"other"


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_link_in_the_folder_is_not_followed_out_of_it(overwrite: bool, tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "photos"
    outside.mkdir()
    folder.mkdir()
    (folder / "sub").symlink_to(outside)

    with pytest.raises(DownloadTargetError, match="link"):
        await extract(zipped(PHOTOS), folder, overwrite=overwrite)
    assert names_in(outside) == []


async def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").mkdir()
    with pytest.raises(DownloadTargetError):
        await extract(zipped(PHOTOS), tmp_path, overwrite=True)
    assert names_in(tmp_path) == ["a.jpg"]


async def test_a_file_where_the_folder_should_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(DownloadTargetError, match="cannot write"):
        await extract(zipped(PHOTOS), tmp_path / "file" / "photos")
    assert names_in(tmp_path) == ["file"]


async def test_extracting_needs_a_folder() -> None:
    with pytest.raises(InvalidArgumentError, match="folder"):
        await extract(b"", None)  # type: ignore[arg-type]


async def test_a_cancelled_extraction_stops_and_leaves_nothing(tmp_path: Path) -> None:
    content = zipped({f"{number}.bmp": bytes(MEBIBYTE) for number in range(400)}, zipfile.ZIP_DEFLATED)
    limits = ArchiveLimits(max_ratio=10_000)
    async with archives.extraction(tmp_path / "photos", limits, overwrite=False) as (sink, extract):
        await sink.write(content)
        await sink.flush()
        with anyio.move_on_after(0.05) as scope:
            await extract()
        assert scope.cancelled_caught
        assert len(names_in(tmp_path)) < 400
    assert names_in(tmp_path) == []


async def test_one_odd_name_affects_no_other(tmp_path: Path) -> None:
    names = (
        "good.jpg",
        "a:b.jpg",
        "nul.jpg",
        "line\nend.jpg",
        "twin.jpg",
        "TWIN.jpg",
        "e\u0301.jpg",
        "\u00e9.jpg",
        f"{'long' * 75}.jpg",
    )

    found = await extract(zipped({name: name.encode() for name in names}), tmp_path / "photos")

    assert [path.read_bytes().decode() for path in found] == list(names)
    assert len({path.name.casefold() for path in found}) == len(names)
    assert found[0].name == "good.jpg"
