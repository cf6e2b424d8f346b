"""Sources: the storage of an account's files, and the hosts that serve them."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Mapping
from typing import Final, cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imgwire_async.sandbox.imgix import documents
from imgwire_async.sandbox.imgix.documents import Attributes, Query, bad_request, not_found
from imgwire_async.sandbox.imgix.operations import OPERATIONS
from imgwire_async.sandbox.imgix.runtime import Runtime, as_json, new_id
from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.routes import Routes

IMGIX_HOST: Final = ".imgix.net"
UPLOADABLE: Final = frozenset({"azure", "gcs", "s3", "s3_compatible"})
"""Types of sources whose storage imgix can write to."""

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SECRETS: Final = frozenset({"s3_secret_key", "gcs_secret_key", "secret_key", "azure_sas_string", "password"})
_READ_ONLY: Final = frozenset(
    {"allows_upload", "password_set", "request_handshake_set", "request_signing_key_set"}
)
_REQUIRED: Final = {
    "azure": ("azure_account", "azure_bucket", "azure_sas_string"),
    "gcs": ("gcs_access_key", "gcs_secret_key", "gcs_bucket"),
    "s3": ("s3_access_key", "s3_secret_key", "s3_bucket"),
    "s3_compatible": ("access_key_id", "secret_key", "bucket_name", "endpoint_url", "storage_provider"),
    "webfolder": ("webfolder_base_url",),
    "webproxy": (),
}
_DEFAULTS: Final[Mapping[str, object]] = {
    "cache_ttl_behavior": "respect_origin",
    "cache_ttl_error": 300,
    "cache_ttl_value": 31_536_000,
    "crossdomain_xml_enabled": False,
    "custom_domains": [],
    "default_params": {},
    "image_error": None,
    "image_error_append_qs": False,
    "image_missing": None,
    "image_missing_append_qs": False,
    "secure_url_enabled": False,
}
_FLAGS: Final = (
    "crossdomain_xml_enabled",
    "image_error_append_qs",
    "image_missing_append_qs",
    "secure_url_enabled",
)
_CHOICES: Final = {
    "azure_service_type": ("blob", "file"),
    "cache_ttl_behavior": ("respect_origin", "override_origin", "enforce_minimum"),
    "robots.txt": ("origin", "allow-all", "disallow-all"),
}
_TEXTS: Final = frozenset(
    {
        *("annotation", "azure_prefix", "gcs_prefix", "region", "s3_prefix", "username"),
        *(*_SECRETS, *(name for names in _REQUIRED.values() for name in names)),
    }
)
_WRITABLE: Final[Mapping[str, tuple[type | None, ...]]] = {
    "name": (str,),
    "enabled": (bool,),
    "deployment": (dict,),
}
_SORTS: Final = {"date_deployed": "date_deployed", "enabled": "enabled", "name": "name COLLATE NOCASE"}
_FILTERS: Final = frozenset(
    {
        "deployment.azure_bucket",
        "deployment.bucket_name",
        "deployment.gcs_bucket",
        "deployment.region",
        "deployment.s3_bucket",
        "deployment.storage_provider",
        "deployment.type",
        "deployment.webfolder_base_url",
    }
)

Row = sqlite3.Row


def router(runtime: Runtime) -> APIRouter:
    """List, create, retrieve and update sources."""
    routes = Routes(OPERATIONS)

    @routes.operation("sources.list")
    async def list_sources(request: Request) -> Response:
        return _list(runtime, request.query_params)

    @routes.operation("sources.create")
    async def create_source(request: Request) -> Response:
        attributes = await documents.read_attributes(request, "sources")
        return documents.success(show(runtime, create(runtime, attributes)), status=201)

    @routes.operation("sources.retrieve")
    async def retrieve(request: Request, source_id: str) -> Response:
        return documents.success(show(runtime, find(runtime, source_id), request.query_params))

    @routes.operation("sources.update")
    async def update_source(request: Request, source_id: str) -> Response:
        find(runtime, source_id)
        attributes = await documents.read_attributes(request, "sources", ids=[source_id])
        return documents.success(show(runtime, _update(runtime, source_id, attributes)))

    return routes


def find(runtime: Runtime, source_id: str) -> Row:
    """The record of a source.

    Raises:
        ApiError: 404, there is none.
    """
    row: Row | None = runtime.database.writer.execute(
        "SELECT * FROM sources WHERE id = ?", (source_id,)
    ).fetchone()
    if row is None:
        raise not_found()
    return row


def of_host(runtime: Runtime, host: str) -> Row | None:
    """The source that a host serves."""
    row: Row | None = runtime.database.writer.execute(
        "SELECT sources.* FROM sources JOIN hosts ON hosts.source_id = sources.id WHERE hosts.host = ?",
        (host.lower(),),
    ).fetchone()
    return row


def deployment_of(row: Row) -> Attributes:
    """The latest deployment of a source, with its secrets."""
    return cast("Attributes", json.loads(row["deployment"]))


def active_deployment(runtime: Runtime, row: Row) -> Attributes | None:
    """The deployment that the rendering hosts use; None while the first one is in progress."""
    if _status(runtime, row) != "deploying":
        return deployment_of(row)
    return None if row["former"] is None else cast("Attributes", json.loads(row["former"]))


def create(runtime: Runtime, attributes: Attributes) -> Row:
    """Create a source and deploy it.

    Raises:
        ApiError: 400, the attributes do not describe one; 409, a host is taken.
    """
    documents.check_members(attributes, _WRITABLE)
    for name in ("name", "deployment"):
        if not attributes.get(name):
            raise bad_request(f"The attribute {name!r} is required.", name)
    source_id = new_id()
    annotation = f"New deployment created for source by {documents.ACCOUNT}."
    given = {"annotation": annotation, **cast("Attributes", attributes["deployment"])}
    deployment = _checked(given)
    _claim(runtime, source_id, deployment)
    row: Row = runtime.database.writer.execute(
        "INSERT INTO sources (id, name, enabled, deployment, token, date_deployed) VALUES (?, ?, ?, ?, ?, ?) "
        "RETURNING *",
        (
            source_id,
            attributes["name"],
            attributes.get("enabled", True),
            as_json(deployment),
            secrets.token_urlsafe(12),
            runtime.now(),
        ),
    ).fetchone()
    return row


def show(runtime: Runtime, row: Row, query: Query | None = None) -> dict[str, object]:
    """The resource of a source, without its secrets."""
    deployment = deployment_of(row)
    visible: Attributes = {name: value for name, value in deployment.items() if name not in _SECRETS}
    if deployment["type"] in UPLOADABLE:
        visible["allows_upload"] = True
    if "password" in deployment:
        visible["password_set"] = True
    attributes: Attributes = {
        "date_deployed": int(row["date_deployed"]),
        "deployment": dict(sorted(visible.items())),
        "deployment_status": _status(runtime, row),
        "enabled": bool(row["enabled"]),
        "name": row["name"],
    }
    if deployment["secure_url_enabled"]:
        attributes["secure_url_token"] = row["token"]
    return documents.resource("sources", row["id"], documents.sparse(query or {}, "sources", attributes))


def _status(runtime: Runtime, row: Row) -> str:
    if not row["enabled"]:
        return "disabled"
    done = row["date_deployed"] + runtime.settings.deployment_delay
    return "deployed" if runtime.now() >= done else "deploying"


def _list(runtime: Runtime, query: Query) -> Response:
    conditions: list[str] = ["1"]
    values: list[object] = []
    for name, text in documents.filters(query).items():
        value: object = text
        if name == "name":
            exact = runtime.settings.name_filter == "exact"
            conditions.append("name = ? COLLATE NOCASE" if exact else "instr(lower(name), lower(?))")
        elif name == "enabled":
            conditions.append("enabled = ?")
            value = documents.boolean("filter[enabled]", text)
        elif name in {"deployment.custom_domains", "deployment.imgix_subdomains"}:
            path = name.removeprefix("deployment.")
            conditions.append(f"EXISTS (SELECT 1 FROM json_each(deployment, '$.{path}') WHERE value = ?)")  # noqa: S608
        elif name in _FILTERS:
            conditions.append(f"json_extract(deployment, '$.{name.removeprefix('deployment.')}') = ?")
        else:
            raise bad_request(f"Cannot filter sources by {name!r}.", f"filter[{name}]")
        values.append(value)
    where = " AND ".join(conditions)
    sort = documents.order(query, _SORTS, "sequence")
    number, size = documents.numbered_page(runtime, query)
    writer = runtime.database.writer
    (total,) = writer.execute(f"SELECT count(*) FROM sources WHERE {where}", values).fetchone()  # noqa: S608
    rows = writer.execute(
        f"SELECT * FROM sources WHERE {where} ORDER BY {sort} LIMIT ? OFFSET ?",  # noqa: S608
        (*values, size, number * size),
    )
    return documents.numbered_list(
        runtime, [show(runtime, row, query) for row in rows], (number, size), total
    )


def _update(runtime: Runtime, source_id: str, attributes: Attributes) -> Row:
    row = find(runtime, source_id)
    documents.check_members(attributes, _WRITABLE)
    if not row["enabled"] and set(attributes) - {"enabled"}:
        raise bad_request("The source is disabled; enable it before changing anything else.", "enabled")
    if attributes.get("name") == "":
        raise bad_request("The attribute 'name' is required.", "name")
    enabled = bool(attributes.get("enabled", row["enabled"]))
    deployment, former, deployed = row["deployment"], row["former"], row["date_deployed"]
    if "deployment" in attributes:
        given = cast("Attributes", attributes["deployment"])
        if runtime.settings.deployment_update == "merge":
            given = {**deployment_of(row), **given}
        checked = _checked(given)
        _claim(runtime, source_id, checked)
        active = active_deployment(runtime, row)
        former = None if active is None else as_json(active)
        deployment, deployed = as_json(checked), runtime.now()
    elif enabled and not row["enabled"]:
        former, deployed = deployment, runtime.now()
    changed: Row = runtime.database.writer.execute(
        "UPDATE sources SET name = ?, enabled = ?, deployment = ?, former = ?, date_deployed = ? "
        "WHERE id = ? RETURNING *",
        (attributes.get("name", row["name"]), enabled, deployment, former, deployed, source_id),
    ).fetchone()
    return changed


def _checked(given: Attributes) -> Attributes:
    kind = given.get("type")
    if not isinstance(kind, str) or kind not in _REQUIRED:
        raise bad_request(f"deployment.type must be one of {', '.join(_REQUIRED)}, got {kind!r}.", "type")
    deployment = {**_DEFAULTS, **{name: value for name, value in given.items() if name not in _READ_ONLY}}
    for name in _REQUIRED[kind]:
        if not isinstance(deployment.get(name), str) or not deployment[name]:
            raise bad_request(f"deployment.{name} is required for type {kind}.", name)
    for name in ("imgix_subdomains", "custom_domains"):
        value = deployment.get(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise bad_request(f"deployment.{name} must be a list of names.", name)
    subdomains = cast("list[str]", deployment["imgix_subdomains"])
    if not subdomains or not all(_LABEL.fullmatch(label) for label in subdomains):
        raise bad_request(
            "deployment.imgix_subdomains needs at least one label of lower-case letters, digits and hyphens.",
            "imgix_subdomains",
        )
    if not isinstance(deployment["default_params"], dict):
        raise bad_request("deployment.default_params must be an object.", "default_params")
    for name in _FLAGS:
        if not isinstance(deployment[name], bool):
            raise bad_request(f"deployment.{name} must be true or false.", name)
    for name in ("image_error", "image_missing"):
        address = deployment[name]
        if address is not None and not (
            isinstance(address, str) and address.startswith(("http://", "https://"))
        ):
            raise bad_request(f"deployment.{name} must be a URL or null.", name)
    for name, allowed in _CHOICES.items():
        if deployment.get(name) not in (None, *allowed):
            raise bad_request(f"deployment.{name} must be one of {', '.join(allowed)}.", name)
    for name, value in deployment.items():
        if name in _TEXTS and not isinstance(value, str | None):
            raise bad_request(f"deployment.{name} must be text.", name)
    for name in ("cache_ttl_value", "cache_ttl_error"):
        value = deployment[name]
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 31_536_000:
            raise bad_request(f"deployment.{name} must be from 1 to 31536000 seconds.", name)
    if kind == "webproxy" and not deployment["secure_url_enabled"]:
        raise bad_request("A webproxy source needs secure_url_enabled.", "secure_url_enabled")
    if kind == "webproxy" and deployment.get("robots.txt") == "origin":
        raise bad_request("A webproxy source cannot serve the robots.txt of its origin.", "robots.txt")
    if ":" in str(deployment.get("username") or ""):
        raise bad_request("deployment.username must not contain a colon.", "username")
    return deployment


def _claim(runtime: Runtime, source_id: str, deployment: Attributes) -> None:
    """Assign the hosts of a deployment to a source.

    Raises:
        ApiError: 409, another source has one of them.
    """
    writer = runtime.database.writer
    hosts = [f"{label}{IMGIX_HOST}" for label in cast("list[str]", deployment["imgix_subdomains"])]
    hosts += [domain.lower() for domain in cast("list[str]", deployment["custom_domains"])]
    with writer:
        writer.execute("BEGIN")
        for host in hosts:
            row = writer.execute("SELECT source_id FROM hosts WHERE host = ?", (host,)).fetchone()
            if row is not None and row["source_id"] != source_id:
                raise ApiError(409, "Conflict", f"The host {host} is in use by another source.")
        writer.execute("DELETE FROM hosts WHERE source_id = ?", (source_id,))
        writer.executemany("INSERT OR IGNORE INTO hosts VALUES (?, ?)", [(host, source_id) for host in hosts])
