"""`upload -` and `download --to -`: images through pipes."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import IO, Any

import pytest

from imgwire_async.sandbox import Sandbox
from tests.hangs import HANGS

MAIN = "from imgwire_async.cli import main; main()"


@pytest.fixture(autouse=True)
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run([sys.executable, "-c", MAIN, *arguments], check=False, timeout=HANGS, **streams)


@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_an_image_can_be_read_from_standard_input_and_written_to_standard_output(
    photo: Path, kind: str
) -> None:
    arguments = ("upload", "-", "--file-name", "hero.jpg", "--wait", "--json")
    if kind == "pipe":
        stored = run(*arguments, input=photo.read_bytes())
    else:
        with photo.open("rb") as file:
            stored = run(*arguments, stdin=file)
    assert stored.returncode == 0, stored.stderr
    image = json.loads(stored.stdout)
    assert (image["original_filename"], image["mime_type"]) == ("hero.jpg", "image/jpeg")

    fetched = run("download", image["id"], "--to", "-")

    assert (fetched.returncode, fetched.stdout, fetched.stderr) == (0, photo.read_bytes(), b"")
    assert not list(Path().iterdir())


def test_name_and_type_are_detected_if_omitted(photo: Path) -> None:
    stored = run("upload", "-", "--json", input=photo.read_bytes())

    image = json.loads(stored.stdout)
    assert (image["original_filename"], image["mime_type"]) == ("image.jpg", "image/jpeg")


@pytest.mark.parametrize(("content", "code"), [(b"", 5), (b"no image", 5)], ids=["nothing", "no image"])
def test_what_is_not_an_image_is_rejected(content: bytes, code: int) -> None:
    ended = run("upload", "-", input=content)

    assert (ended.returncode, b"Traceback" in ended.stderr) == (code, False)


def test_a_closed_standard_input_is_rejected() -> None:
    ended = subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -c "{MAIN}" upload - <&-'],
        capture_output=True,
        check=False,
        timeout=HANGS,
    )

    assert (ended.returncode, b"Traceback" in ended.stderr) == (5, False), ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [("-", "-"), ("a.jpg", "b.jpg", "--file-name", "x.jpg"), ("a.jpg", "-", "--mime-type", "x/y")],
)
def test_unusable_options_are_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert run("upload", *arguments, input=b"").returncode == 2


def test_a_file_named_like_standard_input_can_be_uploaded(photo: Path) -> None:
    Path("-").write_bytes(photo.read_bytes())

    assert json.loads(run("upload", f"{Path.cwd()}/-", "--json").stdout)["original_filename"] == "-"


def test_a_reader_that_has_gone_ends_a_download_quietly(photo: Path) -> None:
    image = json.loads(run("upload", str(photo), "--wait", "--json").stdout)
    reader, writer = os.pipe()
    os.close(reader)
    ended = run("download", image["id"], "--to", "-", stdout=writer)
    os.close(writer)

    assert (ended.returncode, ended.stderr) == (1, b"")


def test_ctrl_c_ends_the_wait_for_standard_input(photo: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, "upload", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(photo.read_bytes()[:100])
        process.stdin.flush()
        while unread_bytes_of(process.stdin):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert (process.wait(timeout=HANGS), process.stderr.read()) == (130, b"")


def unread_bytes_of(pipe: IO[bytes]) -> int:
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
