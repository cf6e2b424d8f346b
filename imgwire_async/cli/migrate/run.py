"""`imgwire-async migrate run`: the job that moves images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from imgwire_async.cli import interruptions
from imgwire_async.cli.credentials import configured_client, configured_imgix_client
from imgwire_async.cli.exits import ExitCode, exit_code
from imgwire_async.cli.output import JsonFlag, show_error
from imgwire_async.cli.parameters import (
    JobDeadline,
    JobName,
    OverwriteObjects,
    ReportFile,
    RunnerOption,
    WorkersOption,
)
from imgwire_async.cli.streams import complain
from imgwire_async.errors import ImgwireError, InvalidArgumentError

if TYPE_CHECKING:
    from imgwire_async.cli.migrate.files import MigrationFiles
    from imgwire_async.migrate.redirects import RedirectKind

_OPERATION = "migrate run"


class TransferOption(StrEnum):
    """How originals reach Imgwire."""

    URL = "url"
    BYTES = "bytes"


def run(
    source: Annotated[
        list[str] | None, typer.Option(help="Id of a source to move; repeatable. Default: all of them.")
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", help="Move only assets that match, e.g. --filter categories=shoes; repeatable."
        ),
    ] = None,
    transfer: Annotated[
        TransferOption,
        typer.Option(
            help="url: Imgwire fetches the originals from imgix. bytes: they pass through this machine."
        ),
    ] = TransferOption.URL,
    alt_text: Annotated[
        str | None,
        typer.Option(
            help="Field that holds the alternative text: name, description, or e.g. custom_fields.alt."
        ),
    ] = None,
    custom_field_prefix: Annotated[
        str, typer.Option(help="Prefix of custom fields in the metadata of an image.")
    ] = "custom_",
    purpose: Annotated[str | None, typer.Option(help="Purpose of all images.")] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            help="Journal file that lets the job resume. Default: imgix.journal if the current folder "
            "has one, else a file below ~/.local/state/imgwire-async."
        ),
    ] = None,
    job: JobName = None,
    concurrency: Annotated[
        str, typer.Option(help="Concurrent images, or auto to adapt to the service.")
    ] = "auto",
    processes: Annotated[int, typer.Option(min=1, help="Processes that send, to use several cores.")] = 1,
    runner: RunnerOption = None,
    workers: WorkersOption = None,
    max_failures: Annotated[
        int | None, typer.Option(min=0, help="Stop once more than this many assets have failed.")
    ] = None,
    deadline: JobDeadline = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Count assets, sizes and metadata that would be lost; send nothing."),
    ] = False,
    urls: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Write the mapping from old URLs to new ones: .csv, .jsonl, .parquet."
        ),
    ] = None,
    redirects: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=FILE",
            help="Write redirect rules, e.g. nginx=redirects.conf; KIND is nginx, caddy, cloudflare or next; "
            "repeatable.",
        ),
    ] = None,
    report: ReportFile = None,
    failed: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Write failed and untried assets as a manifest: .jsonl.",
        ),
    ] = None,
    overwrite: OverwriteObjects = False,
    rendering_base_url: Annotated[
        str | None,
        typer.Option(
            help="Where the rendering hosts of a local imgix can be reached. Default, unless the account "
            "is at the public service: IMGIX_RENDERING_BASE_URL.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Move the images of imgix sources to Imgwire, with their metadata, in a job that can be resumed.

    Nothing is changed or deleted at imgix. Run the same command again to resume. Ctrl-C finishes the
    transfers in progress; press it again to stop immediately.

    Needs a key for each service: IMGIX_API_KEY and IMGWIRE_API_KEY, or the keys stored by `imgwire-async
    login` and `imgwire-async imgix login`.

    Example: imgwire-async migrate run --dry-run

    Example: imgwire-async migrate run --urls urls.csv --redirects nginx=redirects.conf
    """
    from imgwire_async.cli.migrate.files import MigrationFiles
    from imgwire_async.cli.parameters import concurrency_of, runner_of

    try:
        files = MigrationFiles(
            report=report,
            failed=failed,
            urls=urls,
            redirects=_redirects(redirects or ()),
            overwrite=overwrite,
        )
        arguments: dict[str, Any] = {
            "sources": source or None,
            "filters": _filters(filters or ()),
            "transfer": transfer.value,
            "on_alt_text": alt_text,
            "purpose": purpose,
            "job": job,
            "concurrency": concurrency_of(concurrency),
            "processes": processes,
            "runner": runner_of(runner, workers),
            "max_failures": max_failures,
            "deadline": deadline,
            "dry_run": dry_run,
            "rendering_base_url": rendering_base_url,
        }
        with interruptions.by_cancelling():
            ending = _run(arguments, journal, custom_field_prefix, files, as_json=as_json)
    except InvalidArgumentError as error:  # before the job has started
        show_error(error, as_json=as_json)
        ending = ExitCode.USAGE
    except ImgwireError as error:
        show_error(error, as_json=as_json)
        ending = exit_code(error)
    except OSError as error:  # errors of files that the job itself does not report
        complain(f"Error: {error}")
        ending = ExitCode.FAILED
    except KeyboardInterrupt:  # errors before or after the job itself
        ending = ExitCode(interruptions.code_of(interruptions.received()))
    raise typer.Exit(ending)


def _run(
    arguments: dict[str, Any],
    journal: Path | None,
    custom_field_prefix: str,
    files: MigrationFiles,
    *,
    as_json: bool,
) -> ExitCode:
    from imgwire_async.cli.jobs.bulk_job import run_made_job
    from imgwire_async.cli.jobs.journals import migration_journal
    from imgwire_async.cli.migrate.verify import RENDERING_VARIABLE
    from imgwire_async.core.clients.client import core_of
    from imgwire_async.imgix.service import IMGIX
    from imgwire_async.migrate.job import migrate_from_imgix
    from imgwire_async.migrate.metadata import MetadataRules

    imgix, imgwire = configured_imgix_client(), configured_client()
    if arguments["rendering_base_url"] is None and core_of(imgix).options.base_url != IMGIX.public_url:
        # A variable left by a local imgix must not change the originals of another account.
        arguments["rendering_base_url"] = os.environ.get(RENDERING_VARIABLE) or None
    place = journal or migration_journal(imgix)
    files.check(None, place)
    rules = MetadataRules(custom_field_prefix=custom_field_prefix)
    job = migrate_from_imgix(imgix, imgwire, metadata=rules, journal=place, **arguments)
    return run_made_job((imgix, imgwire), job, files, as_json=as_json)


def _filters(given: Sequence[str]) -> dict[str, str] | None:
    found = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not (name and sign):
            raise InvalidArgumentError(f"--filter must be NAME=VALUE, got {one!r:.80}", operation=_OPERATION)
        found[name] = value
    return found or None


def _redirects(given: Sequence[str]) -> list[tuple[RedirectKind, str]]:
    from imgwire_async.migrate.redirects import check_kind

    found = []
    for one in given:
        kind, sign, path = one.partition("=")
        if not (sign and path):
            raise InvalidArgumentError(
                f"--redirects must be KIND=FILE, got {one!r:.80}", operation=_OPERATION
            )
        check_kind(kind)
        found.append((cast("RedirectKind", kind), path))
    return found
