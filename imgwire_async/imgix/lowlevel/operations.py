"""Every operation of the imgix Management API, as `scripts/contracts/imgix/openapi.json` declares it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from imgwire_async.core.operation import Operation, Replay

ASSETS_ADD = Operation(
    name="assets.add",
    method="POST",
    path="/api/v1/sources/{source_id}/assets/add/{origin_path}",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="default",
    media_type="application/vnd.api+json",
    slashes=frozenset({"origin_path"}),
)

ASSETS_LIST = Operation(
    name="assets.list",
    method="GET",
    path="/api/v1/sources/{source_id}/assets",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="default",
    media_type="application/vnd.api+json",
)

ASSETS_REFRESH = Operation(
    name="assets.refresh",
    method="POST",
    path="/api/v1/sources/{source_id}/assets/refresh/{origin_path}",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="refresh_asset",
    media_type="application/vnd.api+json",
    slashes=frozenset({"origin_path"}),
)

ASSETS_RETRIEVE = Operation(
    name="assets.retrieve",
    method="GET",
    path="/api/v1/sources/{source_id}/assets/{origin_path}",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="get_asset",
    media_type="application/vnd.api+json",
    slashes=frozenset({"origin_path"}),
)

ASSETS_UPDATE = Operation(
    name="assets.update",
    method="PATCH",
    path="/api/v1/sources/{source_id}/assets/{origin_path}",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="default",
    media_type="application/vnd.api+json",
    slashes=frozenset({"origin_path"}),
)

ASSETS_UPLOAD = Operation(
    name="assets.upload",
    method="POST",
    path="/api/v1/sources/{source_id}/upload/{origin_path}",
    auth="api_key",
    replay=Replay.LOOK_FIRST,
    rate_class="upload",
    media_type="application/vnd.api+json",
    slashes=frozenset({"origin_path"}),
)

PUBLISHES_CREATE = Operation(
    name="publishes.create",
    method="POST",
    path="/api/v1/sources/{source_id}/publish",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="default",
    media_type="application/vnd.api+json",
)

PURGES_CREATE = Operation(
    name="purges.create",
    method="POST",
    path="/api/v1/purge",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="purge",
    media_type="application/vnd.api+json",
)

REPORTS_LIST = Operation(
    name="reports.list",
    method="GET",
    path="/api/v1/reports",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="default",
    media_type="application/vnd.api+json",
)

REPORTS_RETRIEVE = Operation(
    name="reports.retrieve",
    method="GET",
    path="/api/v1/reports/{report_id}",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="default",
    media_type="application/vnd.api+json",
)

SOURCES_CREATE = Operation(
    name="sources.create",
    method="POST",
    path="/api/v1/sources",
    auth="api_key",
    replay=Replay.UNSAFE,
    rate_class="create_source",
    media_type="application/vnd.api+json",
)

SOURCES_LIST = Operation(
    name="sources.list",
    method="GET",
    path="/api/v1/sources",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="default",
    media_type="application/vnd.api+json",
)

SOURCES_RETRIEVE = Operation(
    name="sources.retrieve",
    method="GET",
    path="/api/v1/sources/{source_id}",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="default",
    media_type="application/vnd.api+json",
)

SOURCES_UPDATE = Operation(
    name="sources.update",
    method="PATCH",
    path="/api/v1/sources/{source_id}",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="update_source",
    media_type="application/vnd.api+json",
)

UNPUBLISHES_CREATE = Operation(
    name="unpublishes.create",
    method="POST",
    path="/api/v1/sources/{source_id}/unpublish",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="default",
    media_type="application/vnd.api+json",
)

UPLOAD_SESSIONS_CANCEL = Operation(
    name="upload_sessions.cancel",
    method="DELETE",
    path="/api/v1/sources/{source_id}/upload-sessions/cancel/{session_id}",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="default",
    media_type="application/vnd.api+json",
)

UPLOAD_SESSIONS_CLOSE = Operation(
    name="upload_sessions.close",
    method="POST",
    path="/api/v1/sources/{source_id}/upload-sessions/close/{session_id}",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="default",
    media_type="application/vnd.api+json",
)

UPLOAD_SESSIONS_CREATE = Operation(
    name="upload_sessions.create",
    method="POST",
    path="/api/v1/sources/{source_id}/upload-sessions/create/{origin_path}",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="default",
    media_type="application/vnd.api+json",
    slashes=frozenset({"origin_path"}),
)

UPLOAD_SESSIONS_STATUS = Operation(
    name="upload_sessions.status",
    method="GET",
    path="/api/v1/sources/{source_id}/upload-sessions/status/{session_id}",
    auth="api_key",
    replay=Replay.SAFE,
    rate_class="default",
    media_type="application/vnd.api+json",
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        operation.name: operation
        for operation in (
            ASSETS_ADD,
            ASSETS_LIST,
            ASSETS_REFRESH,
            ASSETS_RETRIEVE,
            ASSETS_UPDATE,
            ASSETS_UPLOAD,
            PUBLISHES_CREATE,
            PURGES_CREATE,
            REPORTS_LIST,
            REPORTS_RETRIEVE,
            SOURCES_CREATE,
            SOURCES_LIST,
            SOURCES_RETRIEVE,
            SOURCES_UPDATE,
            UNPUBLISHES_CREATE,
            UPLOAD_SESSIONS_CANCEL,
            UPLOAD_SESSIONS_CLOSE,
            UPLOAD_SESSIONS_CREATE,
            UPLOAD_SESSIONS_STATUS,
        )
    }
)
"""Each operation by its name."""
