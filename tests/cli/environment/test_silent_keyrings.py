"""Keyrings that never return: Ctrl-C ends every command at once; without it, a timeout does."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keyring
import pytest

from imgwire_async.cli import keyrings, profiles
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import ConfigurationError
from imgwire_async.sandbox import Sandbox
from tests.hangs import HANGS
from tests.ingest.support import folder_of

MAIN = "from imgwire_async.cli import main; main()"
BACKEND = """\
import sys
import threading

from keyring.backend import KeyringBackend


def hang():
    print("called", file=sys.stderr, flush=True)
    while True:
        try:
            threading.Event().wait()
        except BaseException:
            pass


class Keyring(KeyringBackend):
    priority = 5

    def get_password(self, service, username):
        hang()

    set_password = delete_password = lambda self, *_: hang()


class Loading(Keyring):
    @property
    def priority(self):
        hang()


class Prompting(Keyring):
    def get_password(self, service, username):
        import getpass

        getpass.getpass("Password of the keyring: ", stream=sys.stderr)
"""
PROFILES = """\
[default imgwire]
key = keyring
base_url = {0}

[default imgix]
key = keyring
base_url = {0}
"""


@pytest.fixture(autouse=True)
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("IMGWIRE_API_KEY", "IMGWIRE_API_BASE_URL", "IMGWIRE_ENVIRONMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    for name in ("IMGIX_API_KEY", "IMGIX_API_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    folder_of(tmp_path / "photos", 1)
    (tmp_path / "silent.py").write_text(BACKEND)
    (tmp_path / "profiles.ini").write_text(PROFILES.format(sandbox.base_url))
    monkeypatch.setenv(profiles.FILE_VARIABLE, str(tmp_path / "profiles.ini"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "silent.Keyring")


@contextmanager
def started(*arguments: str, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    with subprocess.Popen([sys.executable, "-c", MAIN, *arguments], **options) as process:
        try:
            yield process
        finally:
            process.kill()


def end(process: subprocess.Popen[bytes], number: signal.Signals) -> tuple[int, bytes]:
    """Exit code and messages after a signal that is sent once the keyring has been called."""
    assert process.stderr is not None
    assert process.stderr.readline() == b"called\n"
    process.send_signal(number)
    _, complaints = process.communicate(timeout=HANGS)
    return process.returncode, complaints


@pytest.mark.parametrize(
    "command",
    ["ls", "whoami", "imgix sources ls", "ingest photos", "export backup", "migrate run", "logout"],
)
def test_one_signal_ends_a_command_that_waits_for_a_keyring(command: str) -> None:
    with started(*command.split()) as process:
        assert end(process, signal.SIGINT) == (130, b"")


def test_a_terminating_signal_has_its_own_code() -> None:
    with started("ls") as process:
        assert end(process, signal.SIGTERM) == (143, b"")


def test_a_keyring_may_hang_while_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "silent.Loading")

    with started("ls") as process:
        assert end(process, signal.SIGINT) == (130, b"")


def test_a_login_that_waits_for_a_keyring_stores_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    before = (tmp_path / "profiles.ini").read_text()

    with started("login", "--base-url", sandbox.base_url) as process:
        assert process.stdin is not None
        process.stdin.write(sandbox.server_key.encode())
        process.stdin.close()
        process.stdin = None
        assert end(process, signal.SIGINT) == (130, b"")

    assert (tmp_path / "profiles.ini").read_text() == before


def test_an_interrupted_prompt_of_a_keyring_leaves_the_terminal_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "silent.Prompting")
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    try:
        with started("ls", stdin=slave, start_new_session=True) as process:
            assert process.stderr is not None
            assert process.stderr.read(8) == b"Password"
            assert termios.tcgetattr(slave) != before
            process.send_signal(signal.SIGINT)
            assert process.wait(HANGS) == 130
        assert termios.tcgetattr(slave) == before
    finally:
        os.close(master)
        os.close(slave)


def test_a_keyring_that_is_silent_for_long_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forever = threading.Event()
    monkeypatch.setattr(keyring, "get_keyring", forever.wait)
    monkeypatch.setattr(keyrings, "SILENCE_SECONDS", 0.01)
    monkeypatch.setattr(keyrings, "PATIENCE_SECONDS", 0.02)

    try:
        with pytest.raises(ConfigurationError, match="of profile 'default': it has not answered for"):
            profiles.load("default", "imgwire")
        assert "Waiting for the system's keyring" in capsys.readouterr().err

        stored = profiles.store(profiles.Profile("default", "imgwire", Secret("sk_x")))
        assert stored.where.endswith("profiles.ini")
    finally:
        forever.set()


def test_a_command_reads_the_keyring_once(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "counting.py").write_text(
        "from keyring.backend import KeyringBackend\n"
        "class Keyring(KeyringBackend):\n"
        "    priority = 5\n"
        "    def get_password(self, service, username):\n"
        "        with open('calls', 'a') as calls: calls.write('x')\n"
        f"        return {sandbox.server_key!r}\n"
        "    set_password = delete_password = get_password\n"
    )
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "counting.Keyring")

    ended = subprocess.run(
        [sys.executable, "-c", MAIN, "whoami"], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "calls").read_text() == "x"
