"""File names cannot control the terminal, add lines or hide other text, wherever they are shown."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from imgwire_async.bodies.progress import UploadProgress
from imgwire_async.cli import progress
from imgwire_async.cli.app import app
from imgwire_async.sandbox import Sandbox
from tests.ingest.support import small_image

Invoke = Callable[..., Result]
NAMES = [
    "control\x07\x1b]0;title\x07\x1b[31m",
    "lines\nError: fake\r\x85\u2028\x0b\x0c",
    "bidi\u202egnp\u2066\u200b",
    os.fsdecode(b"bytes\xff\x9b"),
    "markup[bold]x[red]",
    "long" + 240 * "x",
]


@pytest.fixture
def cli(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)

    def invoke(*arguments: str) -> Result:
        result = CliRunner().invoke(app, arguments)
        for line in (result.stdout + result.stderr).split("\n"):
            assert line.isprintable(), line
        return result

    return invoke


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For each name: an image, an empty file with the extension of an image, and a text file."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        (folder / f"{name}.png").write_bytes(small_image(number))
        (folder / f"{name}.gif").touch()
        (folder / f"{name}.txt").write_text("no image")
    return folder


@pytest.mark.parametrize("extension", ["gif", "txt"])
@pytest.mark.usefixtures("folder")
def test_a_failing_upload_takes_one_line(cli: Invoke, extension: str) -> None:
    files = [f"photos/{name}.{extension}" for name in NAMES]

    people, scripts = cli("upload", *files), cli("upload", *files, "--json")

    assert people.exit_code == scripts.exit_code == 5
    assert people.stderr.count("\n") == len(NAMES)
    assert sorted(json.loads(line)["item"] for line in scripts.stderr.splitlines()) == sorted(files)


@pytest.mark.usefixtures("folder")
def test_stored_names_take_one_line_of_a_table(cli: Invoke) -> None:
    uploaded = cli("upload", *(f"photos/{name}.png" for name in NAMES))

    assert uploaded.exit_code == 0
    assert uploaded.stdout.count("\n") == cli("ls").stdout.count("\n") == len(NAMES) + 1
    for line in cli("ls", "--json").stdout.splitlines():
        shown = cli("show", json.loads(line)["id"]).stdout
        assert shown.count("\n") == len(json.loads(line))


@pytest.mark.usefixtures("folder")
def test_reports_and_paths_of_jobs_take_one_line_each(cli: Invoke) -> None:
    journal = "journal\nError: fake\x1b[31m"

    people, scripts = cli("ingest", "photos", "--journal", journal), cli("ingest", "photos", "--json")

    assert people.exit_code == scripts.exit_code == 1
    assert "Error: fake" not in people.stdout.splitlines()
    assert sum("journal" in line for line in people.stdout.splitlines()) == 1
    outcomes = [json.loads(line) for line in scripts.stdout.splitlines()]
    assert len(outcomes) == 3 * len(NAMES) + 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("ingest", "{}"),
        ("ingest", "photos", "--failed", "{}/x.jsonl"),
        ("ingest", "photos", "--report", "{}"),
        ("metrics", "--png", "{}/x.png"),
        ("metrics", "--tz", "{}"),
        ("upload", "photos", "--meta", "{}"),
        ("show", "{}"),
        ("download", "{}"),
        ("url", "{}://x"),
        ("ls", "--base-url", "{}"),
        ("sandbox", "--port", "0", "--folder", "/dev/null/{}"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("folder")
def test_arguments_in_errors_take_one_line(cli: Invoke, arguments: tuple[str, ...]) -> None:
    result = cli(*(argument.replace("{}", NAMES[0] + NAMES[1]) for argument in arguments))

    assert result.exit_code not in {0, 130}
    assert (result.stdout, result.stderr.count("\n")) == ("", 1)


@pytest.mark.parametrize(("width", "numbers"), [(40, "50 %"), (80, "5/10 bytes"), (120, "5/10 bytes")])
def test_live_views_keep_room_for_the_bar(monkeypatch: pytest.MonkeyPatch, width: int, numbers: str) -> None:
    terminal = io.StringIO()
    console = Console(
        file=terminal, force_terminal=True, width=width, color_system=None, _environ={"TERM": "xterm"}
    )
    monkeypatch.setattr(progress, "beside", lambda: console)

    with progress.upload_bars() as bar:
        for name in NAMES:
            bar(name)(UploadProgress(5, 10, attempt=1))

    frames: Any = terminal.getvalue()
    assert frames.count(numbers) >= len(NAMES)
    assert "\x07" not in frames
    assert "\x1b[31m" not in frames


def test_a_path_with_line_breaks_is_printed_on_one_line(cli: Invoke, photo: Path) -> None:
    image = json.loads(cli("upload", str(photo), "--wait", "--json").stdout)

    shown = cli("download", image["id"], "--to", "a\nb\x1b.jpg").stdout

    assert (sys.platform == "win32" or Path("a\nb\x1b.jpg").exists(), len(shown.splitlines())) == (True, 3)
