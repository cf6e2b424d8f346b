"""JSON:API in imgix's dialect: documents, errors, sparse fields, sorting and pages."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from imgwire_async.sandbox.imgix.runtime import Runtime
from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.storage.presigned import store_error

MEDIA_TYPE: Final = "application/vnd.api+json"
STORE_PREFIX: Final = "/_store/"
REPORTS_PREFIX: Final = "/_reports/"

_SERVER: Final = {
    "commit": "sandbox",
    "status": {"healthy": True, "read_only": False, "tombstone": False},
    "version": "0.0.0",
}
_AUTHENTICATION: Final = {
    "authorized": True,
    "clientId": None,
    "mode": "PUBLIC_APIKEY",
    "modeTitle": "Public API Key",
    "tag": "sandbox@example.com",
    "user": None,
}
_JSONAPI: Final = {"version": "1.0"}
ACCOUNT: Final = "sandbox@example.com"
"""Name of the account."""
_TITLES: Final = {"RateLimitExceededError": "TooManyRequests", "ScriptedFaultError": "ScriptedFault"}

Attributes = dict[str, object]
Query = Mapping[str, str]


class Document(JSONResponse):
    """A response in JSON:API."""

    media_type = MEDIA_TYPE


def resource(kind: str, id: str, attributes: Mapping[str, object]) -> dict[str, object]:
    """A resource object."""
    return {"attributes": attributes, "id": id, "type": kind}


def success(data: object, *, status: int = 200, meta: Mapping[str, object] | None = None) -> Document:
    """The response for a success."""
    return Document(
        {
            "data": data,
            "included": [],
            "jsonapi": _JSONAPI,
            "meta": {"authentication": _AUTHENTICATION, "server": _SERVER, **(meta or {})},
        },
        status,
    )


def error_response(path: str, error: ApiError) -> Response:
    """The response for an error: JSON:API, XML from the object store, or text from a rendering host."""
    title = _TITLES.get(error.error_type, error.error_type.removesuffix("Error"))
    if path.startswith((STORE_PREFIX, REPORTS_PREFIX)):
        return store_error(error.status, title, error.detail)
    if path.startswith("/~/"):
        return Response(error.detail, error.status, media_type="text/plain")
    body = {
        "errors": [
            {
                "detail": error.detail,
                "id": uuid.uuid4().hex,
                "meta": {},
                "status": str(error.status),
                "title": title,
            }
        ],
        "jsonapi": _JSONAPI,
        "meta": {"server": _SERVER},
    }
    return Document(body, error.status)


def bad_request(detail: str, title: str = "BadRequest") -> ApiError:
    """400."""
    return ApiError(400, title, detail)


def not_found() -> ApiError:
    """404 for an id or a path that does not exist."""
    return ApiError(404, "NotFound", "Resource not found.")


async def read_attributes(
    request: Request, kind: str, *, ids: Sequence[str] = (), other_kind: str | None = None
) -> Attributes:
    """The attributes of the resource in a request's body; the media type does not matter.

    Args:
        request: The request.
        kind: The required `type`.
        ids: The allowed values of `id`, if present.
        other_kind: An alternative `type`, if imgix documents none.

    Raises:
        ApiError: 400, the document is invalid.
    """
    try:
        document = json.loads(await request.body())
        json.dumps(document, ensure_ascii=False).encode()  # lone surrogates can be neither stored nor sent
    except (ValueError, RecursionError):
        raise bad_request("The body is not JSON.") from None
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        raise bad_request("The body has no data object.")
    if data.get("type") not in (kind, other_kind or kind):
        raise bad_request(f"data.type must be {kind!r}, got {data.get('type')!r}.", "type")
    if ids and data.get("id") not in (None, *ids):
        raise bad_request(f"data.id must be {ids[0]!r}.", "id")
    attributes = data.get("attributes")
    if not isinstance(attributes, dict):
        raise bad_request("The body has no data.attributes object.")
    return attributes


def check_members(attributes: Mapping[str, object], kinds: Mapping[str, tuple[type | None, ...]]) -> None:
    """Check names and types of attributes; None stands for null.

    Raises:
        ApiError: 400, one is unknown or has another type.
    """
    for name, value in attributes.items():
        if name not in kinds:
            raise bad_request(f"The attribute {name!r} is read-only.", name)
        allowed = kinds[name]
        given = None if value is None else type(value)
        if given not in allowed:
            shown = " or ".join("null" if kind is None else kind.__name__ for kind in allowed)
            raise bad_request(f"The attribute {name!r} must be {shown}.", name)


def sparse(query: Query, kind: str, attributes: Attributes) -> Attributes:
    """The attributes that `fields[kind]` selects; all without it."""
    wanted = query.get(f"fields[{kind}]")
    if wanted is None:
        return attributes
    found: Attributes = {}
    for name in filter(None, (part.strip() for part in wanted.split(","))):
        outer, dot, inner = name.partition(".")
        if outer not in attributes:
            continue
        value = attributes[outer]
        if not dot:
            found[outer] = value
        elif isinstance(value, dict) and inner in value:
            cast("Attributes", found.setdefault(outer, {}))[inner] = value[inner]
    return found


def order(query: Query, columns: Mapping[str, str], default: str) -> str:
    """The `ORDER BY` of a list.

    Args:
        query: The query.
        columns: SQL by the names that `sort` knows.
        default: SQL without `sort`.

    Raises:
        ApiError: 400, an unknown name.
    """
    terms = []
    for name in filter(None, (part.strip() for part in query.get("sort", "").split(","))):
        column = columns.get(name.removeprefix("-"))
        if column is None:
            raise bad_request(f"Cannot sort by {name.removeprefix('-')!r}.", "sort")
        terms.append(f"{column} {'DESC' if name.startswith('-') else 'ASC'}")
    return ", ".join([*terms, "sequence"] if terms else [default])


def filters(query: Query) -> dict[str, str]:
    """The filters of a request by name, such as `or:keywords`."""
    return {
        name.removeprefix("filter[")[:-1]: value
        for name, value in query.items()
        if name.startswith("filter[") and name.endswith("]")
    }


def boolean(name: str, text: str) -> bool:
    """The value of a boolean filter.

    Raises:
        ApiError: 400, it is neither true nor false.
    """
    word = text.lower()
    if word not in {"true", "false", "1", "0"}:
        raise bad_request(f"{name} must be true or false, got {text!r}.", name)
    return word in {"true", "1"}


def whole_number(query: Query, name: str, default: int, least: int) -> int:
    """A number in the query.

    Raises:
        ApiError: 400, it is not one, or below `least`.
    """
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text) >= least):
        raise bad_request(f"{name} must be a whole number from {least}, got {text!r}.", name)
    return int(text)


def numbered_page(runtime: Runtime, query: Query) -> tuple[int, int]:
    """Number, counted from 0, and size of the requested page of a list."""
    number = whole_number(query, "page[number]", 0, 0)
    return number, min(whole_number(query, "page[size]", 20, 1), runtime.settings.maximum_page)


def numbered_list(runtime: Runtime, data: Sequence[object], page: tuple[int, int], total: int) -> Document:
    """The response for a list with numbered pages."""
    number, size = page
    pages = -(-total // size)
    following = number + 1 < pages
    meta = {
        "currentPage": number,
        "hasNextPage": following,
        "hasPreviousPage": number > 0,
        "nextPage": number + 1 if following else None,
        "previousPage": number - 1 if number > 0 else None,
        "pageSize": size,
        "totalPages": pages,
        "totalRecords": total,
    }
    return success(shown(runtime, data), meta={"pagination": meta})


def shown(runtime: Runtime, data: Sequence[object]) -> object:
    """The items of a list; a lone item as an object if the sandbox is set to do so."""
    return data[0] if runtime.settings.lone_objects and len(data) == 1 else list(data)
