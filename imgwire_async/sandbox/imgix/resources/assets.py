"""Assets: the Asset Manager's records of the files of a source."""

from __future__ import annotations

import json
import sqlite3
from typing import Final, cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imgwire_async.sandbox.imgix import documents, origins
from imgwire_async.sandbox.imgix.documents import Attributes, Query, bad_request, not_found
from imgwire_async.sandbox.imgix.operations import OPERATIONS
from imgwire_async.sandbox.imgix.resources import sources
from imgwire_async.sandbox.imgix.runtime import Runtime, as_json
from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.routes import Routes
from imgwire_async.sandbox.server.runtime import logger

_WRITABLE: Final[dict[str, tuple[type | None, ...]]] = {
    "name": (str, None),
    "description": (str, None),
    "categories": (list, None),
    "tags": (dict, list, None),
    "custom_fields": (dict, None),
}
_SORTS: Final = {name: name for name in ("date_created", "date_modified", "file_size")}
_ALWAYS: Final = ("content_type", "media_kind")
_UNKNOWN: Final[Attributes] = {
    "analyzed_content_warnings": False,
    "analyzed_faces": True,
    "analyzed_tags": False,
    "categories": None,
    "custom_fields": {},
    "description": None,
    "name": None,
    "tags": None,
}
_LIST: Final = "EXISTS (SELECT 1 FROM json_each(attributes, '$.{}') WHERE lower(value) = lower(?))"
_KEYWORD: Final = (
    "(instr(lower(origin_path), lower(?)) OR instr(lower(json_extract(attributes, '$.name')), lower(?)) "
    "OR instr(lower(json_extract(attributes, '$.description')), lower(?)))"
)

Row = sqlite3.Row


def router(runtime: Runtime) -> APIRouter:
    """List, retrieve, update, add and refresh assets, under the documented paths and the earlier ones."""
    routes = Routes(OPERATIONS)

    @routes.operation("assets.list")
    async def list_assets(request: Request, source_id: str) -> Response:
        sources.find(runtime, source_id)
        return await _list(runtime, source_id, request.query_params)

    @routes.operation("assets.add")
    async def add(source_id: str, origin_path: str) -> Response:
        path = origins.normalized(origin_path)
        source = sources.find(runtime, source_id)
        row, file = find(runtime, source_id, path), origins.find(runtime, source_id, path)
        if row is None and file is not None:
            row = index(runtime, file, visible_after=runtime.settings.indexing_delay)
        if row is not None:
            return documents.success(brief(row), status=202)
        if not origins.can_fetch(runtime, source, path):
            raise not_found()
        # Like imgix, this responds before it is known whether the file exists.
        runtime.start_background(
            _fetch_and_index(runtime, source, path), name=f"fetching {path!r}", failed=lambda: None
        )
        return documents.success(expected(source_id, path), status=202)

    @routes.operation("assets.refresh")
    async def refresh(source_id: str, origin_path: str) -> Response:
        path = origins.normalized(origin_path)
        source = sources.find(runtime, source_id)
        known(runtime, source_id, path)
        origins.forget_fetched(runtime, source_id, path)
        row = index(runtime, await origins.get(runtime, source, path))
        return documents.success(show(runtime, row))

    @routes.operation("assets.retrieve")
    async def retrieve(request: Request, source_id: str, origin_path: str) -> Response:
        sources.find(runtime, source_id)
        row = known(runtime, source_id, origins.normalized(origin_path))
        return documents.success(show(runtime, row, request.query_params))

    @routes.operation("assets.update")
    async def update(request: Request, source_id: str, origin_path: str) -> Response:
        sources.find(runtime, source_id)
        path = origins.normalized(origin_path)
        known(runtime, source_id, path)
        # The id, and the one that results from appending the path with its leading slash.
        ids = f"{source_id}{path}", f"{source_id}/{path}"
        attributes = await documents.read_attributes(request, "assets", ids=ids)
        return documents.success(show(runtime, change(runtime, source_id, path, attributes)))

    return routes


def find(runtime: Runtime, source_id: str, origin_path: str) -> Row | None:
    """The record of a path, indexed yet or not."""
    row: Row | None = runtime.database.writer.execute(
        "SELECT * FROM assets WHERE source_id = ? AND origin_path = ?", (source_id, origin_path)
    ).fetchone()
    return row


def known(runtime: Runtime, source_id: str, origin_path: str) -> Row:
    """The record of a path that has been indexed.

    Raises:
        ApiError: 404, there is none.
    """
    row = find(runtime, source_id, origin_path)
    if row is None or row["visible_at"] > runtime.now():
        raise not_found()
    return row


def index(
    runtime: Runtime,
    file: Row,
    *,
    visible_after: float = 0.0,
    examined_after: float = 0.0,
    uploaded: bool = False,
) -> Row:
    """Create or update the asset of a file; user-defined attributes are kept."""
    source_id, path, now = file["source_id"], file["origin_path"], runtime.now()
    row = find(runtime, source_id, path)
    before = dict(_UNKNOWN) if row is None else cast("Attributes", json.loads(row["attributes"]))
    kept = {name: before.get(name) for name in _WRITABLE}
    attributes: Attributes = {
        **_UNKNOWN,
        **origins.facts_of(file),
        **kept,
        "uploaded_by": documents.ACCOUNT if uploaded else before.get("uploaded_by"),
        "uploaded_by_api": uploaded or bool(before.get("uploaded_by_api")),
    }
    values = (as_json(attributes), now, file["size"], now + examined_after)
    if row is None:
        added: Row = runtime.database.writer.execute(
            "INSERT INTO assets (source_id, origin_path, date_created, visible_at, attributes, "
            "date_modified, file_size, examined_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            (source_id, path, now, now + visible_after, *values),
        ).fetchone()
        return added
    updated: Row = runtime.database.writer.execute(
        "UPDATE assets SET attributes = ?, date_modified = ?, file_size = ?, examined_at = ? "
        "WHERE source_id = ? AND origin_path = ? RETURNING *",
        (*values, source_id, path),
    ).fetchone()
    return updated


def change(runtime: Runtime, source_id: str, origin_path: str, attributes: Attributes) -> Row:
    """Write the user-defined attributes of an asset; lists and objects replace the previous ones.

    Raises:
        ApiError: 400, something cannot be written.
    """
    row = known(runtime, source_id, origin_path)
    documents.check_members(attributes, _WRITABLE)
    categories = attributes.get("categories")
    if isinstance(categories, list) and not all(isinstance(item, str) for item in categories):
        raise bad_request("The attribute 'categories' must be a list of names.", "categories")
    tags = attributes.get("tags")
    if isinstance(tags, list):
        attributes = {**attributes, "tags": {str(tag): 1.0 for tag in tags}}
    changed: Row = runtime.database.writer.execute(
        "UPDATE assets SET attributes = ?, date_modified = ? WHERE sequence = ? RETURNING *",
        (as_json({**json.loads(row["attributes"]), **attributes}), runtime.now(), row["sequence"]),
    ).fetchone()
    return changed


def show(runtime: Runtime, row: Row, query: Query | None = None) -> dict[str, object]:
    """The resource of an asset."""
    attributes = cast("Attributes", json.loads(row["attributes"]))
    if row["examined_at"] > runtime.now():
        attributes = {name: attributes[name] for name in (*_ALWAYS, *_WRITABLE)}
    attributes.update(
        origin_path=row["origin_path"],
        source_id=row["source_id"],
        file_size=row["file_size"],
        date_created=int(row["date_created"]),
        date_modified=int(row["date_modified"]),
    )
    shown = documents.sparse(query or {}, "assets", dict(sorted(attributes.items())))
    return documents.resource("assets", f"{row['source_id']}{row['origin_path']}", shown)


def brief(row: Row) -> dict[str, object]:
    """The facts of an asset that are known once it is accepted."""
    return _brief(row["source_id"], row["origin_path"], json.loads(row["attributes"]))


def expected(source_id: str, origin_path: str) -> dict[str, object]:
    """The facts of an asset whose file has not been fetched yet."""
    return _brief(source_id, origin_path, origins.expected_facts(origin_path))


def _brief(source_id: str, origin_path: str, attributes: Attributes) -> dict[str, object]:
    return documents.resource(
        "assets",
        f"{source_id}{origin_path}",
        {
            "content_type": attributes["content_type"],
            "media_kind": attributes["media_kind"],
            "origin_path": origin_path,
            "source_id": source_id,
        },
    )


async def _fetch_and_index(runtime: Runtime, source: Row, origin_path: str) -> None:
    try:
        file = await origins.get(runtime, source, origin_path)
    except ApiError as error:
        logger.info("%r was not added: %s", origin_path, error.detail)
        return
    index(runtime, file, visible_after=runtime.settings.indexing_delay)


async def _list(runtime: Runtime, source_id: str, query: Query) -> Response:
    conditions, values = ["source_id = ?", "visible_at <= ?"], [source_id, runtime.now()]
    alternatives: list[str] = []
    choices: list[object] = []
    for name, text in documents.filters(query).items():
        if name.startswith("or:"):
            found, given = _condition(runtime, name.removeprefix("or:"), text, any_of=True)
            alternatives.append(found)
            choices += given
        else:
            found, given = _condition(runtime, name, text)
            conditions.append(found)
            values += given
    if alternatives:
        conditions.append(f"({' OR '.join(alternatives)})")
        values += choices
    where = " AND ".join(conditions)
    sort = documents.order(query, _SORTS, "date_created DESC, sequence DESC")
    offset = documents.whole_number(query, "page[cursor]", 0, 0)
    limit = documents.whole_number(query, "page[limit]", 20, 1)
    if "page[number]" in query or "page[size]" in query:
        number, limit = documents.numbered_page(runtime, query)
        offset = number * limit
    settings = runtime.settings
    limit = min(limit, settings.maximum_page)
    if settings.listing_ends_at_cap:
        limit = max(0, min(limit, settings.total_records_cap - offset))

    def read(connection: sqlite3.Connection) -> tuple[int, list[Row]]:
        (total,) = connection.execute(f"SELECT count(*) FROM assets WHERE {where}", values).fetchone()  # noqa: S608
        rows = connection.execute(
            f"SELECT * FROM assets WHERE {where} ORDER BY {sort} LIMIT ? OFFSET ?",  # noqa: S608
            (*values, limit, offset),
        ).fetchall()
        return total, rows

    total, rows = await runtime.database.read(read)
    listable = min(total, settings.total_records_cap) if settings.listing_ends_at_cap else total
    following = offset + len(rows)
    more = following < listable
    count = min(total, settings.total_records_cap)
    cursor = {
        "current": str(offset),
        "hasMore": more,
        "next": str(following) if more else None,
        "totalRecords": str(count) if settings.total_records_as_text else count,
    }
    data = [show(runtime, row, query) for row in rows]
    return documents.success(documents.shown(runtime, data), meta={"cursor": cursor})


def _condition(runtime: Runtime, name: str, text: str, *, any_of: bool = False) -> tuple[str, list[object]]:
    """The SQL of one filter, with its values in the order of its question marks."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    joint = " OR " if any_of else " AND "
    if name == "categories" and parts:
        return f"({joint.join(_LIST.format('categories') for _ in parts)})", list(parts)
    if name == "tags" and parts:
        one = _LIST.format("tags").replace("lower(value)", "lower(key)")
        return f"({joint.join(one for _ in parts)})", list(parts)
    if name in {"keyword", "keywords"}:
        return f"({' OR '.join(_KEYWORD for _ in parts or [text])})", [
            part for part in parts or [text] for _ in range(3)
        ]
    if name == "colors" and parts:
        one = (
            "EXISTS (SELECT 1 FROM json_each(attributes, '$.colors.dominant_colors') "
            "WHERE lower(value) = lower(?))"
        )
        return f"({joint.join(one for _ in parts)})", [f"#{part.removeprefix('#')}" for part in parts]
    if name.startswith("custom:"):
        one = "EXISTS (SELECT 1 FROM json_each(attributes, '$.custom_fields') WHERE key = ?{})"
        key = name.removeprefix("custom:")
        return (one.format(" AND value = ?"), [key, text]) if text else (one.format(""), [key])
    if name == "face_count":
        return _range(text)
    if name == "has_frames":
        wanted = documents.boolean("filter[has_frames]", text)
        return "ifnull(json_extract(attributes, '$.has_frames'), 0) = ?", [wanted]
    if name == "media_kind":
        return "json_extract(attributes, '$.media_kind') = upper(?)", [text]
    if name == "origin_path":
        return _path(runtime, text)
    raise bad_request(f"Cannot filter assets by {name!r}.", f"filter[{name}]")


def _range(text: str) -> tuple[str, list[object]]:
    low, colon, high = text.partition(":")
    if not all(part == "" or (part.isdecimal() and len(part) < 16) for part in (low, high)) or not (
        low or high
    ):
        raise bad_request(f"filter[face_count] must be like 3, 1:3, 1: or :2, got {text!r}.", "face_count")
    column = "json_extract(attributes, '$.face_count')"
    if not colon:
        return f"{column} = ?", [int(low)]
    return f"{column} BETWEEN ? AND ?", [int(low or 0), int(high or 2**31)]


def _path(runtime: Runtime, text: str) -> tuple[str, list[object]]:
    mode = runtime.settings.origin_path_filter
    if mode == "contains":
        return "instr(origin_path, ?)", [text]
    path = text if text.startswith("/") else f"/{text}"
    return ("origin_path = ?", [path]) if mode == "exact" else ("instr(origin_path, ?) = 1", [path])
