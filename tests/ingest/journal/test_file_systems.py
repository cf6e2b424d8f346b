"""Journals on network file systems are rejected, because SQLite may damage them there."""

from __future__ import annotations

import tempfile
from pathlib import Path

import anyio
import pytest

from imgwire_async import AsyncImgwireClient, JournalError
from imgwire_async.ingest.journal import file_systems
from imgwire_async.ingest.journal.file_systems import network_file_system
from tests.ingest.support import ingest

LINE = "36 35 {number}:0 / {point} rw,relatime shared:1 - {kind} server:/export rw,vers=4.2\n"


def mounts(tmp_path: Path, *mounted: tuple[str, str]) -> Path:
    table = tmp_path / "mountinfo"
    lines = [LINE.format(number=n, point=point, kind=kind) for n, (point, kind) in enumerate(mounted)]
    table.write_text("".join(lines) + "odd line\n")
    return table


def folder_in(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "nfs"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(("path", "kind"), [
    ("/mnt/shared/a.journal", "nfs4"),
    ("/mnt/shared/with space/a.journal", "cifs"),
    ("/mnt/shared/local/a.journal", None),
    ("/mnt/sharedness/a.journal", None),
    ("/home/a.journal", None),
    ("/over/a.journal", "fuse.sshfs"),
])  # fmt: skip
def test_the_innermost_and_latest_mount_applies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, kind: str | None
) -> None:
    table = mounts(
        tmp_path,
        ("/", "ext4"),
        ("/mnt/shared", "nfs4"),
        ("/mnt/shared/with\\040space", "cifs"),
        ("/mnt/shared/local", "xfs"),
        ("/over", "ext4"),
        ("/over", "fuse.sshfs"),
    )
    monkeypatch.setattr(file_systems, "_MOUNTS", table)
    assert network_file_system(Path(path)) == kind


async def test_a_journal_on_a_network_file_system_is_rejected_before_anything_is_created(
    client: AsyncImgwireClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nfs").mkdir()
    table = mounts(tmp_path, ("/", "ext4"), (str((tmp_path / "nfs").resolve()), "nfs4"))
    monkeypatch.setattr(file_systems, "_MOUNTS", table)
    journal = tmp_path / "nfs" / "a.journal"
    with pytest.raises(JournalError, match=r"network file system \(nfs4\).*local disk"):
        await ingest(client, [], journal=journal)
    assert not journal.exists()
    await ingest(client, [], journal=tmp_path / "a.journal")


async def test_a_temporary_journal_on_a_network_file_system_is_rejected_as_well(
    client: AsyncImgwireClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_in(tmp_path)
    monkeypatch.setattr(file_systems, "_MOUNTS", mounts(tmp_path, ("/", "ext4"), (str(folder), "nfs4")))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with pytest.raises(JournalError, match=r"temporary files '.*nfs', .*\(nfs4\).*TMPDIR"):
        await ingest(client, [])
    assert not [name async for name in anyio.Path(folder).iterdir()]
    await ingest(client, [], journal=tmp_path / "a.journal")


def test_every_path_is_accepted_if_the_system_does_not_list_its_mounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_systems, "_MOUNTS", tmp_path / "missing")
    assert network_file_system(tmp_path) is None
