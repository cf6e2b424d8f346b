"""The demo: what somebody sees who points it at a folder of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import demo
import pytest
import typer
from typer.testing import CliRunner, Result

from tests.ingest.support import folder_of, small_image

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setattr(demo, "WORKPLACE", tmp_path / "workplace")
    app = typer.Typer()
    app.command()(demo.main)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "photos", 3)


def test_all_images_are_listed_with_their_urls(run: Run, folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "deep.png").write_bytes(small_image(7))
    result = run(folder)
    assert result.exit_code == 0, result.output
    rows = [line for line in result.output.splitlines() if "READY" in line]
    names = ["0000.png", "0001.png", "0002.png", "sub/deep.png"]
    assert [row.split()[1] for row in rows] == names
    assert all("image/png" in row and "8 × 8" in row and "http://127.0.0.1:" in row for row in rows)
    assert "4 of 4 images" in result.output
    assert "imgwire-async sandbox --folder workplace/sandbox" in result.output


def test_every_file_that_is_not_stored_is_named_with_its_reason(run: Run, folder: Path) -> None:
    (folder / "notes.txt").write_text("no image")
    (folder / "empty.png").touch()
    (folder / "broken.png").write_bytes(small_image(9)[:40])
    (folder / "dangling.png").symlink_to("nowhere")
    (folder / "[red].png").write_text("looks like markup")
    (folder / ".hidden.png").write_bytes(small_image(8))
    os.mkfifo(folder / "pipe")
    with open(os.fsencode(folder) + b"/\xff.png", "wb") as file:  # noqa: PTH123 - a name that is no text
        file.write(small_image(10))

    result = run(folder)

    assert result.exit_code == 1, result.output
    reasons = dict(line.split(": ", 1) for line in result.output.splitlines() if "Error: " in line)
    assert set(reasons) == {"notes.txt", "empty.png", "broken.png", "dangling.png", "[red].png", "pipe"}
    assert "is not a supported image" in reasons["notes.txt"]
    assert "is empty" in reasons["empty.png"]
    assert "in quarantine" in reasons["broken.png"]
    assert "No such file" in reasons["dangling.png"]
    assert "not a regular file" in reasons["pipe"]
    assert "4 of 10 images" in result.output
    assert "�.png" in result.output
    assert "Passing over 1 hidden file." in result.output


def test_without_a_folder_photographs_in_eight_formats_are_stored(run: Run) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    types = {line.split("│")[2].strip() for line in result.output.splitlines() if "READY" in line}
    assert len(types) == 8


def test_no_folder_and_an_empty_one_are_refused(run: Run, tmp_path: Path) -> None:
    result = run(tmp_path / "missing")
    assert (result.exit_code, "is not a folder" in result.output) == (2, True)
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / "empty")
    assert (result.exit_code, "holds no files" in result.output) == (2, True)
