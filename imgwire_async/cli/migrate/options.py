"""Options that several commands of a migration share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from imgwire_async.migrate import UrlTotals

UrlsOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--urls",
        help="File of old and new URLs (.csv, .jsonl, .parquet) with the columns old_url and cdn_url.",
    ),
]
HostOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--host",
        help="Another host of the same imgix sources, e.g. a custom domain; repeatable.",
    ),
]
DefaultsOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--defaults", help="Default parameters of the imgix source, e.g. 'auto=format&q=60'."),
]


class Accept(StrEnum):
    """The minimum fidelity of a new URL."""

    EXACT = "exact"
    APPROXIMATE = "approximate"
    UNSUPPORTED = "unsupported"


def defaults_of(text: str | None) -> dict[str, object] | None:
    """`--defaults` as the default parameters of a translation."""
    from urllib.parse import parse_qsl

    return None if text is None else dict(parse_qsl(text.removeprefix("?"), keep_blank_values=True))


def totals_lines(totals: UrlTotals) -> list[str]:
    """The numbers of URLs, for display."""
    first = (
        f"{totals.urls} imgix URLs: {totals.exact} exact, {totals.approximate} approximate, "
        f"{totals.unsupported} unsupported, {totals.unknown_asset} of unknown assets, "
        f"{totals.malformed} malformed, incomplete or unclear"
    )
    lines = [first]
    for title, reasons in (
        ("Approximate", totals.approximate_reasons),
        ("Unsupported", totals.unsupported_reasons),
    ):
        if reasons:
            lines.append(f"{title}:")
            ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
            lines += [f"  {number:>7}  {found.name}: {found.reason}" for found, number in ordered]
    if totals.unknown_hosts:
        lines.append("Unknown assets:")
        hosts = sorted(totals.unknown_hosts.items(), key=lambda item: (-item[1], item[0]))
        lines += [f"  {number:>7}  {host}" for host, number in hosts[:20]]
    return lines
