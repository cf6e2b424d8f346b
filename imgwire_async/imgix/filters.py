"""Filters and sort orders of lists, with the names in imgix's documentation, and their query encoding."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, TypedDict

from imgwire_async.core.values.numbers import as_number
from imgwire_async.core.values.texts import is_encodable
from imgwire_async.errors import InvalidArgumentError

SourceFilters = TypedDict(
    "SourceFilters",
    {
        "deployment.azure_bucket": str,
        "deployment.bucket_name": str,
        "deployment.custom_domains": str,
        "deployment.gcs_bucket": str,
        "deployment.imgix_subdomains": str,
        "deployment.region": str,
        "deployment.s3_bucket": str,
        "deployment.storage_provider": str,
        "deployment.type": str,
        "deployment.webfolder_base_url": str,
        "enabled": bool,
        "name": str,
    },
    total=False,
)
"""Filters of `sources.list`; all of them must match. Whether `name` matches in part is undocumented."""

AssetFilters = TypedDict(
    "AssetFilters",
    {
        "categories": str | Sequence[str],
        "colors": str,
        "custom": Mapping[str, str | None],
        "face_count": int | str,
        "has_frames": bool,
        "keyword": str,
        "media_kind": str,
        "origin_path": str,
        "tags": str | Sequence[str],
        "or:categories": str,
        "or:keywords": str,
        "or:origin_path": str,
    },
    total=False,
)
"""Filters of `assets.list`. All of them must match, and at least one of those with `or:`, if any.

An asset must have all of several `categories` or `tags`. `colors` is hexadecimal without `#`. `face_count` is
a number or a range: `"1:3"`, `"1:"`, `":2"`. `custom` maps names of custom fields to values, or to None for
assets that have the field. How `origin_path` matches is undocumented.
"""

ReportFilters = TypedDict("ReportFilters", {"completed": bool, "report_type": str}, total=False)  # noqa: UP013 - like its neighbours
"""Filters of `reports.list`; all of them must match."""

SourceSort: TypeAlias = Literal["date_deployed", "-date_deployed", "enabled", "-enabled", "name", "-name"]
"""Order of sources; `-` reverses it."""

AssetSort: TypeAlias = Literal[
    "date_created", "-date_created", "date_modified", "-date_modified", "file_size", "-file_size"
]
"""Order of assets; `-` reverses it."""

ReportSort: TypeAlias = Literal[
    "period_end",
    "-period_end",
    "period_start",
    "-period_start",
    "report_key",
    "-report_key",
    "report_type",
    "-report_type",
]
"""Order of reports; `-` reverses it."""

SOURCE_FILTERS: Final = frozenset(SourceFilters.__annotations__)
ASSET_FILTERS: Final = frozenset(AssetFilters.__annotations__)
REPORT_FILTERS: Final = frozenset(ReportFilters.__annotations__)


_PREFIXED: Final = re.compile(r"(?:custom|or):.+", re.DOTALL)


def filter_query(
    filters: Mapping[str, object] | None, known: Collection[str], operation: str
) -> dict[str, str]:
    """The filters as query parameters, such as `filter[custom:season]`.

    Raises:
        InvalidArgumentError: a name is unknown, or a value cannot be written.
    """
    query: dict[str, str] = {}
    if filters is None:
        return query
    if not isinstance(filters, Mapping):
        raise InvalidArgumentError(
            f"filters must map names to values, got {type(filters).__name__}", operation=operation
        )
    for name, value in filters.items():
        _check_encodable(name, operation)
        if name == "custom" and name in known:
            query |= _custom(value, operation)
        elif name in known or ("custom" in known and _PREFIXED.fullmatch(str(name))):
            query[f"filter[{name}]"] = _text(name, value, operation)
        else:
            raise InvalidArgumentError(_unknown(name, known), operation=operation)
    return query


def as_arguments(query: Mapping[str, str]) -> dict[str, Any]:
    """Filters as keyword arguments of a generated endpoint: `filter_deployment_type`."""
    return {
        "filter_" + name.removeprefix("filter[").removesuffix("]").replace(".", "_"): value
        for name, value in query.items()
    }


def _custom(fields: object, operation: str) -> dict[str, str]:
    if not isinstance(fields, Mapping) or not all(isinstance(name, str) and name for name in fields):
        raise InvalidArgumentError(
            "the filter custom must map names of custom fields to values", operation=operation
        )
    for name in fields:
        _check_encodable(name, operation)
    return {
        f"filter[custom:{name}]": "" if value is None else _text(f"custom:{name}", value, operation)
        for name, value in fields.items()
    }


def _check_encodable(name: object, operation: str) -> None:
    if not is_encodable(str(name)):
        raise InvalidArgumentError(
            f"the filter {name!r:.80} contains a lone surrogate, which cannot be encoded", operation=operation
        )


def _text(name: object, value: object, operation: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return str(value)
    number = as_number(value)
    if number is not None:
        return str(number)
    if isinstance(value, Sequence | set | frozenset) and value:
        parts = [part for part in value if isinstance(part, str) and part and "," not in part]
        if len(parts) == len(value):
            return ",".join(parts)
    raise InvalidArgumentError(
        f"the filter {name!s:.80} must be a string, a number, a bool or a list of strings without commas, "
        f"got {value!r:.80}",
        operation=operation,
    )


def _unknown(name: object, known: Collection[str]) -> str:
    close = difflib.get_close_matches(str(name), known, n=1)
    close = close or [one for one in known if one.endswith(f".{name}")]
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"
    return f"unknown filter {name!r:.80}; {hint}"


def comma_list(values: str | Iterable[str] | None, name: str, operation: str) -> str | None:
    """Names for a query, separated by commas.

    Args:
        values: one name or several; text may already be a comma-separated list.
        name: the argument, for the error.
        operation: the call, for the error.

    Raises:
        InvalidArgumentError: there are none, or one is not text.
    """
    if values is None:
        return None
    given: object = values
    parts = [given] if isinstance(given, str) else [*given] if isinstance(given, Iterable) else []
    if not parts or not all(isinstance(part, str) and part for part in parts):
        raise InvalidArgumentError(
            f"{name} must be a name or a list of names, got {values!r:.80}", operation=operation
        )
    return ",".join(parts)
