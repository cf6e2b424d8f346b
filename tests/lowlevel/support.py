"""A caller without a network, and one recorded response for each kind of record."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from imgwire_async.core.operation import Request, Response

T = TypeVar("T")
Json = dict[str, Any]

ID = "5f0c9f2e-1d1b-4b35-9a7a-1f2d2c3b4a5d"
ENVIRONMENT = "0b9a3c1e-8f6d-4a58-9f3a-7d1f5b2c6e40"
MOMENT = "2026-05-01T12:30:00Z"
UPLOAD_URL = "https://store.example.com/put?signature=s3cret"
TOKEN = "ut_s3cret"

IMAGE: Json = {
    "id": ID,
    "environment_id": ENVIRONMENT,
    "upload_token_id": None,
    "original_filename": "hero.jpg",
    "hash_sha256": "ab" * 32,
    "status": "READY",
    "cdn_url": "https://cdn.example.com/o/e/i",
    "mime_type": "image/jpeg",
    "can_upload": False,
    "is_directly_deliverable": True,
    "idempotency_key": "key-1",
    "purpose": None,
    "extension": "jpg",
    "width": 640,
    "height": 427,
    "size_bytes": 81234,
    "custom_metadata": {"source": "import", "rank": 3, "score": 0.5, "public": True},
    "exif_data": {"Make": "Canon", "GPS": {"Latitude": [1, 2.5, None]}},
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "deleted_at": None,
    "processed_metadata_at": MOMENT,
}
STANDARD_UPLOAD: Json = {"image": IMAGE, "upload_url": UPLOAD_URL}
UPLOAD_TOKEN: Json = {
    "id": ID,
    "environment_id": ENVIRONMENT,
    "used_at": None,
    "expires_at": MOMENT,
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "token": TOKEN,
}
DOWNLOAD_JOB: Json = {
    "id": ID,
    "environment_id": None,
    "status": "READY",
    "image_ids": [ID],
    "download_url": UPLOAD_URL,
    "created_at": MOMENT,
    "updated_at": MOMENT,
}
CORS_ORIGIN: Json = {
    "id": ID,
    "environment_id": ENVIRONMENT,
    "pattern": "*.example.com",
    "created_at": MOMENT,
    "updated_at": MOMENT,
}
CUSTOM_DOMAIN: Json = {
    "id": ID,
    "environment_id": ENVIRONMENT,
    "hostname": "images.example.com",
    "cname_record": "images.example.com",
    "cname_value": "proxy.example.net",
    "dcv_cname_record": "_acme-challenge.images.example.com",
    "dcv_cname_value": "dcv.example.net",
    "certificate_status": "PENDING",
    "status": "PENDING",
    "last_verified_at": None,
    "created_at": MOMENT,
    "updated_at": MOMENT,
}
DATASETS: Json = {
    "uploads": [{"timestamp": MOMENT, "uploads": 4}],
    "transformations": [{"timestamp": MOMENT, "transformations": 9}],
    "requests": [{"timestamp": MOMENT, "requests": 120}],
    "transfer_bytes": [{"timestamp": MOMENT, "transfer_bytes": 123456}],
    "cache_hit_ratio": [{"label": "hit", "value": 92}],
    "storage_bytes": [{"timestamp": MOMENT, "storage_bytes_current": 10, "storage_bytes_added": 1}],
}
STATS: Json = {
    name: {"value": 42, "prev": 35, "pct_change": 20.0}
    for name in (
        "uploads",
        "transformations",
        "requests",
        "transfer_bytes",
        "cache_hit_ratio",
        "storage_bytes",
    )
}
DELETED: Json = {"status": "deleted"}


@dataclass
class RecordingCaller:
    """Records each request and responds with the JSON it was given."""

    answer: Any
    requests: list[Request] = field(default_factory=list)

    async def call(self, request: Request, parse: Callable[[Any], T]) -> Response[T]:
        self.requests.append(request)
        data = parse(copy.deepcopy(self.answer))
        return Response(data=data, status=200, headers={}, request_id=None, attempts=1)
