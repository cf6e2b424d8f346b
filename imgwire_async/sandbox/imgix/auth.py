"""API keys and their permissions."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.requests import Request

from imgwire_async.sandbox.imgix.operations import PUBLIC, Permission
from imgwire_async.sandbox.imgix.runtime import Runtime
from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.operations import Operation
from imgwire_async.sandbox.server.service import CALLER

Permissions = frozenset[str]


def authenticate(runtime: Runtime, operation: Operation, headers: Headers) -> Permissions:
    """The permissions of the key that a request came with.

    Raises:
        ApiError: 401, the key is missing or unknown; 401 or 403, it lacks a permission.
    """
    if operation.access == PUBLIC:
        return frozenset()
    permissions = _permissions(runtime, headers)
    if permissions is None:
        raise ApiError(401, "Unauthorized", "A valid API key is required and could not be determined.")
    _require(runtime, permissions, operation.access.split())
    return permissions


def check_permission(runtime: Runtime, request: Request, permission: Permission) -> None:
    """Check a permission that depends on the content of the request.

    Raises:
        ApiError: 401 or 403, the key lacks it.
    """
    _require(runtime, request.scope[CALLER], [permission])


def new_key(runtime: Runtime, permissions: Iterable[Permission]) -> str:
    """A further key with some permissions."""
    key = f"ak_{secrets.token_hex(32)}"
    given = " ".join(Permission(permission) for permission in permissions)
    runtime.database.writer.execute("INSERT INTO api_keys VALUES (?, ?)", (_digest(key), given))
    return key


def counted_for(runtime: Runtime, headers: Headers) -> str:
    """The key under which requests share the rate limits."""
    if runtime.settings.limit_scope == "account":
        return ""
    return _digest(headers.get("authorization", ""))


def _permissions(runtime: Runtime, headers: Headers) -> Permissions | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        return None
    if secrets.compare_digest(_digest(key), _digest(runtime.identity.api_key)):
        return frozenset(Permission)
    row = runtime.database.writer.execute(
        "SELECT permissions FROM api_keys WHERE digest = ?", (_digest(key),)
    ).fetchone()
    if row is None:
        return None
    found = set(row["permissions"].split())
    if Permission.ASSET_EDIT in found:
        found.add(Permission.ASSET_BROWSE)
    return frozenset(found)


def _require(runtime: Runtime, held: Permissions, needed: Iterable[str]) -> None:
    missing = [name for name in needed if name not in held]
    if missing:
        names = " and ".join(name.replace("_", " ").title() for name in missing)
        status = runtime.settings.missing_permission_status
        title = "Forbidden" if status == 403 else "Unauthorized"
        raise ApiError(status, title, f"The API key lacks the permission {names}.")


def _digest(key: str) -> str:
    # Only hashes are stored and compared.
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
