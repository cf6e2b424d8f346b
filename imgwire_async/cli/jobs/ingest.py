"""The command for bulk jobs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from imgwire_async.cli import interruptions
from imgwire_async.cli.exits import ExitCode, exit_code
from imgwire_async.cli.output import JsonFlag, show_error, wrong_usage
from imgwire_async.cli.parameters import (
    JobDeadline,
    JobName,
    OverwriteObjects,
    ReportFile,
    RunnerOption,
    StoreOptions,
    WorkersOption,
    concurrency_of,
    pairs_of,
    runner_of,
    size_of,
)
from imgwire_async.cli.streams import complain, note
from imgwire_async.errors import ImgwireError, InvalidArgumentError

if TYPE_CHECKING:
    from imgwire_async.ingest.sources.buckets import Bucket
    from imgwire_async.ingest.sources.entries import IngestSource
    from imgwire_async.ingest.sources.folders import Folder
    from imgwire_async.ingest.sources.manifests import Manifest


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(rich_help_panel="Upload")(ingest)


_ENDED: Final = frozenset({ExitCode.OK, ExitCode.FAILED})
"""Exit codes of jobs that reached the end of their source."""


class OnChange(StrEnum):
    """What to do with stored items that changed, as choices of an option."""

    UPLOAD = "upload"
    RECREATE = "recreate"
    SKIP = "skip"


class TransferKind(StrEnum):
    """How cloud store objects reach the service, as choices of an option."""

    BYTES = "bytes"
    URL = "url"


def ingest(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Folders, buckets (s3://bucket/prefix/, gs://, az://), files, URLs, or manifests (.csv, "
            ".jsonl, .parquet, -); each is a job of its own.",
            metavar="SOURCE...",
        ),
    ],
    journal: Annotated[
        Path | None,
        typer.Option(
            help="Journal file that lets the job resume. Default: NAME.journal beside the folder or file; "
            "for a URL or bucket below ~/.local/state/imgwire-async; for standard input ./stdin.journal."
        ),
    ] = None,
    job: JobName = None,
    concurrency: Annotated[
        str, typer.Option(help="Concurrent uploads, or auto to adapt to the service.")
    ] = "auto",
    processes: Annotated[int, typer.Option(min=1, help="Processes that upload, to use several cores.")] = 1,
    runner: RunnerOption = None,
    workers: WorkersOption = None,
    shared_paths: Annotated[
        bool,
        typer.Option(
            "--shared-paths", help="With --runner: every node has the files of SOURCE under the same paths."
        ),
    ] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(help="Only files of a folder matching this pattern, e.g. '*.jpg'; repeatable."),
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Skip files and folders matching this pattern; repeatable.")
    ] = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="Include hidden files and folders.")] = False,
    follow_symlinks: Annotated[
        bool, typer.Option("--follow-symlinks", help="Follow symbolic links in a folder.")
    ] = False,
    store_option: StoreOptions = None,
    checksum: Annotated[
        bool,
        typer.Option("--checksum", help="Read objects over 1 MiB twice, to detect equal content by a hash."),
    ] = False,
    transfer: Annotated[
        TransferKind,
        typer.Option(
            help="How objects of buckets reach the service. bytes: through this machine; url: the service "
            "fetches them from signed URLs.",
        ),
    ] = TransferKind.BYTES,
    column: Annotated[
        list[str] | None,
        typer.Option(help="Map a field to a manifest column, e.g. --column source=image_url; repeatable."),
    ] = None,
    rest_as_metadata: Annotated[
        bool, typer.Option("--rest-as-metadata", help="Store the other columns as custom metadata.")
    ] = False,
    purpose: Annotated[str | None, typer.Option(help="Purpose of items without one.")] = None,
    dedupe: Annotated[bool, typer.Option("--dedupe", help="Store equal content once.")] = False,
    on_change: Annotated[
        OnChange,
        typer.Option(
            help="What to do with stored items that changed. upload: upload new content; recreate: also "
            "recreate items whose purpose, metadata, name or type differ; skip: leave all of them.",
        ),
    ] = OnChange.UPLOAD,
    wait_ready: Annotated[
        bool,
        typer.Option(
            "--wait-ready",
            help="Wait until uploaded files are READY. Images from URLs are always waited for.",
        ),
    ] = False,
    max_failures: Annotated[
        int | None, typer.Option(min=0, help="Stop once more than this many items have failed.")
    ] = None,
    deadline: JobDeadline = None,
    bandwidth_limit: Annotated[
        float | None,
        typer.Option(
            "--bandwidth-limit",
            help="Send at most this many bytes per second, e.g. 500K or 1M.",
            parser=size_of,
            metavar="SIZE",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would be uploaded and send nothing.")
    ] = False,
    report: ReportFile = None,
    images: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Write key, image id and CDN URL of everything stored: .csv, .jsonl, .parquet.",
        ),
    ] = None,
    failed: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write failed and untried items as a manifest: .jsonl.")
    ] = None,
    overwrite: OverwriteObjects = False,
    as_json: JsonFlag = False,
) -> None:
    """Upload many images in a job that can be resumed.

    Files in a folder that are not images are skipped. A file that is named, here or in a manifest, must be an
    image. Empty images fail.

    Run the same command again to resume. Ctrl-C finishes the uploads in progress; press it again to stop
    immediately.

    Example: imgwire-async ingest photos/ --include '*.jpg' --images map.csv

    Example: imgwire-async ingest photos/2023 photos/2024

    Example: imgwire-async ingest s3://bucket/photos/ --include '*.jpg'
    """
    _check_several(sources, journal=journal, files=(report, images, failed))
    arguments: dict[str, Any] = {
        "job": job,
        "processes": processes,
        "shared_paths": shared_paths,
        "purpose": purpose,
        "dedupe": "content" if dedupe else None,
        "on_change": on_change.value,
        "wait_ready": wait_ready,
        "max_failures": max_failures,
        "deadline": deadline,
        "bandwidth_limit": bandwidth_limit,
        "dry_run": dry_run,
        "checksum": checksum,
        "transfer": transfer.value,
    }

    def run_one(source: str) -> ExitCode:
        from imgwire_async.cli.jobs.bulk_job import run_job
        from imgwire_async.cli.jobs.files import JobFiles
        from imgwire_async.cli.jobs.journals import default_journal
        from imgwire_async.ingest.sources.buckets import Bucket
        from imgwire_async.ingest.sources.folders import Folder
        from imgwire_async.ingest.sources.manifests import Manifest

        options = pairs_of("--store-option", "NAME=VALUE", store_option or [])
        patterns = tuple(include or ()), tuple(exclude or ())
        what = _source(
            source,
            Folder(source, *patterns, hidden, follow_symlinks),
            Manifest(
                source, pairs_of("--column", "FIELD=NAME", column or []), rest_as_metadata, options=options
            ),
            Bucket(source, *patterns, hidden, options),
        )
        place = journal or default_journal(source, options)
        files = JobFiles(report=report, images=images, failed=failed, overwrite=overwrite)
        files.check(source, place)
        given = arguments | {"journal": place, "concurrency": concurrency_of(concurrency)}
        given["runner"] = runner_of(runner, workers)
        with interruptions.by_cancelling():
            return run_job(what, given, files, as_json=as_json)

    endings = []
    for source in sources:
        if len(sources) > 1 and not as_json:
            note(f"{source}:")
        endings.append(_ending(run_one, source, as_json=as_json))
        if endings[-1] not in _ENDED:
            break
    ending = next((code for code in endings if code != ExitCode.OK), ExitCode.OK)
    if "-" in sources and ending not in _ENDED:
        # A thread may still be waiting for standard input, and a normal exit would wait for the thread.
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(ending)
    raise typer.Exit(ending)


def _ending(run_one: Callable[[str], ExitCode], source: str, *, as_json: bool) -> ExitCode:
    """Run the job for one source, and return its exit code."""
    from imgwire_async.ingest.items import url_or_path

    try:
        return run_one(url_or_path(source))
    except InvalidArgumentError as error:  # before the job has started
        show_error(error, as_json=as_json)
        return ExitCode.USAGE
    except ImgwireError as error:
        show_error(error, as_json=as_json)
        return exit_code(error)
    except OSError as error:  # errors of files that the job itself does not report
        complain(f"Error: {error}")
        return ExitCode.FAILED
    except KeyboardInterrupt:  # errors before or after the job itself
        return ExitCode(interruptions.code_of(interruptions.received()))


def _check_several(sources: list[str], *, journal: Path | None, files: tuple[str | None, ...]) -> None:
    """Check that each of several sources can be a job.

    Raises:
        typer.Exit: one of them cannot.
    """
    from imgwire_async.ingest.items import is_url
    from imgwire_async.ingest.sources.manifests import FORMATS

    if len(sources) == 1:
        return
    if journal is not None or any(file is not None for file in files):
        wrong_usage("--journal, --report, --images and --failed are for a single source")
    for source in sources:
        path = Path(source)
        if not is_url(source) and path.is_file() and path.suffix.lower() not in FORMATS:
            wrong_usage(
                f"{source!r} is a file among several sources; use imgwire-async upload for files, or name "
                "their folder with --include"
            )


def _source(name: str, folder: Folder, manifest: Manifest, bucket: Bucket) -> IngestSource:
    from imgwire_async.ingest.items import is_url
    from imgwire_async.ingest.sources.manifests import FORMATS
    from imgwire_async.stores.uris import is_object

    if is_url(name):
        return name
    if name == "-" or Path(name).suffix.lower() in FORMATS:
        return manifest
    if is_object(name):
        return bucket
    return folder if Path(name).is_dir() else name
