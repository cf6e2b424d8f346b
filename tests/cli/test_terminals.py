"""Unusual environments: no terminal width, narrow terminals, old encodings."""

from __future__ import annotations

import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from fcntl import ioctl
from pathlib import Path
from typing import Any

import anyio
import pytest
from rich.live import Live

from imgwire_async.bodies.progress import UploadProgress
from imgwire_async.cli.output import beside
from imgwire_async.cli.progress import upload_bars
from imgwire_async.cli.streams import note
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.hangs import HANGS
from tests.ingest.support import folder_of, small_image

MAIN = "from imgwire_async.cli import main; main()"
NAME = "a-very-long-name-of-a-photograph-that-was-taken-in-the-evening.png"


@pytest.fixture(autouse=True)
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)


def run(
    *arguments: str, env: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        capture_output=True,
        check=False,
        timeout=HANGS,
        env=os.environ | (env or {}),
        **options,
    )


def stored(sandbox: Sandbox, name: str) -> str:
    """The id of a READY image with this file name."""

    async def upload() -> str:
        async with client_of(sandbox) as imgwire:
            image = await imgwire.images.upload(small_image(1), file_name=name)
            await imgwire.images.wait_until_ready(image.id)
        return str(image.id)

    return anyio.run(upload)


def on_terminal(*arguments: str, columns: int, env: dict[str, str] | None = None) -> tuple[int, str]:
    """The output on a terminal of this width, and the exit code."""
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=os.environ | {"TERM": "xterm"} | (env or {}),
    ) as process:
        os.close(slave)
        output = b""
        while True:
            try:
                chunk = os.read(master, 65536)
            except OSError:  # the terminal has no writer any more
                break
            if not chunk:
                break
            output += chunk
        os.close(master)
    return process.returncode, output.decode()


@pytest.mark.parametrize("columns", [0, 1, 40, 80])
def test_a_terminal_of_any_width_shows_complete_ids(sandbox: Sandbox, columns: int) -> None:
    image_id = stored(sandbox, "x.png")

    code, output = on_terminal("ls", columns=columns)

    assert code == 0
    assert image_id[-4:] in "".join(output.split())
    assert "PENDING" in output or "READY" in output


@pytest.mark.parametrize("columns", [0, 40])
@pytest.mark.parametrize("arguments", [("metrics",), ("whoami",)], ids=" ".join)
def test_nothing_is_cut_off_in_odd_terminals(columns: int, arguments: tuple[str, ...]) -> None:
    code, output = on_terminal(*arguments, columns=columns)

    assert (code, "Traceback" in output) == (0, False)
    assert "…" not in output
    assert len(output.strip()) > 50


@pytest.mark.parametrize("value", ["0", "1", "many", "80"])
@pytest.mark.parametrize("arguments", [("--help",), ("ls",)], ids=" ".join)
def test_no_terminal_width_hides_the_output(sandbox: Sandbox, value: str, arguments: tuple[str, ...]) -> None:
    stored(sandbox, NAME)

    ended = run(*arguments, env={"COLUMNS": value})

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert (b"sandbox" if arguments == ("--help",) else NAME.encode()) in ended.stdout


ENCODINGS = [
    {"LANG": "C", "LC_ALL": "C"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
]


@pytest.mark.parametrize("variables", ENCODINGS, ids=str)
@pytest.mark.parametrize(
    "arguments", [("--help",), ("metrics",), ("ls",), ("ingest", "photos")], ids=" ".join
)
def test_no_encoding_ends_a_command(
    sandbox: Sandbox, variables: dict[str, str], arguments: tuple[str, ...]
) -> None:
    folder_of(Path("photos"), 2)
    stored(sandbox, "日本é.png")

    ended = run(*arguments, env=variables)

    assert ended.returncode == 0, ended.stderr
    assert b"Traceback" not in ended.stderr
    assert ended.stdout.strip()


def with_bars() -> Iterator[None]:
    with upload_bars() as bar:
        report = bar("hero.png")
        yield
        report(UploadProgress(sent=1, total=2, attempt=1))


def with_a_spinner() -> Iterator[None]:
    with beside().status("Waiting ...") as shown:
        yield
        shown.update("Still waiting ...")


def with_a_live_view() -> Iterator[None]:
    with Live(console=beside(), auto_refresh=False, transient=True) as live:
        yield
        live.update("1 of 2", refresh=True)
        note("Finishing uploads in progress.")


@pytest.mark.parametrize("shown", [with_bars, with_a_spinner, with_a_live_view])
def test_a_terminal_that_goes_away_does_not_end_the_work_that_it_shows(
    monkeypatch: pytest.MonkeyPatch, shown: Callable[[], Iterator[None]]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        work = shown()
        next(work)
        os.close(master)  # like a closed connection: from now on, writing fails with EIO
        assert next(work, "done") == "done"
