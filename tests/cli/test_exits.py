"""Exit codes and messages of all commands, in real processes, from start-up to shutdown."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import pytest

from imgwire_async import errors
from imgwire_async.cli.exits import EXIT_CODES, ExitCode, exit_code
from imgwire_async.cli.program import run_program
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.sandbox import Sandbox
from tests.hangs import HANGS
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
    return subprocess.run(command, text=True, check=False, timeout=HANGS, **streams)


def test_every_code_is_in_the_table_of_the_help_and_of_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "imgwire_async" / "guides" / "command-line.md").read_text()
    for code in ExitCode:
        assert f"{code.value} " in EXIT_CODES
        assert f"\n| {code.value} | " in guide
    for line in EXIT_CODES.splitlines():
        assert "\n| {} | {} |\n".format(*line.split(" ", 1)) in guide


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
        (errors.DownloadTargetError("x", errno=errno.ENOSPC), 1),
        (errors.DownloadTargetError("x", errno=errno.EEXIST), 1),
        (errors.DownloadTargetError("x", errno=errno.EACCES), 2),
        (errors.InvalidArgumentError("image must be a UUID"), 5),
        (errors.InvalidArgumentError("--tz: unknown"), 2),
    ],
    ids=repr,
)
def test_each_error_has_its_code(error: errors.ImgwireError, code: int) -> None:
    assert exit_code(error) == code


@pytest.mark.parametrize("arguments", [("ls",), ("ingest", "photos")], ids=" ".join)
def test_a_rejected_key_ends_all_commands_alike(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(tmp_path / "photos", 2)
    monkeypatch.setenv("IMGWIRE_API_KEY", "sk_wrong")

    assert run(*arguments).returncode == 3


def test_a_journal_in_use_is_not_wrong_usage(tmp_path: Path) -> None:
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
def test_output_that_cannot_be_written_is_reported_in_one_line(
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


NOWHERE = "01c1fa3c-c75b-4c02-bdd9-cf9e2dcacbb6"
PRINTING = [
    ["--help"],
    ["--version"],
    ["upload", "photos/0000.png"],
    ["upload-url", "http://127.0.0.1:9/x.png"],
    ["token"],
    ["ls", "--json"],
    ["ls"],
    ["url", "https://cdn.example.com/x"],
    ["rm", NOWHERE, NOWHERE, "--yes"],
    ["cors", "add", "a.example.com"],
    ["cors", "ls", "--json"],
    ["domain", "set", "images.example.com"],
    ["metrics"],
    ["whoami"],
    ["ingest", "photos"],
    ["ingest", "photos", "--json"],
    ["sandbox", "--port", "0"],
]
"""Commands with every kind of output."""


def run_in_here(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command in this process with the current standard streams; returns its exit code."""
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setattr(sys, "argv", ["imgwire-async", *arguments])
    try:
        with pytest.raises(SystemExit) as ended:
            run_program()
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    return int(str(ended.value.code))


@pytest.mark.parametrize(
    ("state", "reason"),
    [("full", "No space left on device"), ("closed", "standard output is closed"), ("nobody reads", None)],
)
def test_no_command_succeeds_if_its_output_cannot_be_printed(
    state: str, reason: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(tmp_path / "photos", 1)
    endings = {}
    for arguments in PRINTING:
        with monkeypatch.context() as patch:
            errors_shown = io.StringIO()
            patch.setattr(sys, "stderr", errors_shown)
            with unwritable_file(state) as output:
                patch.setattr(sys, "stdout", output)
                code = run_in_here(arguments, patch)
            shown = [line for line in errors_shown.getvalue().splitlines() if "Error" in line]
            endings[" ".join(arguments)] = code, shown

    expected = (1, [f"Error: cannot write the output: {reason}"] if reason else [])
    assert endings == dict.fromkeys(endings, expected)


@contextmanager
def unwritable_file(state: str) -> Iterator[TextIO]:
    if state == "nobody reads":
        reader, descriptor = os.pipe()
        os.close(reader)
    else:
        # A descriptor that can only be read stands in for a closed one.
        descriptor = os.open(
            *{"full": ("/dev/full", os.O_WRONLY), "closed": (os.devnull, os.O_RDONLY)}[state]
        )
    with suppress(OSError), open(descriptor, "w") as file:  # noqa: PTH123
        yield file


def test_a_closed_standard_output_is_a_failure() -> None:
    command = f'exec "{sys.executable}" -c "{MAIN}" ls --json >&-'
    ended = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (
        1,
        "Error: cannot write the output: standard output is closed\n",
    )


def test_a_file_that_can_never_be_written_is_wrong_usage_of_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(tmp_path / "photos", 1)
    image = json.loads(run("upload", "photos/0000.png", "--wait", "--json").stdout)
    (tmp_path / "file").write_text("no folder")

    codes = {
        (command[0], folder): run_in_here([*command, f"{folder}/x{extension}"], monkeypatch)
        for folder in ("missing", "file")
        for extension, command in {
            ".png": ["metrics", "--png"],
            ".jsonl": ["ingest", "photos", "--failed"],
            ".jpg": ["download", image["id"], "--to"],
        }.items()
    }

    assert codes == dict.fromkeys(codes, 2)


def test_a_wrong_option_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path / "photos", 1)
    commands = (
        "metrics --tz No/Where",
        "metrics --interval YEARLY",
        "ls --limit 0",
        "ls --page x",
        "ls --base-url nonsense",
        "ingest photos --on-change never",
        "ingest photos --deadline -1",
        "ingest photos --concurrency some",
        "ingest photos --bandwidth-limit fast",
        "ingest photos --column sku",
        f"download {NOWHERE} --preset huge",
        "upload photos/0000.png --meta x",
        "nonsense",
    )
    codes = {command: run_in_here(command.split(), monkeypatch) for command in commands}

    assert codes == dict.fromkeys(commands, 2)


def test_the_installed_command_is_ready_for_signals_before_it_loads_the_package() -> None:
    code = (
        "import sys, imgwire_async_command, _signal\n"
        "print('imgwire_async' in sys.modules, [callable(_signal.getsignal(one)) for one in (2, 15)])\n"
        "_signal.raise_signal(2)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    program = Path(shutil.which("imgwire-async", path=str(Path(sys.executable).parent)) or "")

    assert (ended.returncode, ended.stderr) == (130, "")
    assert "from imgwire_async_command import main" in program.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("milliseconds", [60, 120, 200, 300, 450])
def test_a_signal_in_the_first_second_shows_no_traceback(
    sandbox: Sandbox, number: signal.Signals, milliseconds: int
) -> None:
    sandbox.faults.always("images.list", stall=30.0)
    # Prints a dot once our code has set its handlers: earlier signals reach only the interpreter.
    code = (
        "import sys; from imgwire_async.cli import interruptions, main; interruptions.at_once(); "
        "sys.stderr.write('.'); sys.stderr.flush(); main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "ls"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.read(1) == "."
        time.sleep(milliseconds / 1000)  # the exit must be the same at any point of the start-up
        process.send_signal(number)
        _, complaints = process.communicate(timeout=HANGS)

    assert (process.returncode, complaints) == (128 + number, "")


CLEANING_UP = """
import os, anyio
from imgwire_async.cli import interruptions
from imgwire_async.cli.output import guarded

async def work():
    try:
        print(flush=True)
        await anyio.sleep(600)
    finally:
        with anyio.CancelScope(shield=True):
            os.kill(os.getpid(), {number})
            await anyio.sleep(600)

guarded(lambda: interruptions.run(work), as_json=False)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_a_command_that_cleans_up_after_the_first(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CLEANING_UP.format(number=int(number))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=HANGS)

    assert (process.returncode, complaints) == (128 + number, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_an_event_loop_starts_breaks_nothing(number: signal.Signals) -> None:
    code = f"""
import os, socket
made = socket.socketpair

def interrupted(*arguments):
    os.kill(os.getpid(), {int(number)})
    return made(*arguments)

socket.socketpair = interrupted
{MAIN}
"""
    ended = subprocess.run([sys.executable, "-c", code, "ls"], capture_output=True, check=False)

    assert (ended.returncode, ended.stderr) == (128 + number, b"")


IN_A_DESTRUCTOR = """
import os, sys

class Signals:
    def __del__(self):
        os.kill(os.getpid(), {number})
        for _ in range(1000):
            pass

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            sys.meta_path.remove(self)
            Signals()

sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "module",
    ["imgwire_async.cli.app", "anyio", "httpx"],
    ids=["loading", "running a command", "making a client"],
)
def test_a_signal_is_not_lost_where_python_ignores_exceptions(module: str, number: signal.Signals) -> None:
    code = IN_A_DESTRUCTOR.format(module=module, number=int(number)) + MAIN
    with subprocess.Popen(
        [sys.executable, "-c", code, "upload", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        code_of_exit = process.wait(HANGS)
        assert process.stderr is not None
        assert (code_of_exit, process.stderr.read()) == (128 + number, b"")


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
        _, complaints = process.communicate(timeout=HANGS)

    assert (process.returncode, b"Traceback" in complaints) == (128 + number, False)


def test_errors_of_a_journal_are_json_for_scripts(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", 1)
    with closing(sqlite3.connect(tmp_path / "photos.journal")) as other:
        other.executescript("CREATE TABLE other (x)")

    ended = run("ingest", "photos", "--json")

    assert (ended.returncode, json.loads(ended.stderr)["error"]) == (2, "JournalError")
