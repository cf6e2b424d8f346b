"""The command for bulk jobs."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import anyio
import typer
from rich.live import Live
from rich.text import Text

from imgwire_async.cli import interruptions
from imgwire_async.cli.exits import EXIT_CODES, ExitCode, exit_code
from imgwire_async.cli.job_files import JobFiles
from imgwire_async.cli.journals import default_journal
from imgwire_async.cli.output import JsonFlag, beside, show_error, show_json, unwritable
from imgwire_async.cli.streams import complain, plain, say
from imgwire_async.core.concurrency.tasks import Background
from imgwire_async.errors import ImgwireError, IngestStoppedError, InvalidArgumentError, UploadSourceError
from imgwire_async.imgwire.client import AsyncImgwireClient
from imgwire_async.ingest.items import is_url, url_or_path
from imgwire_async.ingest.job import IngestJob
from imgwire_async.ingest.outcomes import AlreadyStored, Failed, Outcome, Skipped, Stored
from imgwire_async.ingest.report import Progress
from imgwire_async.ingest.sources.entries import IngestSource
from imgwire_async.ingest.sources.folders import Folder
from imgwire_async.ingest.sources.manifests import FORMATS, Manifest

_LIVE_SECONDS: Final = 0.25
_LINE_SECONDS: Final = 5.0


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog=EXIT_CODES)(ingest)


def ingest(
    source: Annotated[
        str, typer.Argument(help="Folder, file, URL, or manifest (.csv, .jsonl, .parquet, -).")
    ],
    journal: Annotated[
        Path | None,
        typer.Option(
            help="Journal file that lets the job resume. Default: NAME.journal beside the folder or file; "
            "for a URL below ~/.local/state/imgwire-async; for standard input ./stdin.journal."
        ),
    ] = None,
    job: Annotated[str | None, typer.Option(help="Name of the job, part of its idempotency keys.")] = None,
    concurrency: Annotated[str, typer.Option(help="Uploads at once, or auto to find the pace.")] = "auto",
    processes: Annotated[int, typer.Option(min=1, help="How many processes send, for several cores.")] = 1,
    include: Annotated[list[str] | None, typer.Option(help="Only such files of a folder: '*.jpg'.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="No such files and folders: 'raw'.")] = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="Hidden files and folders, too.")] = False,
    follow_symlinks: Annotated[
        bool, typer.Option("--follow-symlinks", help="Symbolic links in a folder, too.")
    ] = False,
    column: Annotated[
        list[str] | None, typer.Option(help="Column of a manifest for a field: source=image_url, key=sku.")
    ] = None,
    rest_as_metadata: Annotated[
        bool, typer.Option("--rest-as-metadata", help="Other columns become custom metadata.")
    ] = False,
    purpose: Annotated[str | None, typer.Option(help="Label of items without one.")] = None,
    dedupe: Annotated[bool, typer.Option("--dedupe", help="Store equal content once.")] = False,
    on_change: Annotated[
        str,
        typer.Option(
            help="Stored items that have changed: upload new content; recreate also those with another "
            "purpose, metadata, name or type; skip all of them."
        ),
    ] = "upload",
    wait_ready: Annotated[
        bool, typer.Option("--wait-ready", help="Wait until files are READY too; URLs always are.")
    ] = False,
    max_failures: Annotated[int | None, typer.Option(min=0, help="Stop when more items fail.")] = None,
    deadline: Annotated[float | None, typer.Option(help="Stop after so many seconds.")] = None,
    bandwidth_limit: Annotated[float | None, typer.Option(help="Bytes per second.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be uploaded.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the report: .json, .csv, .parquet.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="Write key, image id and CDN URL of all: .csv, .jsonl, .parquet.")
    ] = None,
    failed: Annotated[Path | None, typer.Option(help="Write failed items as a manifest: .jsonl.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Upload many images, resumably.

    The same command again goes on where this one ended. Ctrl-C ends what is in flight first, a second one
    stops at once. Example: imgwire-async ingest photos/ --include '*.jpg' --images map.csv.
    """
    source = url_or_path(source)
    try:
        what = _source(
            source,
            Folder(source, tuple(include or ()), tuple(exclude or ()), hidden, follow_symlinks),
            Manifest(source, _columns(column or []), rest_as_metadata),
        )
        arguments: dict[str, Any] = {
            "journal": journal or default_journal(source),
            "job": job,
            "concurrency": _concurrency(concurrency),
            "processes": processes,
            "purpose": purpose,
            "dedupe": "content" if dedupe else None,
            "on_change": on_change,
            "wait_ready": wait_ready,
            "max_failures": max_failures,
            "deadline": deadline,
            "bandwidth_limit": bandwidth_limit,
            "dry_run": dry_run,
        }
        files = JobFiles(report=report, images=images, failed=failed)
        files.check(source, arguments["journal"])
        with imports_frozen(), interruptions.by_cancelling():
            ending = anyio.run(_run, what, arguments, files, as_json)
    except (InvalidArgumentError, UploadSourceError) as error:  # before the job has begun
        show_error(error, as_json=as_json)
        ending = ExitCode.USAGE
    except ImgwireError as error:
        show_error(error, as_json=as_json)
        ending = exit_code(error)
    except OSError as error:  # of files that the job itself does not report on
        complain(f"Error: {error}")
        ending = ExitCode.FAILED
    except KeyboardInterrupt:  # before or after the job itself
        ending = ExitCode(interruptions.code_of(interruptions.received()))
    if source == "-" and ending not in {ExitCode.OK, ExitCode.FAILED}:
        # A thread may still wait for standard input, and an ordinary exit would wait for it.
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(ending)
    raise typer.Exit(ending)


@contextmanager
def imports_frozen() -> Iterator[None]:
    """Keep the garbage collector from going through what was imported.

    That is 50,000 objects, which would hold up the event loop for 40 ms every 1,500 items.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _source(name: str, folder: Folder, manifest: Manifest) -> IngestSource:
    if is_url(name):
        return name
    if name == "-" or Path(name).suffix.lower() in FORMATS:
        return manifest
    return folder if Path(name).is_dir() else name


def _columns(given: list[str]) -> dict[str, str]:
    columns = {}
    for one in given:
        field, separator, name = one.partition("=")
        if not separator:
            raise InvalidArgumentError(f"--column must be FIELD=NAME, got {one!r}", operation="ingest")
        columns[field] = name
    return columns


def _concurrency(given: str) -> int | Literal["auto"]:
    if given == "auto":
        return "auto"
    if not given.isdecimal():
        raise InvalidArgumentError(
            f'--concurrency must be a number or "auto", got {given!r}', operation="ingest"
        )
    return int(given)


async def _run(source: IngestSource, arguments: dict[str, Any], files: JobFiles, as_json: bool) -> ExitCode:
    stopped: ImgwireError | None = None
    deaf: OSError | None = None
    signals: list[int] = []
    async with AsyncImgwireClient() as imgwire, imgwire.ingest(source, **arguments) as job:
        with anyio.CancelScope() as scope:
            async with _stopped_by_signals(job, scope, signals), _progress_shown(job, quiet=as_json):
                try:
                    async for outcome in job:
                        if as_json and deaf is None:
                            try:
                                show_json(_facts(outcome))
                            except OSError as error:
                                deaf = error
                                job.cancel()
                except ImgwireError as error:
                    stopped = error
        result = job.report
        written = await files.write(job, as_json=as_json)
    try:
        if deaf is None and as_json:
            show_json({"report": asdict(result)})
        elif deaf is None:
            say(str(result))
    except OSError as error:
        deaf = error
    if not as_json and stopped is not None and not isinstance(stopped, IngestStoppedError):
        complain("The same command again goes on where this one ended.")
    if deaf is not None:
        unwritable(deaf)
    if signals:
        return ExitCode(interruptions.code_of(signals[-1]))
    if stopped is not None:
        return exit_code(stopped)
    return ExitCode.FAILED if result.failed or deaf is not None or not written else ExitCode.OK


@asynccontextmanager
async def _stopped_by_signals(
    job: IngestJob, scope: anyio.CancelScope, received: list[int]
) -> AsyncGenerator[None, None]:
    async def listen() -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            listening.set()
            async for number in signals:
                received.append(number)
                if len(received) > 1:
                    scope.cancel()
                    return
                complain("Ending what is in flight; once more stops at once.")
                job.cancel()

    listening = anyio.Event()
    async with Background(listen, at_end=listening.set):
        await listening.wait()
        yield


@asynccontextmanager
async def _progress_shown(job: IngestJob, *, quiet: bool) -> AsyncGenerator[None, None]:
    console = beside()

    async def show() -> None:
        if console.is_terminal and not console.is_dumb_terminal:
            with Live(console=console, auto_refresh=False, transient=True) as live:
                while True:
                    live.update(Text(describe(job.progress), overflow="ellipsis", no_wrap=True), refresh=True)
                    await anyio.sleep(_LIVE_SECONDS)
        while True:
            await anyio.sleep(_LINE_SECONDS)
            complain(describe(job.progress))

    if quiet:
        yield
        return
    async with Background(show):
        yield


def describe(progress: Progress) -> str:
    """One line about where a job is."""
    total = f"{progress.found:,}" if progress.all_found else f"{progress.found:,}+"
    parts = [
        f"{progress.done:,}/{total} items",
        f"{progress.bytes_sent / 1e6:,.1f} MB",
        f"{progress.rate:,.1f}/s",
        f"{progress.in_flight} in flight",
        f"{progress.throttled} throttled",
        f"{progress.failed} failed",
    ]
    if progress.paused is not None:
        parts.append(f"paused: {plain(progress.paused)}")
    elif progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        parts.append(f"{minutes // 60}:{minutes % 60:02}:{seconds:02} left")
    return " · ".join(parts)


def _facts(outcome: Outcome) -> dict[str, object]:
    facts: dict[str, object] = {"key": outcome.key}
    match outcome:
        case Stored():
            facts |= {"outcome": "stored", "image_id": outcome.image_id, "cdn_url": outcome.cdn_url}
        case AlreadyStored():
            facts |= {"outcome": "already_stored", "image_id": outcome.image_id, "cdn_url": outcome.cdn_url}
            if outcome.changed is not None:
                facts["changed"] = outcome.changed
        case Skipped():
            facts |= {"outcome": "skipped", "reason": outcome.reason}
        case Failed():
            facts |= {
                "outcome": "failed",
                "error": type(outcome.error).__name__,
                "message": str(outcome.error),
            }
    return facts
