"""Every operation of the Resource API, as `openapi.json` declares it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from imgwire_async.core.operation import Operation, Replay

CORS_ORIGINS_CREATE = Operation(
    name="cors_origins.create",
    method="POST",
    path="/api/v1/cors_origins/",
    auth="server_key",
    replay=Replay.UNSAFE,
    rate_class="write",
)

CORS_ORIGINS_DELETE = Operation(
    name="cors_origins.delete",
    method="DELETE",
    path="/api/v1/cors_origins/{cors_origin_id}",
    auth="server_key",
    replay=Replay.SAFE,
    rate_class="delete",
)

CORS_ORIGINS_LIST = Operation(
    name="cors_origins.list",
    method="GET",
    path="/api/v1/cors_origins/",
    auth="server_key",
    replay=Replay.SAFE,
    rate_class="read",
)

CORS_ORIGINS_RETRIEVE = Operation(
    name="cors_origins.retrieve",
    method="GET",
    path="/api/v1/cors_origins/{cors_origin_id}",
    auth="server_key",
    replay=Replay.SAFE,
    rate_class="read",
)

CORS_ORIGINS_UPDATE = Operation(
    name="cors_origins.update",
    method="PATCH",
    path="/api/v1/cors_origins/{cors_origin_id}",
    auth="server_key",
    replay=Replay.SAFE,
    rate_class="write",
)

CUSTOM_DOMAIN_CREATE = Operation(
    name="custom_domain.create",
    method="POST",
    path="/api/v1/custom_domain/",
    auth="server_key",
    replay=Replay.UNSAFE,
    rate_class="write",
)

CUSTOM_DOMAIN_DELETE = Operation(
    name="custom_domain.delete",
    method="DELETE",
    path="/api/v1/custom_domain/",
    auth="server_key",
    replay=Replay.SAFE,
    rate_class="delete",
)

CUSTOM_DOMAIN_RETRIEVE = Operation(
    name="custom_domain.retrieve",
    method="GET",
    path="/api/v1/custom_domain/",
    auth="server_key",
    replay=Replay.SAFE,
    rate_class="read",
)

CUSTOM_DOMAIN_TEST_CONNECTION = Operation(
    name="custom_domain.test_connection",
    method="POST",
    path="/api/v1/custom_domain/test_connection",
    auth="server_key",
    replay=Replay.UNSAFE,
    rate_class="write",
)

IMAGES_BULK_DELETE = Operation(
    name="images.bulk_delete",
    method="POST",
    path="/api/v1/images/bulk_delete",
    auth="server_key",
    replay=Replay.SAFE,
    rate_class="delete",
)

IMAGES_CREATE = Operation(
    name="images.create",
    method="POST",
    path="/api/v1/images/standard_upload",
    auth="server_or_client_key",
    replay=Replay.KEYED,
    rate_class="create",
)

IMAGES_CREATE_BULK_DOWNLOAD_JOB = Operation(
    name="images.create_bulk_download_job",
    method="POST",
    path="/api/v1/images/downloads",
    auth="server_key",
    replay=Replay.UNSAFE,
    rate_class="write",
)

IMAGES_CREATE_UPLOAD_TOKEN = Operation(
    name="images.create_upload_token",
    method="POST",
    path="/api/v1/images/token",
    auth="server_key",
    replay=Replay.UNSAFE,
    rate_class="write",
)

IMAGES_DELETE = Operation(
    name="images.delete",
    method="DELETE",
    path="/api/v1/images/{image_id}",
    auth="server_key",
    replay=Replay.SAFE,
    rate_class="delete",
)

IMAGES_LIST = Operation(
    name="images.list",
    method="GET",
    path="/api/v1/images/",
    auth="server_key",
    replay=Replay.SAFE,
    rate_class="read",
)

IMAGES_RETRIEVE = Operation(
    name="images.retrieve",
    method="GET",
    path="/api/v1/images/{image_id}",
    auth="server_or_client_key",
    replay=Replay.SAFE,
    rate_class="read",
)

IMAGES_RETRIEVE_BULK_DOWNLOAD_JOB = Operation(
    name="images.retrieve_bulk_download_job",
    method="GET",
    path="/api/v1/images/downloads/{image_download_job_id}",
    auth="server_key",
    replay=Replay.SAFE,
    rate_class="read",
)

IMAGES_UPLOAD_VIA_URL = Operation(
    name="images.upload_via_url",
    method="POST",
    path="/api/v1/images/upload_via_url",
    auth="server_key",
    replay=Replay.KEYED,
    rate_class="url_ingest",
)

METRICS_GET_DATASETS = Operation(
    name="metrics.get_datasets",
    method="GET",
    path="/api/v1/metrics/datasets",
    auth="server_key",
    replay=Replay.SAFE,
    rate_class="read",
)

METRICS_GET_STATS = Operation(
    name="metrics.get_stats",
    method="GET",
    path="/api/v1/metrics/stats",
    auth="server_key",
    replay=Replay.SAFE,
    rate_class="read",
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        operation.name: operation
        for operation in (
            CORS_ORIGINS_CREATE,
            CORS_ORIGINS_DELETE,
            CORS_ORIGINS_LIST,
            CORS_ORIGINS_RETRIEVE,
            CORS_ORIGINS_UPDATE,
            CUSTOM_DOMAIN_CREATE,
            CUSTOM_DOMAIN_DELETE,
            CUSTOM_DOMAIN_RETRIEVE,
            CUSTOM_DOMAIN_TEST_CONNECTION,
            IMAGES_BULK_DELETE,
            IMAGES_CREATE,
            IMAGES_CREATE_BULK_DOWNLOAD_JOB,
            IMAGES_CREATE_UPLOAD_TOKEN,
            IMAGES_DELETE,
            IMAGES_LIST,
            IMAGES_RETRIEVE,
            IMAGES_RETRIEVE_BULK_DOWNLOAD_JOB,
            IMAGES_UPLOAD_VIA_URL,
            METRICS_GET_DATASETS,
            METRICS_GET_STATS,
        )
    }
)
"""Each operation by its name."""
