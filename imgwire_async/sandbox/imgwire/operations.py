"""The operations that the sandbox serves: names, routes, and which credentials each accepts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Access(StrEnum):
    """Who may call an operation."""

    SERVER = "server"
    SERVER_OR_CLIENT = "server_or_client"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class SandboxOperation:
    """One operation: its name in faults, rate limits and the journal, and its route."""

    name: str
    method: str
    path: str
    access: Access = Access.SERVER


OPERATIONS = (
    SandboxOperation("images.list", "GET", "/api/v1/images/"),
    SandboxOperation("images.create", "POST", "/api/v1/images/standard_upload", Access.SERVER_OR_CLIENT),
    SandboxOperation("images.upload_via_url", "POST", "/api/v1/images/upload_via_url"),
    SandboxOperation("images.create_upload_token", "POST", "/api/v1/images/token"),
    SandboxOperation("images.create_bulk_download_job", "POST", "/api/v1/images/downloads"),
    SandboxOperation("images.retrieve_bulk_download_job", "GET", "/api/v1/images/downloads/{job_id}"),
    SandboxOperation("images.bulk_delete", "POST", "/api/v1/images/bulk_delete"),
    SandboxOperation("images.retrieve", "GET", "/api/v1/images/{image_id}", Access.SERVER_OR_CLIENT),
    SandboxOperation("images.delete", "DELETE", "/api/v1/images/{image_id}"),
    SandboxOperation("cors_origins.list", "GET", "/api/v1/cors_origins/"),
    SandboxOperation("cors_origins.create", "POST", "/api/v1/cors_origins/"),
    SandboxOperation("cors_origins.retrieve", "GET", "/api/v1/cors_origins/{cors_origin_id}"),
    SandboxOperation("cors_origins.update", "PATCH", "/api/v1/cors_origins/{cors_origin_id}"),
    SandboxOperation("cors_origins.delete", "DELETE", "/api/v1/cors_origins/{cors_origin_id}"),
    SandboxOperation("custom_domain.retrieve", "GET", "/api/v1/custom_domain/"),
    SandboxOperation("custom_domain.create", "POST", "/api/v1/custom_domain/"),
    SandboxOperation("custom_domain.delete", "DELETE", "/api/v1/custom_domain/"),
    SandboxOperation("custom_domain.test_connection", "POST", "/api/v1/custom_domain/test_connection"),
    SandboxOperation("metrics.get_datasets", "GET", "/api/v1/metrics/datasets"),
    SandboxOperation("metrics.get_stats", "GET", "/api/v1/metrics/stats"),
    SandboxOperation("health", "GET", "/health", Access.PUBLIC),
    SandboxOperation("store.put", "PUT", "/_store/{key}", Access.PUBLIC),
    SandboxOperation("downloads.get", "GET", "/_downloads/{key}", Access.PUBLIC),
    SandboxOperation("cdn.get", "GET", "/{organization_id}/{environment_id}/{image}", Access.PUBLIC),
    SandboxOperation("page", "GET", "/", Access.PUBLIC),
    SandboxOperation("page.image", "GET", "/gallery/{image_id}", Access.PUBLIC),
)
"""In the order in which they are matched."""

OPERATION_NAMES = frozenset(operation.name for operation in OPERATIONS)
EVERY_OPERATION = "*"
"""Stands for all operations in faults and rate limits."""

_EXACT = {(item.method, item.path): item for item in OPERATIONS if "{" not in item.path}
_UUID = "[0-9a-fA-F-]{36}"


def _pattern(path: str) -> re.Pattern[str]:
    path = path.replace("{organization_id}", _UUID).replace("{environment_id}", _UUID)
    return re.compile(re.sub(r"\{[a-z_]+\}", "[^/]+", path))


_PATTERNS = [(item.method, _pattern(item.path), item) for item in OPERATIONS if "{" in item.path]


def methods_of(path: str) -> list[str]:
    """The methods that a path is documented with, in alphabetical order; none for an unknown path."""
    exact = {method for method, known in _EXACT if known == path}
    return sorted(exact or {method for method, pattern, _ in _PATTERNS if pattern.fullmatch(path)})


def resolve(method: str, path: str) -> SandboxOperation | None:
    """The operation that a request addresses, or None when there is no such route."""
    method = "GET" if method == "HEAD" else method
    exact = _EXACT.get((method, path))
    if exact is not None:
        return exact
    for route_method, pattern, operation in _PATTERNS:
        if route_method == method and pattern.fullmatch(path):
            return operation
    return None


def check_operation_name(name: str) -> str:
    """Return `name` if it is an operation or `*`.

    Raises:
        ValueError: no such operation exists.
    """
    if name != EVERY_OPERATION and name not in OPERATION_NAMES:
        known = ", ".join(sorted(OPERATION_NAMES))
        raise ValueError(f"unknown operation {name!r}; known are {known} and {EVERY_OPERATION!r} for all")
    return name
