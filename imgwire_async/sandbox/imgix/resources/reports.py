"""Reports and their files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imgwire_async.sandbox.imgix import documents
from imgwire_async.sandbox.imgix.documents import REPORTS_PREFIX, Attributes, Query, bad_request, not_found
from imgwire_async.sandbox.imgix.operations import OPERATIONS
from imgwire_async.sandbox.imgix.runtime import Runtime, new_id
from imgwire_async.sandbox.server.requests.bodies import BlockFileResponse
from imgwire_async.sandbox.server.routes import Routes
from imgwire_async.sandbox.server.storage.presigned import StoreError, check_signature, presign

URL_SECONDS: Final = 3600
"""Lifetime of the URL of a file; imgix's own value is unpublished."""

_SORTS: Final = {name: name for name in ("period_end", "period_start", "report_key", "report_type")}

Row = sqlite3.Row


def router(runtime: Runtime) -> APIRouter:
    """List and retrieve reports, and their files."""
    routes = Routes(OPERATIONS)

    @routes.operation("reports.list")
    async def list_reports(request: Request) -> Response:
        return _list(runtime, request.query_params)

    @routes.operation("reports.retrieve")
    async def retrieve(request: Request, report_id: str) -> Response:
        row = runtime.database.writer.execute("SELECT * FROM reports WHERE id = ?", (report_id,)).fetchone()
        if row is None:
            raise not_found()
        return documents.success(_show(runtime, row, request.query_params))

    @routes.operation("reports.download")
    async def download(request: Request, key: str) -> Response:
        if "authorization" in request.headers:
            raise StoreError(400, "InvalidArgument", "A presigned URL takes no Authorization header.")
        check_signature(runtime.identity.signing_secret, request, runtime.now())
        path = runtime.files.original(key)
        if not path.exists():
            raise StoreError(404, "NoSuchKey", "The file of this report no longer exists.")
        return BlockFileResponse(path, media_type="text/csv")

    return routes


def add(
    runtime: Runtime,
    report_type: str,
    period: tuple[float, float],
    files: Sequence[bytes],
    completed_after: float,
) -> str:
    """Create a report and return its id."""
    id = new_id()
    names = []
    for content in files:
        name = new_id()
        path = runtime.files.original(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        names.append(name)
    start, end = period
    day = datetime.fromtimestamp(end, UTC).strftime("%Y%m%d")
    runtime.database.writer.execute(
        "INSERT INTO reports (id, report_type, report_key, period_start, period_end, complete_at, files) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            id,
            report_type,
            f"{report_type}_{day}",
            start,
            end,
            runtime.now() + completed_after,
            json.dumps(names),
        ),
    )
    return id


def _list(runtime: Runtime, query: Query) -> Response:
    conditions: list[str] = ["1"]
    values: list[object] = []
    for name, text in documents.filters(query).items():
        if name == "completed":
            conditions.append("(complete_at <= ?) = ?")
            values += [runtime.now(), documents.boolean("filter[completed]", text)]
        elif name == "report_type":
            conditions.append("report_type = ?")
            values.append(text)
        else:
            raise bad_request(f"Cannot filter reports by {name!r}.", f"filter[{name}]")
    where = " AND ".join(conditions)
    sort = documents.order(query, _SORTS, "sequence")
    number, size = documents.numbered_page(runtime, query)
    writer = runtime.database.writer
    (total,) = writer.execute(f"SELECT count(*) FROM reports WHERE {where}", values).fetchone()  # noqa: S608
    rows = writer.execute(
        f"SELECT * FROM reports WHERE {where} ORDER BY {sort} LIMIT ? OFFSET ?",  # noqa: S608
        (*values, size, number * size),
    )
    return documents.numbered_list(
        runtime, [_show(runtime, row, query) for row in rows], (number, size), total
    )


def _show(runtime: Runtime, row: Row, query: Query) -> dict[str, object]:
    completed = row["complete_at"] <= runtime.now()
    expires = int(runtime.now()) + URL_SECONDS
    secret = runtime.identity.signing_secret
    names = json.loads(row["files"]) if completed else []
    attributes: Attributes = {
        "completed": completed,
        "files": [
            presign(secret, runtime.base_url, "GET", f"{REPORTS_PREFIX}{name}", expires) for name in names
        ],
        "period_end": int(row["period_end"]),
        "period_start": int(row["period_start"]),
        "report_key": row["report_key"],
        "report_type": row["report_type"],
    }
    return documents.resource("reports", row["id"], documents.sparse(query, "reports", attributes))
