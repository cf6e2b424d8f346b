"""The base class of local services, which run on a real socket in their own thread."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Generic, Self, TypeVar

import anyio
import anyio.to_thread
import uvicorn
from starlette.types import ASGIApp

from imgwire_async.sandbox.server.operations import Operations
from imgwire_async.sandbox.server.requests.faults import FaultScript
from imgwire_async.sandbox.server.requests.rate_limits import RateLimiter, RateRule
from imgwire_async.sandbox.server.requests.request_log import RequestJournal
from imgwire_async.sandbox.server.requests.transport import SandboxProtocol
from imgwire_async.sandbox.server.runtime import CommonParts, Files, ServerRuntime, make_folder
from imgwire_async.sandbox.server.storage.database import lock_folder, open_database
from imgwire_async.sandbox.server.storage.variants import VariantCache

GRACE_SECONDS = 1.0
"""How long requests in progress may take to finish when the sandbox stops."""

R = TypeVar("R", bound=ServerRuntime)


class LocalService(ABC, Generic[R]):
    """A local service for tests, demos and development.

    Args:
        folder: Folder for its state; None uses a temporary folder that is removed at the end.
        port: TCP port; 0 takes a free one.
        host: Address to listen on.
        operations: Its operations.
        journal_size: How many requests `requests` remembers.
    """

    _DATABASE: ClassVar[str]
    """Name of the file with the records."""

    def __init__(
        self,
        folder: str | PathLike[str] | None,
        *,
        port: int,
        host: str,
        operations: Operations,
        journal_size: int,
    ) -> None:
        self.faults = FaultScript(operations)
        """Scripted failures."""
        self.requests = RequestJournal(journal_size)
        """Requests received so far."""
        self._folder = None if folder is None else Path(folder)
        self._host = host
        self._port = port
        self._starting_or_stopping = threading.Lock()
        self._thread: _ServerThread[R] | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    @property
    def base_url(self) -> str:
        """Such as `http://127.0.0.1:43211`, without a slash at the end."""
        return self._running.runtime.base_url

    @abstractmethod
    def _open(self, folder: Path, base_url: str, closing: contextlib.ExitStack) -> R:
        """Open the state in a folder, on the service's loop.

        Args:
            folder: Exists, and is locked.
            base_url: The address of the service.
            closing: Closes at the end what is entered into it.

        Raises:
            OSError: it cannot be used.
        """

    def _open_parts(
        self,
        files: Files,
        base_url: str,
        closing: contextlib.ExitStack,
        *,
        tables: str,
        clock: Callable[[], float],
        rules: Mapping[str, RateRule],
        variant_bytes: int,
    ) -> CommonParts:
        """Open what every local service has: for `_open`, whose arguments and errors these are.

        Args:
            files: The folder, whose subfolders are created.
            base_url: See `_open`.
            closing: See `_open`.
            tables: SQL that creates the tables.
            clock: Seconds since the epoch.
            rules: Rate limits by rate class or operation.
            variant_bytes: How much transformed images may take on disk.
        """
        database = open_database(files.folder / self._DATABASE, tables, durable=self._folder is not None)
        closing.enter_context(contextlib.closing(database))
        files.prepare()
        return {
            "clock": clock,
            "database": database,
            "base_url": base_url,
            "faults": self.faults,
            "requests": self.requests,
            "rate_limiter": RateLimiter(rules, clock),
            "variants": VariantCache(files.variants, variant_bytes),
        }

    @abstractmethod
    def _application(self, runtime: R) -> ASGIApp:
        """The ASGI application; creating it may also start background work."""

    @abstractmethod
    def _clear(self, runtime: R) -> None:
        """Delete all state but the keys."""

    def start(self) -> None:
        """Start serving; returns when the service is ready.

        Raises:
            RuntimeError: it is already running.
            OSError: the address is in use, or the folder cannot be used.
        """
        self._start(threading.Event())

    def _start(self, given_up: threading.Event) -> None:
        """Start serving, unless `given_up` is set before it begins."""
        with self._starting_or_stopping, contextlib.ExitStack() as undo:
            if given_up.is_set():
                return
            if self._thread is not None:
                raise RuntimeError("the sandbox is already running")
            listener = undo.enter_context(contextlib.closing(_listen(self._host, self._port)))
            folder = self._folder
            if folder is None:
                self._temporary = tempfile.TemporaryDirectory(
                    prefix="imgwire-sandbox-", ignore_cleanup_errors=True
                )
                undo.callback(self._temporary.cleanup)
                folder = Path(self._temporary.name)
            thread = _ServerThread(self, folder, listener)
            thread.start_and_wait()
            undo.pop_all()
            self._thread = thread

    def stop(self) -> None:
        """Stop serving, close all connections and remove a temporary folder; does nothing if not running."""
        with self._starting_or_stopping:
            if self._thread is None:
                return
            thread, self._thread = self._thread, None
            try:
                thread.stop_and_wait()
            finally:
                if self._temporary is not None:
                    self._temporary.cleanup()
                    self._temporary = None

    def reset(self) -> None:
        """Delete all records, images, faults and remembered requests; keys and settings stay.

        Blocks for some milliseconds.
        """
        self._running.call(self._running.reset)
        self.faults.clear()
        self.requests.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        given_up = threading.Event()
        try:
            await anyio.to_thread.run_sync(self._start, given_up)
        except anyio.get_cancelled_exc_class():
            # The thread may have begun, and then ends with a service that runs, or begin after `stop`.
            given_up.set()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self.stop)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.stop)

    def __repr__(self) -> str:
        state = self._thread.runtime.base_url if self._thread is not None else "not running"
        return f"<{type(self).__name__} {state}>"

    @property
    def _running(self) -> _ServerThread[R]:
        if self._thread is None:
            raise RuntimeError("the sandbox is not running; enter it with `with` or `async with` first")
        return self._thread


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where it sees that the protocol is TCP; with it on, every
    # answer that is written in two parts waits 40 ms for a delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise OSError(error.errno, f"port {port} is in use by another program") from error
        listener.listen(2048)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """uvicorn that stops at an event, and does not wait for idle or stuck connections."""

    def __init__(self, config: uvicorn.Config, runtime: ServerRuntime, ready: Future[None]) -> None:
        super().__init__(config)
        self._runtime = runtime
        self._ready = ready

    async def main_loop(self) -> None:
        """Report readiness and wait for the end."""
        self._ready.set_result(None)
        await self._runtime.closing.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listener and every connection; requests under way get a moment to end."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = set(self.server_state.tasks)
        if tasks:
            _, tasks = await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # lets the aborted transports close their sockets


class _ServerThread(Generic[R]):
    """The thread, its loop, and everything that lives on it."""

    runtime: R

    def __init__(self, sandbox: LocalService[R], folder: Path, listener: socket.socket) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self._listener = listener
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="imgwire-sandbox", daemon=True)

    def start_and_wait(self) -> None:
        """Start the thread, and raise any error of starting."""
        self._thread.start()
        error = self._ready.exception()
        if error is not None:
            self._thread.join()
            raise error

    def stop_and_wait(self) -> None:
        """Stop the server and wait for the thread's end."""
        self._loop.call_soon_threadsafe(self.runtime.closing.set)
        self._thread.join()

    def call(self, action: Callable[[], None]) -> None:
        """Run `action` on the sandbox's loop and wait for it."""
        done: Future[None] = Future()

        def run() -> None:
            try:
                action()
            except Exception as error:  # noqa: BLE001 - the caller gets it, whatever it is
                done.set_exception(error)
            else:
                done.set_result(None)

        self._loop.call_soon_threadsafe(run)
        done.result()

    def reset(self) -> None:
        """Delete all records and images."""
        for task in self.runtime.background:
            task.cancel()
        self._sandbox._clear(self.runtime)  # noqa: SLF001 - they are one thing in two threads
        self.runtime.variants.clear()
        self.runtime.rate_limiter.reset()

    def _run(self) -> None:
        try:
            # Not the caller's choice of loop: resets need the sockets of asyncio's own transports.
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        sandbox = self._sandbox
        make_folder(self._folder)
        with contextlib.ExitStack() as closing:
            closing.enter_context(contextlib.closing(lock_folder(self._folder)))
            runtime = sandbox._open(self._folder, _base_url(self._listener), closing)  # noqa: SLF001
            self.runtime = runtime
            config = uvicorn.Config(
                sandbox._application(runtime),  # noqa: SLF001
                http=SandboxProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,  # the gateway sends it, by the clock of the sandbox
            )
            try:
                await _Server(config, runtime, self._ready).serve(sockets=[self._listener])
            finally:
                await runtime.cancel_background()
                await self._loop.shutdown_default_executor()
                runtime.inspecting_threads.shutdown(wait=True, cancel_futures=True)
                runtime.rendering_threads.shutdown(wait=True, cancel_futures=True)
