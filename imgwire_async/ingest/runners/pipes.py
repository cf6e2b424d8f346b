"""Workers in processes on this machine, connected by pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.abc import ByteReceiveStream, Process, TaskGroup

from imgwire_async.ingest.runners.link import Ending

_LAST_WORDS: Final = 500  # characters
_END_SECONDS: Final = 5.0

if sys.platform == "win32":
    _OUT_OF_REACH_OF_CTRL_C: Final[Mapping[str, Any]] = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    _OUT_OF_REACH_OF_CTRL_C: Final[Mapping[str, Any]] = {"start_new_session": True}
# The job ends its processes itself, after the items in flight have finished.


class PipeLink:
    """The link to a process on this machine, see `WorkerLink`.

    Args:
        secret_variables: environment variables that are removed for the process.
    """

    gather_seconds = 0.0
    """Writing to a pipe costs next to nothing."""

    def __init__(self, secret_variables: Collection[str]) -> None:
        self._secret_variables = secret_variables
        self.process: Process | None = None
        self._problem = ""
        self._last_words = ""
        self._is_silent = anyio.Event()

    async def start(self, tasks: TaskGroup) -> None:
        """Start the process.

        Raises:
            OSError: it cannot be started.
        """
        try:
            self.process = await anyio.open_process(
                [sys.executable, "-P", "-m", "imgwire_async.ingest.runners.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(self._secret_variables),
                **_OUT_OF_REACH_OF_CTRL_C,
            )
        except OSError as error:
            self._problem = f"before it began: {error}"
            raise
        assert self.process.stderr is not None  # noqa: S101 - it is a pipe
        tasks.start_soon(self._pass_on, self.process.stderr)

    async def send(self, data: bytes) -> None:
        """Write to the standard input of the process."""
        if self.process is None or self.process.stdin is None:
            raise anyio.ClosedResourceError
        await self.process.stdin.send(data)

    async def receive(self, *, will_send: bool) -> bytes:  # noqa: ARG002 - a pipe carries bytes both ways
        """Read from the standard output of the process."""
        if self.process is None or self.process.stdout is None:
            raise anyio.ClosedResourceError
        return await self.process.stdout.receive()

    async def ended(self) -> Ending:
        """How the process ended, with the last line of its standard error."""
        if self.process is None:
            return Ending(self._problem)
        with anyio.move_on_after(_END_SECONDS):
            await self.process.wait()
            await self._is_silent.wait()
        *_, last_line = ["", *self._last_words.splitlines()]
        return Ending(_described(self.process.returncode) + (f": {last_line}" if last_line else ""))

    async def kill(self) -> None:
        """Kill the process, and wait for its end."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.aclose()

    async def _pass_on(self, stream: ByteReceiveStream) -> None:
        """Copy the standard error of the process to our own."""
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                text = (await stream.receive()).decode(errors="replace")
                self._last_words = (self._last_words + text)[-_LAST_WORDS:]
                if sys.stderr is not None:
                    sys.stderr.write(text)
        self._is_silent.set()


def _environment(secrets: Collection[str]) -> dict[str, str]:
    """An environment with this process's import path, and without keys: the job passes the key itself."""
    environment = {name: value for name, value in os.environ.items() if name not in secrets}
    return environment | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}


def _described(code: int | None) -> str:
    if code is None:
        return "without having closed its pipes"
    if code >= 0:
        return f"with exit code {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"
