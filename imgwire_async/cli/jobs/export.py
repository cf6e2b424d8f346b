"""The command that exports all originals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from imgwire_async.cli import interruptions
from imgwire_async.cli.exits import ExitCode, exit_code
from imgwire_async.cli.output import JsonFlag, show_error
from imgwire_async.cli.parameters import (
    JobDeadline,
    ReportFile,
    StoreOptions,
    concurrency_of,
    pairs_of,
    size_of,
)
from imgwire_async.cli.streams import complain
from imgwire_async.errors import ImgwireError, InvalidArgumentError

_OPERATION = "export"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(rich_help_panel="Manage")(export)


def export(
    to: Annotated[
        str,
        typer.Argument(
            help="Folder for the originals, created if missing; or a bucket (s3://bucket/prefix/, "
            "gs://, az://)."
        ),
    ],
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            help="Export only images that match, e.g. --filter purpose=hero; NAME is purpose, mime_type, "
            "file_name (a pattern), created_from, created_before or custom_metadata.FIELD; repeatable.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    name: Annotated[
        str,
        typer.Option(help="Template of the file names, e.g. '{year}/{month}/{file_name}'."),
    ] = "{file_name}",
    manifest: Annotated[
        str, typer.Option(help="Name of the manifest in the folder: .jsonl or .parquet.", metavar="FILE")
    ] = "manifest.jsonl",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist and differ.")
    ] = False,
    store_option: StoreOptions = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            help="Journal file that lets the job resume. Default: NAME.export.journal beside the folder; for "
            "a bucket below ~/.local/state/imgwire-async."
        ),
    ] = None,
    job: Annotated[str | None, typer.Option(help="Name of the job.")] = None,
    concurrency: Annotated[
        str, typer.Option(help="Concurrent downloads, or auto to adapt to the service.")
    ] = "auto",
    max_failures: Annotated[
        int | None, typer.Option(min=0, help="Stop once more than this many images have failed.")
    ] = None,
    deadline: JobDeadline = None,
    bandwidth_limit: Annotated[
        float | None,
        typer.Option(
            "--bandwidth-limit",
            help="Fetch at most this many bytes per second, e.g. 500K or 1M.",
            parser=size_of,
            metavar="SIZE",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would be exported and fetch nothing.")
    ] = False,
    report: ReportFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Fetch the originals of all images, with a manifest, in a job that can be resumed.

    The manifest has names, types, purposes and custom metadata; imgwire-async ingest reads it.

    Run the same command again to resume, or to fetch what is new. Ctrl-C finishes the downloads in progress;
    press it again to stop immediately.

    Example: imgwire-async export backup/

    Example: imgwire-async ingest backup/manifest.jsonl
    """
    from imgwire_async.cli.jobs.journals import export_journal

    try:
        options = pairs_of("--store-option", "NAME=VALUE", store_option or ())
        place = journal or export_journal(to, options)
        arguments: dict[str, Any] = {
            "to": to,
            "filters": _filters(filters or ()),
            "name": name,
            "manifest": manifest,
            "overwrite": overwrite,
            "store_options": options or None,
            "journal": place,
            "job": job,
            "concurrency": concurrency_of(concurrency),
            "max_failures": max_failures,
            "deadline": deadline,
            "bandwidth_limit": bandwidth_limit,
            "dry_run": dry_run,
        }
        with interruptions.by_cancelling():
            ending = _run(arguments, report, place, as_json=as_json)
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


def _run(arguments: dict[str, Any], report: str | None, journal: Path, *, as_json: bool) -> ExitCode:
    from imgwire_async.cli.credentials import configured_client
    from imgwire_async.cli.jobs.bulk_job import run_made_job
    from imgwire_async.cli.jobs.files import JobFiles
    from imgwire_async.imgwire.export.job import manifest_of

    files = JobFiles(report=report, overwrite=bool(arguments["overwrite"]))
    files.check(None, journal, manifest_of(arguments["to"], arguments["manifest"]))
    imgwire = configured_client()
    return run_made_job((imgwire,), imgwire.export(**arguments), files, as_json=as_json, what="downloads")


def _filters(given: Sequence[str]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not (name and sign):
            raise InvalidArgumentError(f"--filter must be NAME=VALUE, got {one!r:.80}", operation=_OPERATION)
        group, dot, field = name.partition(".")
        if dot and group == "custom_metadata":
            found.setdefault(group, {})[field] = _value(value)
        elif group in {"created_from", "created_before"}:
            found[name] = value
        else:
            found.setdefault(name, []).append(value)
    return found or None


def _value(text: str) -> str | int | float | bool:
    """A value of custom metadata: true, false or a number, unless it is in double quotes."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    if text in {"true", "false"}:
        return text == "true"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
