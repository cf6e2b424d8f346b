"""Imgwire: the vendor publishes a document, of which the Resource API is selected and given our prose."""

from __future__ import annotations

from .base import Mixin, Profile

_AREAS = (
    "/api/v1/images/",
    "/api/v1/cors_origins/",
    "/api/v1/custom_domain/",
    "/api/v1/metrics/",
)

_IMAGES, _CORS, _DOMAIN, _METRICS = _AREAS
_SERVER, _EITHER = "server_key", "server_or_client_key"

# What the vendor's marks said when they were last seen. Used for an operation that has lost its marks.
_KNOWN_OPERATIONS: dict[tuple[str, str], tuple[str, str, str]] = {
    ("get", _IMAGES): ("images", "list", _SERVER),
    ("post", f"{_IMAGES}standard_upload"): ("images", "create", _EITHER),
    ("post", f"{_IMAGES}upload_via_url"): ("images", "uploadViaUrl", _SERVER),
    ("post", f"{_IMAGES}token"): ("images", "createUploadToken", _SERVER),
    ("post", f"{_IMAGES}downloads"): ("images", "createBulkDownloadJob", _SERVER),
    ("get", f"{_IMAGES}downloads/{{image_download_job_id}}"): ("images", "retrieveBulkDownloadJob", _SERVER),
    ("post", f"{_IMAGES}bulk_delete"): ("images", "bulkDelete", _SERVER),
    ("get", f"{_IMAGES}{{image_id}}"): ("images", "retrieve", _EITHER),
    ("delete", f"{_IMAGES}{{image_id}}"): ("images", "delete", _SERVER),
    ("get", _CORS): ("corsOrigins", "list", _SERVER),
    ("post", _CORS): ("corsOrigins", "create", _SERVER),
    ("get", f"{_CORS}{{cors_origin_id}}"): ("corsOrigins", "retrieve", _SERVER),
    ("patch", f"{_CORS}{{cors_origin_id}}"): ("corsOrigins", "update", _SERVER),
    ("delete", f"{_CORS}{{cors_origin_id}}"): ("corsOrigins", "delete", _SERVER),
    ("get", _DOMAIN): ("customDomain", "retrieve", _SERVER),
    ("post", _DOMAIN): ("customDomain", "create", _SERVER),
    ("delete", _DOMAIN): ("customDomain", "delete", _SERVER),
    ("post", f"{_DOMAIN}test_connection"): ("customDomain", "testConnection", _SERVER),
    ("get", f"{_METRICS}datasets"): ("metrics", "getDatasets", _SERVER),
    ("get", f"{_METRICS}stats"): ("metrics", "getStats", _SERVER),
}

IMGWIRE = Profile(
    name="imgwire",
    title="the Resource API",
    document="openapi.json",
    tree="imgwire_async/imgwire/lowlevel",
    generator_config="generator-config.yaml",
    overlay="scripts/contracts/imgwire/overlay.json",
    media_type="application/json",
    areas=_AREAS,
    known_operations=_KNOWN_OPERATIONS,
    auth_kinds=("server_key", "client_key", "server_or_client_key"),
    rate_classes=("create", "url_ingest", "read", "write", "delete"),
    default_rate_classes={"get": "read", "delete": "delete", "": "write"},
    mixins={
        "Image": Mixin(
            "imgwire_async.imgwire.image_urls", "CdnUrls", frozenset({"url", "srcset", "picture"})
        ),
        "MetricsDatasets": Mixin("imgwire_async.imgwire.metrics_rows", "MetricsRows", frozenset({"to_rows"})),
    },
)
