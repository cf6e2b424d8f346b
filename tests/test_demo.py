"""The demo, as a new user sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import demo
import httpx
import pytest
import typer
from typer.testing import CliRunner, Result

from tests.hangs import HANGS
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


def test_every_file_that_is_not_stored_is_listed_with_its_reason(run: Run, folder: Path) -> None:
    (folder / "notes.txt").write_text("no image")
    (folder / "empty.png").touch()
    (folder / "broken.png").write_bytes(small_image(9)[:40])
    (folder / "dangling.png").symlink_to("nowhere")
    (folder / "[red].png").write_text("looks like markup")
    (folder / ".hidden.png").write_bytes(small_image(8))
    os.mkfifo(folder / "pipe")
    with open(os.fsencode(folder) + b"/\xff.png", "wb") as file:  # noqa: PTH123 - a name that is not text
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
    assert "Skipping 1 hidden file." in result.output


def test_without_a_folder_photographs_in_eight_formats_are_stored(run: Run) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    types = {line.split("│")[2].strip() for line in result.output.splitlines() if "READY" in line}
    assert len(types) == 8


def test_a_missing_and_an_empty_folder_are_rejected(run: Run, tmp_path: Path) -> None:
    result = run(tmp_path / "missing")
    assert (result.exit_code, "is not a folder" in result.output) == (2, True)
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / "empty")
    assert (result.exit_code, "holds no files" in result.output) == (2, True)


PROGRAM = """
import sys
from pathlib import Path

import demo
import typer

demo.WORKPLACE = Path(sys.argv.pop(1))
typer.run(demo.main)
"""


def test_on_a_terminal_the_gallery_stays_open_until_ctrl_c(folder: Path, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "workplace"), str(folder)],
        cwd=Path(demo.__file__).parent,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(slave)
    output = ""
    while "(Ctrl-C to stop)" not in re.sub(r"\x1b\[[\d;]*m", "", output):
        output += os.read(master, 65_536).decode()
    url = re.findall(r"http://127\.0\.0\.1:\d+", output)[-1]
    gallery = httpx.get(f"{url}/").text
    process.send_signal(signal.SIGINT)

    assert process.wait(HANGS) == 0
    os.close(master)
    assert "0001.png" in gallery
    plain = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", output)
    assert max(len(line) for line in plain.splitlines()) <= 80
