"""A local Imgwire in the background of a shell: `eval "$(imgwire-async sandbox --env)"`.

It is a separate process, `python -m imgwire_async.cli.local.background`, which ends with the shell that
started it, or by `imgwire-async sandbox --stop`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from imgwire_async.cli.exits import ExitCode
from imgwire_async.cli.local.services import Setup, exports, make, problem_of, show_in_browser

if TYPE_CHECKING:
    pass

_POLL: Final = 0.25  # seconds
_SHORT_LIVED: Final = 5.0
"""If the parent ends within this many seconds, it was the subshell of a command substitution."""
_STOPPING: Final = 15.0  # seconds


class BackgroundError(Exception):
    """The sandbox cannot be started or found; the message is for display.

    Attributes:
        code: Exit code of the command.
    """

    def __init__(self, message: str, code: int = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A sandbox in the background."""

    pid: int
    base_url: str


@dataclass(frozen=True, slots=True)
class _Process:
    """A process, distinguished from a later one with the same number."""

    pid: int
    started: str | None

    @classmethod
    def of(cls, pid: int) -> _Process:
        fields = _fields(pid)
        return cls(pid, fields[19] if fields else None)

    def is_alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        fields = _fields(self.pid)
        return fields is None or (fields[0] != "Z" and fields[19] == self.started)


def _fields(pid: int) -> list[str] | None:
    """Linux's fields of a process from its state on; None on other systems, or if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def start(setup: Setup) -> str:
    """Start a sandbox that keeps running after this process ends.

    Returns:
        Shell code to evaluate: exports, and a line that passes the shell's process id to the sandbox.

    Raises:
        BackgroundError: it could not be started.
    """
    parent = os.getppid()
    fields = _fields(parent)
    asked = {
        "setup": asdict(setup),
        "parents": [parent, *([int(fields[1])] if fields else [])],
    }
    process = subprocess.Popen(  # noqa: S603 - our own program
        # -P: modules in the current folder must not replace ours.
        [sys.executable, "-P", "-m", "imgwire_async.cli.local.background", json.dumps(asked)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101 - they are pipes
    assert process.stderr is not None  # noqa: S101
    told = process.stdout.readline()
    if not told:
        problem = process.stderr.read().strip().rpartition("\n")[2]
        code = process.wait()
        if not problem or code not in set(ExitCode):
            raise BackgroundError(problem or "it ended before it was ready")
        raise BackgroundError(problem, code)
    process.stdout.close()
    process.stderr.close()
    process.returncode = 0  # it keeps running when this process ends
    facts = json.loads(told)
    owner = shlex.quote(str(_owner_file(facts["pid"])))
    return "\n".join((*exports(facts["variables"]), f'printf %s "$$" > {owner}'))


def stop(port: int | None) -> Running:
    """Stop the sandbox on this port, or else the one in the environment variables, or else the only one.

    Raises:
        BackgroundError: there is no sandbox, or more than one.
    """
    running = _all_running()
    wanted = {os.environ.get("IMGWIRE_API_BASE_URL"), os.environ.get("IMGIX_API_BASE_URL")}
    if port is not None:
        running = [one for one in running if one.base_url.endswith(f":{port}")]
    elif any(one.base_url in wanted for one in running):
        running = [one for one in running if one.base_url in wanted]
    if not running:
        raise BackgroundError("no sandbox runs in the background")
    if len(running) > 1:
        addresses = ", ".join(sorted(one.base_url for one in running))
        raise BackgroundError(f"several sandboxes run in the background: {addresses}; choose one with --port")
    (one,) = running
    with contextlib.suppress(ProcessLookupError):
        os.kill(one.pid, signal.SIGTERM)
    end = time.monotonic() + _STOPPING
    while _is_held(_state_file(one.pid)):
        if time.monotonic() > end:
            raise BackgroundError(f"the sandbox at {one.base_url} (process {one.pid}) does not stop")
        time.sleep(0.02)
    return one


def _folder() -> Path:
    """A folder that only this user can access."""
    folder = Path(tempfile.gettempdir(), f"imgwire-sandboxes-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise BackgroundError(
            f"{folder} must be a folder that belongs to this user and that no one else can write to; "
            "remove it"
        )
    return folder


def _state_file(pid: int) -> Path:
    return _folder() / f"{pid}.json"


def _owner_file(pid: int) -> Path:
    return _folder() / f"{pid}.owner"


def _all_running() -> list[Running]:
    running = []
    for path in _folder().glob("*.json"):
        with contextlib.suppress(OSError, ValueError, TypeError):
            if _is_held(path):
                running.append(Running(**json.loads(path.read_text())))
            else:
                path.unlink()  # left by a sandbox that was killed
    return running


def _is_held(path: Path) -> bool:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextlib.contextmanager
def _registered(running: Running) -> Iterator[None]:
    """Register this process for `stop`, for as long as it holds the lock."""
    path = _state_file(running.pid)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(asdict(running), file)
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            _owner_file(running.pid).unlink(missing_ok=True)


def _wait_for_the_end(stopped: threading.Event, parents: list[_Process], owner_file: Path) -> None:
    began = time.monotonic()
    owner: _Process | None = None
    while not stopped.wait(_POLL):
        if owner is None:
            with contextlib.suppress(OSError, ValueError):
                owner = _Process.of(int(owner_file.read_text()))
        if owner is not None:
            if not owner.is_alive():
                return
        elif not parents[0].is_alive():
            if len(parents) == 1 or time.monotonic() - began > _SHORT_LIVED:
                return
            del parents[0]


def serve() -> None:
    """Run a sandbox until its shell ends, or SIGTERM comes."""
    asked = json.loads(sys.argv[1])
    setup = Setup(**asked["setup"])
    parents = [_Process.of(pid) for pid in asked["parents"]]
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        local = make(setup)
        local.start()
    except ValueError as error:
        _end(f"{error}.", ExitCode.USAGE)
    except OSError as error:
        sentence, code = problem_of(error, setup)
        _end(f"{sentence}.", code)
    pid = os.getpid()
    try:
        with _registered(Running(pid=pid, base_url=local.base_url)):
            sys.stdout.write(json.dumps({"pid": pid, "variables": dict(local.variables)}) + "\n")
            sys.stdout.flush()
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (1, 2):  # the process that read them has ended
                os.dup2(null, stream)
            if setup.open:
                show_in_browser(local)
            _wait_for_the_end(stopped, parents, _owner_file(pid))
    finally:
        local.stop()


def _end(problem: str, code: ExitCode) -> NoReturn:
    sys.stderr.write(f"{problem}\n")
    sys.exit(code)


if __name__ == "__main__":
    serve()
