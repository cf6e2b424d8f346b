"""The report of a job as an HTML page: self-contained, and safe to open."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import struct
import zlib
from pathlib import Path

import pytest

from imgwire_async import AsyncImgwireClient
from imgwire_async.errors import IngestStoppedError
from imgwire_async.ingest.results import thumbnails
from imgwire_async.ingest.results.report import Report
from imgwire_async.sandbox import Sandbox
from tests.ingest.support import folder_of

HOSTILE = "<script>alert(1)<script>&amp;.jpg"


async def report_of(client: AsyncImgwireClient, folder: Path, **arguments: object) -> Report:
    job = client.ingest(folder, **arguments)  # type: ignore[arg-type]
    async with job:
        try:
            async for _ in job:
                pass
        except IngestStoppedError:
            pass
    return job.report


def page_of(report: Report, folder: Path) -> str:
    path = folder / "report.html"
    report.write(path)
    return path.read_text()


async def test_totals_failures_and_their_pictures_are_on_the_page(
    client: AsyncImgwireClient, tmp_path: Path, photo: Path
) -> None:
    folder = folder_of(tmp_path / "photos", 3)
    (folder / HOSTILE).write_bytes(photo.read_bytes()[:20_000])  # noqa: ASYNC240

    page = page_of(await report_of(client, folder, wait_ready=True), tmp_path)

    assert "<script" not in page
    assert "1 item failed." in page
    assert re.search(r"<dt>Stored</dt><dd>3</dd>", page)
    assert "&lt;script&gt;alert(1)&lt;script&gt;&amp;amp;.jpg" in page
    assert 'src="data:image/jpeg;base64,' in page
    assert "<rect" in page
    assert str(tmp_path / "photos") not in page


async def test_zero_counts_are_hidden(client: AsyncImgwireClient, tmp_path: Path) -> None:
    page = page_of(await report_of(client, folder_of(tmp_path / "photos", 1)), tmp_path)

    assert "Complete." in page
    assert re.findall(r"<dt>(.*?)</dt>", page)[:3] == ["Found", "Stored", "Failed"]
    assert "Already stored</dt>" not in page
    assert "Not tried" not in page


async def test_an_early_end_says_why_and_how_much_was_not_tried(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.always("images.create", status=401)

    page = page_of(await report_of(client, folder_of(tmp_path / "photos", 20)), tmp_path)

    assert "Stopped early:" in page
    assert re.search(r"<dt>Not tried</dt><dd>\d+</dd>", page)


async def test_json_has_the_timeline_and_no_local_paths(client: AsyncImgwireClient, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "photos", 2)
    (folder / "empty.png").touch()
    report = await report_of(client, folder, journal=None)

    report.write(tmp_path / "report.json")
    report.write(tmp_path / "report.csv")

    facts = json.loads((tmp_path / "report.json").read_text())
    assert sum(one["stored"] for one in facts["timeline"]) == 2
    assert "files" not in facts["failures"][0]
    assert "timeline" not in (tmp_path / "report.csv").read_text()


def test_thumbnails_are_small_and_other_files_have_none(tmp_path: Path, photo: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "cut.jpg").write_bytes(photo.read_bytes()[:20_000])

    assert len(thumbnails.thumbnail(str(photo)) or "") in range(500, 40_000)
    assert thumbnails.thumbnail(str(tmp_path / "cut.jpg")) is not None
    assert thumbnails.thumbnail(str(tmp_path / "text.png")) is None
    assert thumbnails.thumbnail(str(tmp_path / "gone.jpg")) is None
    assert thumbnails.thumbnail("a\0b") is None


def test_only_regular_files_of_supported_types_are_decoded(tmp_path: Path, photo: Path) -> None:
    linked = "data:image/png;base64,"
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{linked}"/></svg>'
    (tmp_path / "drawing.png").write_text(drawing)
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "photo.jpg[page=1]").write_bytes(photo.read_bytes())

    for name in (tmp_path / "drawing.png", tmp_path / "pipe.jpg", tmp_path, "/dev/zero"):
        assert thumbnails.thumbnail(str(name)) is None
    assert thumbnails.thumbnail(str(tmp_path / "photo.jpg[page=1]")) is not None


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (1, 60_000_000), (60_000_000, 1)])
def test_a_picture_with_billions_of_pixels_or_millions_of_rows_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, height: int
) -> None:
    import pyvips

    def part(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)

    size = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 1)
    parts = part(b"IHDR", size) + part(b"IDAT", zlib.compress(bytes(100))) + part(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    monkeypatch.setattr(pyvips.Image, "thumbnail_image", lambda *_, **__: pytest.fail("decoded"))

    assert thumbnails.thumbnail(str(tmp_path / "bomb.png")) is None


async def test_names_that_are_not_unicode_are_on_the_page(client: AsyncImgwireClient, tmp_path: Path) -> None:
    report = await report_of(client, folder_of(tmp_path / "photos", 1))
    named = dataclasses.replace(report, job="\udcff", journal="/x/\udcff", stopped="\udcff is gone")

    page = page_of(named, tmp_path)

    assert "<h1>Job \\udcff</h1>" in page


def _no_module(name: str) -> None:
    raise ImportError(name)


def test_without_pyvips_there_are_no_pictures(monkeypatch: pytest.MonkeyPatch, photo: Path) -> None:
    monkeypatch.setattr("imgwire_async.ingest.results.thumbnails.import_module", _no_module)

    assert thumbnails.thumbnail(str(photo)) is None
