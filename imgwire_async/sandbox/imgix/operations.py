"""The operations of the local imgix: names, routes, permissions and rate classes."""

from __future__ import annotations

from enum import StrEnum

from imgwire_async.sandbox.server.operations import Operation, Operations
from imgwire_async.sandbox.server.requests.rate_limits import FixedWindow, RateRule, SteadyRate


class Permission(StrEnum):
    """Permissions of an API key."""

    SOURCES = "sources"
    ASSET_BROWSE = "asset_browse"
    ASSET_EDIT = "asset_edit"
    """Includes `ASSET_BROWSE`."""
    ASSET_PURGE = "asset_purge"
    ANALYTICS = "analytics"


PUBLIC = "public"
"""The access of an operation that needs no API key."""

_V1 = "/api/v1"
_SOURCE = f"{_V1}/sources/{{source_id}}"
_SOURCES, _BROWSE, _EDIT, _PURGE, _ANALYTICS = Permission
_REFRESH = f"{_EDIT} {_PURGE}"


def _operation(name: str, method: str, path: str, access: str, rate_class: str = "default") -> Operation:
    return Operation(name, method, path, access, rate_class, streams=name == "assets.upload")


OPERATIONS = Operations(
    (
        _operation("sources.list", "GET", f"{_V1}/sources", _SOURCES),
        _operation("sources.create", "POST", f"{_V1}/sources", _SOURCES, "create_source"),
        _operation("sources.retrieve", "GET", _SOURCE, _SOURCES),
        _operation("sources.update", "PATCH", _SOURCE, _SOURCES, "update_source"),
        _operation("assets.list", "GET", f"{_SOURCE}/assets", _BROWSE),
        _operation("assets.add", "POST", f"{_SOURCE}/assets/add/{{origin_path:path}}", _EDIT),
        _operation(
            "assets.refresh",
            "POST",
            f"{_SOURCE}/assets/refresh/{{origin_path:path}}",
            _REFRESH,
            "refresh_asset",
        ),
        _operation("assets.retrieve", "GET", f"{_SOURCE}/assets/{{origin_path:path}}", _BROWSE, "get_asset"),
        _operation("assets.update", "PATCH", f"{_SOURCE}/assets/{{origin_path:path}}", _EDIT),
        _operation(
            "assets.upload",
            "POST",
            f"{_V1}/sources/upload/{{source_id}}/{{origin_path:path}}",
            _EDIT,
            "upload",
        ),
        _operation("assets.upload", "POST", f"{_SOURCE}/upload/{{origin_path:path}}", _EDIT, "upload"),
        _operation(
            "assets.retrieve", "GET", f"{_V1}/assets/{{source_id}}/{{origin_path:path}}", _BROWSE, "get_asset"
        ),
        _operation("assets.list", "GET", f"{_V1}/assets/{{source_id}}", _BROWSE),
        _operation(
            "upload_sessions.create", "POST", f"{_SOURCE}/upload-sessions/create/{{origin_path:path}}", _EDIT
        ),
        _operation("upload_sessions.close", "POST", f"{_SOURCE}/upload-sessions/close/{{session_id}}", _EDIT),
        _operation(
            "upload_sessions.status", "GET", f"{_SOURCE}/upload-sessions/status/{{session_id}}", _EDIT
        ),
        _operation(
            "upload_sessions.cancel", "DELETE", f"{_SOURCE}/upload-sessions/cancel/{{session_id}}", _EDIT
        ),
        _operation(
            "upload_sessions.create", "POST", f"{_SOURCE}/upload-sessions/{{origin_path:path}}", _EDIT
        ),
        _operation("upload_sessions.status", "GET", f"{_SOURCE}/upload-sessions/{{session_id}}", _EDIT),
        _operation("upload_sessions.cancel", "DELETE", f"{_SOURCE}/upload-sessions/{{session_id}}", _EDIT),
        _operation("publishes.create", "POST", f"{_SOURCE}/publish", _PURGE),
        _operation("unpublishes.create", "POST", f"{_SOURCE}/unpublish", _PURGE),
        _operation("publishes.create", "POST", f"{_V1}/publish", _PURGE),
        _operation("unpublishes.create", "POST", f"{_V1}/unpublish", _PURGE),
        _operation("purges.create", "POST", f"{_V1}/purge", _PURGE, "purge"),
        _operation("reports.list", "GET", f"{_V1}/reports", _ANALYTICS),
        _operation("reports.retrieve", "GET", f"{_V1}/reports/{{report_id}}", _ANALYTICS),
        Operation("health", "GET", "/health", PUBLIC),
        Operation("store.put", "PUT", "/_store/{key}", PUBLIC, streams=True),
        Operation("reports.download", "GET", "/_reports/{key}", PUBLIC),
        Operation("rendering.get", "GET", "/~/{host}/{path:path}", PUBLIC),
    )
)

RATE_CLASSES = ("default", "create_source", "update_source", "get_asset", "refresh_asset", "upload", "purge")

_PUBLISHED = {
    "default": (4, 1),
    "create_source": (60, 3600),
    "update_source": (60, 3600),
    "get_asset": (10, 1),
    "refresh_asset": (10, 60),
    "upload": (2, 1),
    "purge": (10, 1),
}
"""Requests per seconds, as imgix publishes them."""


def published_limits(*, windows: bool, retry_after: bool) -> dict[str, RateRule]:
    """Imgix's published limits by rate class.

    Args:
        windows: Whether requests are counted in fixed windows; otherwise by a token bucket.
        retry_after: Whether a 429 says when to retry.
    """
    form = "seconds" if retry_after else None
    if windows:
        return {
            name: FixedWindow(limit=limit, seconds=seconds, retry_after=form)  # type: ignore[arg-type]
            for name, (limit, seconds) in _PUBLISHED.items()
        }
    return {
        name: SteadyRate(rate=limit / seconds, burst=limit, retry_after=form)  # type: ignore[arg-type]
        for name, (limit, seconds) in _PUBLISHED.items()
    }
