"""Parameters shared by several commands, and the parsing of their values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from imgwire_async.cli.output import wrong_usage
from imgwire_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    from imgwire_async.ingest.runners.ray_runner import RayRunner

STANDARD: Final = Path("-")
"""Stands for standard input and output; a file with this name is `./-`."""

Purpose = Annotated[str | None, typer.Option(help="What the image is for; free text.")]
Meta = Annotated[list[str] | None, typer.Option("--meta", help="Custom metadata, NAME=VALUE; repeatable.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the image is READY.")]
Longest = Annotated[
    float | None,
    typer.Option(
        "--timeout", min=0, metavar="SECONDS", help="Maximum seconds to wait, with --wait. Default: 120."
    ),
]


class RunnerName(StrEnum):
    """Runners of workers on other machines, as choices of an option."""

    RAY = "ray"


JobName = Annotated[str | None, typer.Option(help="Name of the job, part of its idempotency keys.")]
JobDeadline = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="Stop after this many seconds; requests in flight have 5 s to finish."
    ),
]
ReportFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Write the report: .html (a page), .json, .csv, .parquet."),
]
OverwriteObjects = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace existing output objects in buckets; existing files are always replaced."
    ),
]
StoreOptions = Annotated[
    list[str] | None,
    typer.Option(
        help="How to open a bucket, e.g. --store-option endpoint=https://minio.example.com; repeatable. "
        "Other users can see the command line: keep secrets in the environment.",
        metavar="NAME=VALUE",
    ),
]
RunnerOption = Annotated[
    RunnerName | None,
    typer.Option(help="Send from workers on the Ray cluster of RAY_ADDRESS, or of this machine."),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(min=1, help="With --runner: number of workers. Default: one for each free CPU."),
]
ImageIds = Annotated[list[str], typer.Argument(help="Ids of images.", metavar="ID...")]

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmg])(i)?)?b?", re.IGNORECASE)


class PresetName(StrEnum):
    """The service's presets, as choices of an option."""

    THUMBNAIL = "thumbnail"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


PresetOption = Annotated[
    PresetName | None,
    typer.Option(help="A preset of the service."),
]
Changes = Annotated[
    list[str] | None,
    typer.Argument(help="Transformations, such as width=300 or crop=400:300.", metavar="[NAME=VALUE]..."),
]


def longest_wait(seconds: float | None, *, wait: bool, default: float = 120.0) -> float:
    """The maximum seconds of `--wait`, from the value of `--timeout`.

    Raises:
        typer.Exit: `--timeout` was given without `--wait`.
    """
    if seconds is not None and not wait:
        wrong_usage("--timeout needs --wait")
    return default if seconds is None else seconds


def name_value_pairs(arguments: list[str] | None) -> dict[str, str]:
    """Parse `NAME=VALUE` arguments into a dictionary.

    Raises:
        typer.Exit: an argument has another form.
    """
    pairs: dict[str, str] = {}
    for argument in arguments or ():
        name, sign, value = argument.partition("=")
        if not (name and sign):
            wrong_usage(f"expected NAME=VALUE, got {argument!r}")
        pairs[name] = value
    return pairs


def runner_of(runner: RunnerName | None, workers: int | None) -> RayRunner | None:
    """The values of `--runner` and `--workers`.

    Raises:
        typer.Exit: `--workers` was given alone.
    """
    if runner is None:
        if workers is not None:
            wrong_usage("--workers needs --runner; --processes is for this machine")
        return None
    from imgwire_async.ingest.runners.ray_runner import RayRunner

    return RayRunner(workers=workers)


def pairs_of(option: str, form: str, given: Sequence[str]) -> dict[str, str]:
    """Parse the values of a NAME=VALUE option into a dictionary.

    Raises:
        InvalidArgumentError: a value has another form.
    """
    pairs = {}
    for one in given:
        name, separator, value = one.partition("=")
        if not separator:
            # A value may be a secret.
            shown = "" if option == "--store-option" else f", got {one!r}"
            raise InvalidArgumentError(f"{option} must be {form}{shown}", operation="ingest")
        pairs[name] = value
    return pairs


def concurrency_of(given: str) -> int | Literal["auto"]:
    """The value of `--concurrency`.

    Raises:
        InvalidArgumentError: it is neither a number nor `auto`.
    """
    if given == "auto":
        return "auto"
    if not given.isdecimal():
        raise InvalidArgumentError(
            f'--concurrency must be a number or "auto", got {given!r}', operation="ingest"
        )
    return int(given)


def size_of(given: str) -> float:
    """Parse a number of bytes, such as 500K or 1.5M. K, M and G are powers of 1000; Ki, Mi and Gi of 1024.

    Raises:
        typer.BadParameter: it is not a size.
    """
    found = _SIZE.fullmatch(given.strip())
    if found is None:
        raise typer.BadParameter(f"{given!r} is not a size, such as 500K or 1.5M")
    power = "kmg".find(found[2].lower()) + 1 if found[2] else 0
    return float(found[1]) * float((1024 if found[3] else 1000) ** power)
