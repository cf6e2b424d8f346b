"""Every operation of the Resource API, as `openapi.json` declares it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from imgwire_async.core.operation import Auth, Operation, RateClass, Replay

CORS_ORIGINS_CREATE = Operation(
    name="cors_origins.create",
    method="POST",
    path="/api/v1/cors_origins/",
    auth=Auth.SERVER_KEY,
    replay=Replay.UNSAFE,
    rate_class=RateClass.WRITE,
)

CORS_ORIGINS_DELETE = Operation(
    name="cors_origins.delete",
    method="DELETE",
    path="/api/v1/cors_origins/{cors_origin_id}",
    auth=Auth.SERVER_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.DELETE,
)

CORS_ORIGINS_LIST = Operation(
    name="cors_origins.list",
    method="GET",
    path="/api/v1/cors_origins/",
    auth=Auth.SERVER_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.READ,
)

CORS_ORIGINS_RETRIEVE = Operation(
    name="cors_origins.retrieve",
    method="GET",
    path="/api/v1/cors_origins/{cors_origin_id}",
    auth=Auth.SERVER_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.READ,
)

CORS_ORIGINS_UPDATE = Operation(
    name="cors_origins.update",
    method="PATCH",
    path="/api/v1/cors_origins/{cors_origin_id}",
    auth=Auth.SERVER_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.WRITE,
)

CUSTOM_DOMAIN_CREATE = Operation(
    name="custom_domain.create",
    method="POST",
    path="/api/v1/custom_domain/",
    auth=Auth.SERVER_KEY,
    replay=Replay.UNSAFE,
    rate_class=RateClass.WRITE,
)

CUSTOM_DOMAIN_DELETE = Operation(
    name="custom_domain.delete",
    method="DELETE",
    path="/api/v1/custom_domain/",
    auth=Auth.SERVER_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.DELETE,
)

CUSTOM_DOMAIN_RETRIEVE = Operation(
    name="custom_domain.retrieve",
    method="GET",
    path="/api/v1/custom_domain/",
    auth=Auth.SERVER_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.READ,
)

CUSTOM_DOMAIN_TEST_CONNECTION = Operation(
    name="custom_domain.test_connection",
    method="POST",
    path="/api/v1/custom_domain/test_connection",
    auth=Auth.SERVER_KEY,
    replay=Replay.UNSAFE,
    rate_class=RateClass.WRITE,
)

IMAGES_BULK_DELETE = Operation(
    name="images.bulk_delete",
    method="POST",
    path="/api/v1/images/bulk_delete",
    auth=Auth.SERVER_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.DELETE,
)

IMAGES_CREATE = Operation(
    name="images.create",
    method="POST",
    path="/api/v1/images/standard_upload",
    auth=Auth.SERVER_OR_CLIENT_KEY,
    replay=Replay.KEYED,
    rate_class=RateClass.CREATE,
)

IMAGES_CREATE_BULK_DOWNLOAD_JOB = Operation(
    name="images.create_bulk_download_job",
    method="POST",
    path="/api/v1/images/downloads",
    auth=Auth.SERVER_KEY,
    replay=Replay.UNSAFE,
    rate_class=RateClass.WRITE,
)

IMAGES_CREATE_UPLOAD_TOKEN = Operation(
    name="images.create_upload_token",
    method="POST",
    path="/api/v1/images/token",
    auth=Auth.SERVER_KEY,
    replay=Replay.UNSAFE,
    rate_class=RateClass.WRITE,
)

IMAGES_DELETE = Operation(
    name="images.delete",
    method="DELETE",
    path="/api/v1/images/{image_id}",
    auth=Auth.SERVER_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.DELETE,
)

IMAGES_LIST = Operation(
    name="images.list",
    method="GET",
    path="/api/v1/images/",
    auth=Auth.SERVER_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.READ,
)

IMAGES_RETRIEVE = Operation(
    name="images.retrieve",
    method="GET",
    path="/api/v1/images/{image_id}",
    auth=Auth.SERVER_OR_CLIENT_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.READ,
)

IMAGES_RETRIEVE_BULK_DOWNLOAD_JOB = Operation(
    name="images.retrieve_bulk_download_job",
    method="GET",
    path="/api/v1/images/downloads/{image_download_job_id}",
    auth=Auth.SERVER_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.READ,
)

IMAGES_UPLOAD_VIA_URL = Operation(
    name="images.upload_via_url",
    method="POST",
    path="/api/v1/images/upload_via_url",
    auth=Auth.SERVER_KEY,
    replay=Replay.KEYED,
    rate_class=RateClass.URL_INGEST,
)

METRICS_GET_DATASETS = Operation(
    name="metrics.get_datasets",
    method="GET",
    path="/api/v1/metrics/datasets",
    auth=Auth.SERVER_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.READ,
)

METRICS_GET_STATS = Operation(
    name="metrics.get_stats",
    method="GET",
    path="/api/v1/metrics/stats",
    auth=Auth.SERVER_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.READ,
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
