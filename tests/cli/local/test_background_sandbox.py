"""`eval "$(imgwire-async sandbox --env)"`: a sandbox in the background of a shell."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.hangs import HANGS
from tests.sandbox.imgwire.support import eventually

PROGRAM = f"{shlex.quote(sys.executable)} -m imgwire_async.cli"
START = f'eval "$({PROGRAM} sandbox --env)"'
TELL = "echo $IMGWIRE_API_BASE_URL"
SHELLS = [shell for shell in ("sh", "bash", "dash", "zsh") if shutil.which(shell)]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Register this test's sandboxes in a folder of their own, apart from the user's sandboxes."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    yield tmp_path
    assert eventually(lambda: not list(tmp_path.glob("imgwire-sandboxes-*/*")))


def shell(script: str, name: str = "sh") -> subprocess.CompletedProcess[str]:
    return subprocess.run([name, "-c", script], capture_output=True, text=True, check=False, timeout=HANGS)


def answers(base_url: str) -> bool:
    parts = urlsplit(base_url)
    with socket.socket() as probe:
        return probe.connect_ex((str(parts.hostname), parts.port or 0)) == 0


@pytest.mark.parametrize("name", SHELLS)
def test_programs_of_the_shell_use_it_and_it_ends_with_the_shell(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGWIRE_ENVIRONMENT_ID", "11111111-2222-4333-8444-555555555555")
    run = shell(f"{START} && {TELL} && echo $IMGWIRE_CLIENT_KEY && {PROGRAM} whoami --json", name)

    assert run.returncode == 0, run.stderr
    base_url, client_key, told = run.stdout.splitlines()
    assert client_key.startswith("ck_")
    assert (json.loads(told)["base_url"], json.loads(told)["health"]) == (base_url, "ok")
    assert eventually(lambda: not answers(base_url))


def test_a_local_imgix_sets_its_own_variables_and_can_be_stopped() -> None:
    start = f'eval "$({PROGRAM} sandbox imgix --env)"'
    run = shell(f"{start}; echo $IMGIX_API_BASE_URL; echo $IMGIX_API_KEY; {PROGRAM} sandbox --stop")

    assert run.returncode == 0, run.stderr
    base_url, key, stopped = run.stdout.splitlines()
    assert key.startswith("ak_")
    assert stopped == f"Stopped {base_url}."
    assert not answers(base_url)


def test_it_outlives_the_subshells_of_a_shell_and_can_be_stopped() -> None:
    run = shell(f"{START}; {TELL}; sleep 7; {PROGRAM} whoami --json; {PROGRAM} sandbox --stop; {TELL}")

    base_url, told, stopped, _ = run.stdout.splitlines()
    assert json.loads(told)["health"] == "ok"
    assert stopped == f"Stopped {base_url}."
    assert not answers(base_url)


def test_it_ends_with_a_shell_that_is_killed() -> None:
    with subprocess.Popen(
        ["sh", "-c", f"{START}; {TELL}; read x"], stdin=-1, stdout=-1, text=True
    ) as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        assert answers(base_url)
        process.kill()
        # It ends even while the shell is a zombie whose parent has not waited for it.
        assert eventually(lambda: not answers(base_url))


def test_it_ends_with_a_program_that_evaluates_nothing() -> None:
    code = f"import subprocess; print(subprocess.check_output({PROGRAM + ' sandbox --env'!r}, shell=True))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    base_url = next(part for part in run.stdout.split("\\n") if "BASE_URL" in part).partition("=")[2]

    assert base_url.startswith("http://127.0.0.1:")
    assert eventually(lambda: not answers(base_url))


def test_a_failed_start_makes_eval_fail() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = shell(f'set -e; eval "$({PROGRAM} sandbox --env --port {port})"; echo still here')

    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith(f"Error: port {port} is in use by another program")


def test_invalid_options_make_eval_fail_as_wrong_usage() -> None:
    run = shell(f"{PROGRAM} sandbox --env --fault fire")

    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (2, "false\n", 1)
    assert run.stderr.startswith("Error: --fault fire: unknown fault 'fire'; use a status")


def test_without_a_background_sandbox_there_is_nothing_to_stop() -> None:
    run = shell(f"{PROGRAM} sandbox --stop")

    assert (run.returncode, run.stderr) == (4, "Error: no sandbox runs in the background\n")


def test_one_of_several_must_be_chosen() -> None:
    run = shell(
        f"{START}; first=$IMGWIRE_API_BASE_URL; {START}; unset IMGWIRE_API_BASE_URL;"
        f"{PROGRAM} sandbox --stop; echo $?; {PROGRAM} sandbox --stop --port ${{first##*:}}"
    )

    code, stopped = run.stdout.splitlines()
    assert (code, "choose one with --port" in run.stderr) == ("4", True)
    assert stopped.startswith("Stopped http://127.0.0.1:")


def test_modules_of_the_current_folder_do_not_shadow_ours(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / "typing.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(own_folder)
    program = f"{shlex.quote(sys.executable)} -P -m imgwire_async.cli"

    run = shell(f'eval "$({program} sandbox --env)"; {TELL}')

    assert run.stdout.startswith("http://127.0.0.1:"), run.stderr


def test_every_variable_is_set() -> None:
    script = f"{START}; env"
    run = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, env=os.environ)

    names = {line.partition("=")[0] for line in run.stdout.splitlines() if line.startswith("IMGWIRE_")}
    names.discard("IMGWIRE_CONFIG_FILE")  # set for all tests
    assert names == {
        "IMGWIRE_API_KEY",
        "IMGWIRE_API_BASE_URL",
        "IMGWIRE_ENVIRONMENT_ID",
        "IMGWIRE_CLIENT_KEY",
    }
