"""Runs a bulk job for a command: signals, progress, and a line for every outcome."""

from __future__ import annotations

import gc
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Final

import anyio
from rich.live import Live

from imgwire_async.cli import interruptions
from imgwire_async.cli.credentials import configured_client
from imgwire_async.cli.exits import ExitCode, exit_code
from imgwire_async.cli.jobs.files import JobFiles
from imgwire_async.cli.jobs.live import LiveView
from imgwire_async.cli.output import beside, show_json, unwritable
from imgwire_async.cli.streams import note, say
from imgwire_async.cli.wording import in_own_words
from imgwire_async.core.clients.client import ServiceClient
from imgwire_async.core.concurrency.tasks import Background
from imgwire_async.errors import ImgwireError
from imgwire_async.imgwire.export.records import ExportItem
from imgwire_async.ingest.job import IngestJob
from imgwire_async.ingest.results.outcomes import AlreadyStored, Failed, Outcome, Skipped, Stored
from imgwire_async.ingest.sources.entries import IngestSource

_LIVE_SECONDS: Final = 0.25
_LINE_SECONDS: Final = 5.0


def run_job(source: IngestSource, arguments: dict[str, Any], files: JobFiles, *, as_json: bool) -> ExitCode:
    """Run a job until it ends or is stopped, and return the exit code.

    Args:
        source: what to ingest.
        arguments: other arguments of `client.ingest`.
        files: the files to write at the end.
        as_json: print a line of JSON for every outcome instead of progress and a report.

    Raises:
        ImgwireError: the job could not start.
    """
    imgwire = configured_client()
    return run_made_job((imgwire,), imgwire.ingest(source, **arguments), files, as_json=as_json)


def run_made_job(
    clients: Sequence[ServiceClient],
    job: IngestJob,
    files: JobFiles,
    *,
    as_json: bool,
    what: str = "uploads",
) -> ExitCode:
    """Run an existing job and close its clients; otherwise like `run_job`.

    Args:
        clients: to close.
        job: to run.
        files: the files to write at the end.
        as_json: print a line of JSON for every outcome instead of progress and a report.
        what: what is in progress when Ctrl-C is pressed.

    Raises:
        ImgwireError: the job could not start.
    """
    # Creating the clients has loaded the HTTP libraries, so they are frozen as well.
    with imports_frozen():
        return interruptions.run(partial(_run, clients, job, files, as_json, what))


@contextmanager
def imports_frozen() -> Iterator[None]:
    """Exclude imported modules from garbage collection.

    Their 50,000 objects would delay the event loop by 40 ms every 1,500 items.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _run(
    clients: Sequence[ServiceClient], made: IngestJob, files: JobFiles, as_json: bool, what: str
) -> ExitCode:
    stopped: ImgwireError | None = None
    deaf: OSError | None = None
    signals: list[int] = []
    async with AsyncExitStack() as entered:
        for client in clients:
            await entered.enter_async_context(client)
        job = await entered.enter_async_context(made)
        with anyio.CancelScope() as scope:
            view = LiveView()
            async with (
                _stopped_by_signals(job, scope, signals, what),
                _progress_shown(job, view, quiet=as_json),
            ):
                try:
                    async for outcome in job:
                        if isinstance(outcome, Failed):
                            view.failed(outcome.key, outcome.error)
                        if as_json and deaf is None:
                            try:
                                show_json(_facts(outcome))
                            except OSError as error:
                                deaf = error
                                job.cancel()
                except ImgwireError as error:
                    stopped = error
        written = await files.write(job, as_json=as_json)
        result = job.report
    try:
        if deaf is None and as_json:
            show_json({"report": result.to_dict()})
        elif deaf is None:
            say(*(in_own_words(line) for line in str(result).split("\n")))
    except OSError as error:
        deaf = error
    if not as_json and not result.complete:
        what_for = "to resume" if result.stopped is not None else "to retry what failed"
        note(f"Run the same command again {what_for}. The journal knows what is stored.")
    if deaf is not None:
        unwritable(deaf)
    if signals:
        return ExitCode(interruptions.code_of(signals[-1]))
    if stopped is not None:
        return exit_code(stopped)
    return ExitCode.FAILED if result.failed or deaf is not None or not written else ExitCode.OK


@asynccontextmanager
async def _stopped_by_signals(
    job: IngestJob, scope: anyio.CancelScope, received: list[int], what: str
) -> AsyncGenerator[None, None]:
    async def listen() -> None:
        with interruptions.read_by_work() as signals:
            listening.set()
            async for number in signals:
                received.append(number)
                if len(received) > 1:
                    scope.cancel()
                    return
                note(f"Finishing {what} in progress. Press Ctrl-C again to stop immediately.")
                job.cancel()

    listening = anyio.Event()
    async with Background(listen, at_end=listening.set):
        await listening.wait()
        yield


@asynccontextmanager
async def _progress_shown(job: IngestJob, view: LiveView, *, quiet: bool) -> AsyncGenerator[None, None]:
    console = beside()

    async def show() -> None:
        if console.is_terminal and not console.is_dumb_terminal:
            with Live(console=console, auto_refresh=False, transient=True) as live:
                while True:
                    live.update(view.shown(job.progress, console.width), refresh=True)
                    await anyio.sleep(_LIVE_SECONDS)
        while True:
            await anyio.sleep(_LINE_SECONDS)
            note(view.line(job.progress))

    if quiet:
        yield
        return
    async with Background(show):
        yield


def _facts(outcome: Outcome) -> dict[str, object]:
    facts: dict[str, object] = {"key": outcome.key}
    if isinstance(outcome.item, ExportItem):
        facts["path"] = outcome.item.path
    match outcome:
        case Stored():
            facts |= {"outcome": "stored", "image_id": outcome.image_id, "cdn_url": outcome.cdn_url}
        case AlreadyStored():
            facts |= {"outcome": "already_stored", "image_id": outcome.image_id, "cdn_url": outcome.cdn_url}
            if outcome.changed is not None:
                facts["changed"] = outcome.changed
        case Skipped():
            facts |= {"outcome": "skipped", "reason": outcome.reason}
            if outcome.detail is not None:
                facts["detail"] = outcome.detail
        case Failed():
            facts |= {
                "outcome": "failed",
                "error": type(outcome.error).__name__,
                "message": in_own_words(outcome.error.message),
            }
    return facts
