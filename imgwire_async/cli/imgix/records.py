"""Records of imgix as printed by commands: flat, in JSON types, and without secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar

import typer

from imgwire_async.cli.output import RecordsShown, show_json, show_record

if TYPE_CHECKING:
    from imgwire_async.core.paging import Listing
    from imgwire_async.imgix import Asset, Report, Source

    Record: TypeAlias = Asset | Report | Source
    T = TypeVar("T", Asset, Report, Source)

_CREDENTIALS: Final = re.compile(r"(?<=:)//[^/?#]*@")

PAGE: Final = 100
"""Number of items fetched per page."""

Filters: TypeAlias = Annotated[
    list[str] | None, typer.Option("--filter", help="List only items that match, NAME=VALUE; repeatable.")
]
Sort: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Sort by a field, or by several separated with commas; a leading - reverses the order."
    ),
]
Limit: TypeAlias = Annotated[int, typer.Option(min=1, help="How many to list at most.")]
Every: TypeAlias = Annotated[bool, typer.Option("--all", help="List all.")]


def as_record(record: Record) -> dict[str, Any]:
    """The fields of a record that are not secret."""
    shown: dict[str, Any] = {}
    for one in fields(record):
        if not one.repr:
            continue  # a secret, or the raw resource, which may contain secrets
        value = getattr(record, one.name)
        if one.name == "deployment":
            value = {name: part for name, part in _simple(value).items() if part is not None}
        elif isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, tuple):
            value = list(value)
        shown[one.name] = value
    for name in ("hosts", "files"):
        value = getattr(record, name, None)
        if value is not None:
            shown[name] = [_without_query(str(part)) for part in value]
    return shown


def _simple(deployment: object) -> dict[str, Any]:
    found = {one.name: getattr(deployment, one.name) for one in fields(deployment) if one.repr}  # type: ignore[arg-type]
    return {name: _shown(value) for name, value in found.items()}


def _shown(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    # A user name and password in the URL of an origin or a substitute.
    return _CREDENTIALS.sub("//", value) if isinstance(value, str) else value


def _without_query(text: str) -> str:
    from imgwire_async.core.values.redaction import without_query

    return without_query(text) if "://" in text else text


def show_one(record: Record, *, as_json: bool) -> None:
    """Print a record; as text, one line per field, including those of the deployment."""
    shown = as_record(record)
    if not as_json:
        parts = shown.pop("deployment", {})
        shown |= {f"deployment.{name}": value for name, value in parts.items()}
    show_record(shown, as_json=as_json)


async def show_list(listing: Listing[T], columns: Sequence[str], *, as_json: bool) -> None:
    """Print every item of a list while it is fetched."""
    with RecordsShown(columns, header=not as_json) as table:
        async for item in listing:
            if as_json:
                show_json(as_record(item))
            else:
                table.add(row(item))


def row(record: Record) -> Mapping[str, Any]:
    """A record as a row of a table: with the type of its deployment, and lists as text."""
    shown = as_record(record)
    if "deployment" in shown:
        shown["type"] = shown.pop("deployment").get("type")
    for name in ("hosts", "files"):
        if name in shown:
            shown[name] = ", ".join(shown[name])
    return shown
