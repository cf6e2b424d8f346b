"""How commands end: one table for all of them, from their first moment to their last, in real processes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from imgwire_async import errors
from imgwire_async.cli.exits import EXIT_CODES, ExitCode, exit_code
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.sandbox import Sandbox
from tests.ingest.support import folder_of

MAIN = "from imgwire_async.cli import main; main()"


@pytest.fixture(autouse=True)
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", MAIN, *arguments]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(command, text=True, check=False, timeout=60, **streams)


def test_every_code_is_in_the_table_of_the_help_and_of_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for code in ExitCode:
        assert f"{code.value} " in EXIT_CODES
        assert f"\n| {code.value} | " in readme


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigurationError("x"), 2),
        (errors.PermissionDeniedError("x"), 3),
        (errors.NotFoundError("x"), 4),
        (errors.UnsupportedImageTypeError("x"), 5),
        (errors.APIConnectionError("x"), 6),
        (errors.JournalError("x", reason="in_use"), 7),
        (errors.JournalError("x", reason="full"), 7),
        (errors.JournalError("x"), 2),
        (errors.IngestStoppedError("x", reason="deadline"), 7),
        (errors.DownloadTargetError("x"), 1),
    ],
    ids=repr,
)
def test_each_error_has_its_code(error: errors.ImgwireError, code: int) -> None:
    assert exit_code(error) == code


@pytest.mark.parametrize("arguments", [("ls",), ("ingest", "photos")], ids=" ".join)
def test_a_refused_key_ends_all_commands_alike(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(tmp_path / "photos", 2)
    monkeypatch.setenv("IMGWIRE_API_KEY", "sk_wrong")

    assert run(*arguments).returncode == 3


def test_a_journal_in_use_is_no_wrong_usage(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", 1)
    with Journal(tmp_path / "photos.journal"):
        ended = run("ingest", "photos")

    assert (ended.returncode, "in use" in ended.stderr) == (7, True)


def test_a_disk_that_is_full_under_the_journal_is_the_same_at_the_start_and_during_the_job(
    tmp_path: Path,
) -> None:
    folder_of(tmp_path / "photos", 300)
    limits = {}
    for name, size in {"start": 1024, "job": 120_000}.items():
        code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}));" + MAIN
        command = [sys.executable, "-c", code, "ingest", "photos", "--journal", f"{name}.journal"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        limits[name] = ended.returncode, "Traceback" in ended.stderr

    assert limits == {"start": (7, False), "job": (7, False)}


def test_a_deadline_is_a_job_that_stopped(sandbox: Sandbox, tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", 2)
    sandbox.faults.always("images.create", stall=1.0)

    assert run("ingest", "photos", "--deadline", "0.2").returncode == 7


@pytest.mark.parametrize("arguments", [("ls",), ("--help",), ("ingest", "photos", "--json")], ids=" ".join)
def test_output_that_cannot_be_written_is_said_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    folder_of(tmp_path / "photos", 1)
    with open("/dev/full", "w") as full:  # noqa: PTH123
        ended = run(*arguments, stdout=full)

    assert ended.returncode == 1
    assert ended.stderr == "Error: cannot write the output: No space left on device\n"


def test_a_job_whose_reader_has_gone_writes_its_files_and_ends_quietly(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", 3)
    reader, writer = os.pipe()
    os.close(reader)
    ended = run("ingest", "photos", "--json", "--images", "map.csv", stdout=writer)
    os.close(writer)

    assert (ended.returncode, ended.stderr) == (1, "")
    assert (tmp_path / "map.csv").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("milliseconds", [60, 120, 200, 300, 450])
def test_a_signal_in_the_first_second_shows_no_traceback(
    sandbox: Sandbox, number: signal.Signals, milliseconds: int
) -> None:
    sandbox.faults.always("images.list", stall=30.0)
    # Says when it has begun: what the interpreter does before that is not ours.
    code = "import sys; from imgwire_async.cli import main; sys.stderr.write('.'); sys.stderr.flush(); main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "ls"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.read(1) == "."
        time.sleep(milliseconds / 1000)  # wherever it is by then, it ends in the same way
        process.send_signal(number)
        _, complaints = process.communicate(timeout=20)

    assert (process.returncode, complaints) == (128 + number, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_a_question_ends_with_its_code(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, "rm", "01c1fa3c-c75b-4c02-bdd9-cf9e2dcacbb6"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.read(6) == b"Delete"
        process.send_signal(number)
        _, complaints = process.communicate(timeout=20)

    assert (process.returncode, b"Traceback" in complaints) == (128 + number, False)


def test_errors_of_a_journal_are_json_for_scripts(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", 1)
    sqlite3.connect(tmp_path / "photos.journal").executescript("CREATE TABLE other (x)")

    ended = run("ingest", "photos", "--json")

    assert (ended.returncode, json.loads(ended.stderr)["error"]) == (2, "JournalError")
