"""The operations that the sandbox serves: names, routes, and which credentials each accepts."""

from __future__ import annotations

from enum import StrEnum

from imgwire_async.sandbox.server.operations import Operation, Operations


class Access(StrEnum):
    """Who may call an operation."""

    SERVER = "server"
    SERVER_OR_CLIENT = "server_or_client"
    PUBLIC = "public"


_UUID = "[0-9a-fA-F-]{36}"

OPERATIONS = Operations(
    (
        Operation("images.list", "GET", "/api/v1/images/", Access.SERVER),
        Operation("images.create", "POST", "/api/v1/images/standard_upload", Access.SERVER_OR_CLIENT),
        Operation("images.upload_via_url", "POST", "/api/v1/images/upload_via_url", Access.SERVER),
        Operation("images.create_upload_token", "POST", "/api/v1/images/token", Access.SERVER),
        Operation("images.create_bulk_download_job", "POST", "/api/v1/images/downloads", Access.SERVER),
        Operation(
            "images.retrieve_bulk_download_job", "GET", "/api/v1/images/downloads/{job_id}", Access.SERVER
        ),
        Operation("images.bulk_delete", "POST", "/api/v1/images/bulk_delete", Access.SERVER),
        Operation("images.retrieve", "GET", "/api/v1/images/{image_id}", Access.SERVER_OR_CLIENT),
        Operation("images.delete", "DELETE", "/api/v1/images/{image_id}", Access.SERVER),
        Operation("cors_origins.list", "GET", "/api/v1/cors_origins/", Access.SERVER),
        Operation("cors_origins.create", "POST", "/api/v1/cors_origins/", Access.SERVER),
        Operation("cors_origins.retrieve", "GET", "/api/v1/cors_origins/{cors_origin_id}", Access.SERVER),
        Operation("cors_origins.update", "PATCH", "/api/v1/cors_origins/{cors_origin_id}", Access.SERVER),
        Operation("cors_origins.delete", "DELETE", "/api/v1/cors_origins/{cors_origin_id}", Access.SERVER),
        Operation("custom_domain.retrieve", "GET", "/api/v1/custom_domain/", Access.SERVER),
        Operation("custom_domain.create", "POST", "/api/v1/custom_domain/", Access.SERVER),
        Operation("custom_domain.delete", "DELETE", "/api/v1/custom_domain/", Access.SERVER),
        Operation(
            "custom_domain.test_connection", "POST", "/api/v1/custom_domain/test_connection", Access.SERVER
        ),
        Operation("metrics.get_datasets", "GET", "/api/v1/metrics/datasets", Access.SERVER),
        Operation("metrics.get_stats", "GET", "/api/v1/metrics/stats", Access.SERVER),
        Operation("health", "GET", "/health", Access.PUBLIC),
        Operation("store.put", "PUT", "/_store/{key}", Access.PUBLIC, streams=True),
        Operation("downloads.get", "GET", "/_downloads/{key}", Access.PUBLIC),
        Operation("cdn.get", "GET", "/{organization_id}/{environment_id}/{image}", Access.PUBLIC),
    ),
    {"organization_id": _UUID, "environment_id": _UUID},
)
