"""Routes of the environment's one custom domain."""

from __future__ import annotations

import re
import secrets
import sqlite3
import uuid

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from imgwire_async.sandbox.imgwire.errors import InvalidRequestError, conflict, not_found
from imgwire_async.sandbox.imgwire.operations import OPERATIONS
from imgwire_async.sandbox.imgwire.runtime import Runtime, timestamp, timestamp_or_none
from imgwire_async.sandbox.imgwire.schemas import CustomDomainCreate
from imgwire_async.sandbox.server.routes import Routes

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"({_LABEL}\.){{2,}}[a-z][a-z0-9-]*[a-z0-9]")


def router(runtime: Runtime) -> APIRouter:
    """Create, read, check and delete the custom domain."""
    routes = Routes(OPERATIONS)
    writer = runtime.database.writer

    def find() -> sqlite3.Row:
        row: sqlite3.Row | None = writer.execute("SELECT * FROM custom_domain").fetchone()
        if row is None:
            raise not_found()
        return row

    def show(row: sqlite3.Row) -> Response:
        return JSONResponse(
            {
                "id": row["id"],
                "environment_id": runtime.identity.environment_id,
                "hostname": row["hostname"],
                "cname_record": row["hostname"],
                "cname_value": "cdn-proxy.imgwire.dev",
                "dcv_cname_record": f"_acme-challenge.{row['hostname']}",
                "dcv_cname_value": row["dcv_target"],
                "certificate_status": row["certificate_status"],
                "status": row["status"],
                "last_verified_at": timestamp_or_none(row["last_verified_at"]),
                "created_at": timestamp(row["created_at"]),
                "updated_at": timestamp(row["updated_at"]),
            }
        )

    @routes.operation("custom_domain.retrieve")
    async def retrieve() -> Response:
        return show(find())

    @routes.operation("custom_domain.create")
    async def create(body: CustomDomainCreate) -> Response:
        hostname = body.hostname.lower()
        if len(hostname) > 253 or _SUBDOMAIN.fullmatch(hostname) is None:
            raise InvalidRequestError(("body", "hostname"), "must be a subdomain such as images.example.com.")
        if hostname in runtime.settings.claimed_hostnames:
            raise conflict("This hostname is claimed by another environment.")
        now = runtime.now()
        try:
            row = writer.execute(
                "INSERT INTO custom_domain VALUES (1, ?, ?, ?, 'PENDING', 'PENDING', NULL, ?, ?) RETURNING *",
                (str(uuid.uuid4()), hostname, f"{secrets.token_hex(8)}.dcv.imgwire.dev", now, now),
            ).fetchone()
        except sqlite3.IntegrityError:
            raise conflict("This environment already has a custom domain.") from None
        return show(row)

    @routes.operation("custom_domain.delete")
    async def delete() -> Response:
        find()
        writer.execute("DELETE FROM custom_domain")
        return JSONResponse({"status": "deleted"})

    @routes.operation("custom_domain.test_connection")
    async def test_connection() -> Response:
        find()
        status, certificate = "PENDING", "PENDING"
        if runtime.settings.custom_domain_connects:
            status, certificate = "CONNECTED", "ACTIVE"
        now = runtime.now()
        row = writer.execute(
            "UPDATE custom_domain SET status = ?, certificate_status = ?, last_verified_at = ?,"
            " updated_at = ? RETURNING *",
            (status, certificate, now, now),
        ).fetchone()
        return show(row)

    return routes
