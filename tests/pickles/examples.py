"""Values that users may pickle, made with public names only, so that any version can run this program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imgwire_async
from imgwire_async import errors, models

MOMENT = "2026-03-01T12:00:00+00:00"
UUID = "0d6bdb1c-6d5d-4b3b-9d0b-1d2a6ff5a001"
IMAGE = {
    "id": UUID,
    "cdn_url": "https://cdn.example.com/a",
    "created_at": MOMENT,
    "custom_metadata": {"source": "import"},
    "environment_id": UUID,
    "extension": "jpg",
    "hash_sha256": None,
    "height": 300,
    "is_directly_deliverable": True,
    "mime_type": "image/jpeg",
    "original_filename": "a.jpg",
    "purpose": None,
    "size_bytes": 1000,
    "status": "READY",
    "updated_at": MOMENT,
    "width": 400,
    "upload_token_id": None,
    "deleted_at": None,
    "exif_data": {},
    "idempotency_key": "key-1",
    "processed_metadata_at": MOMENT,
    "can_upload": False,
    "something_new": 1,
}
CONTEXT: dict[str, Any] = {
    "operation": "images.create",
    "method": "POST",
    "url": "https://api.imgwire.dev/api/v1/images/standard_upload",
    "attempts": 3,
    "request_id": "req_1",
    "idempotency_key": "key-1",
}


def examples() -> dict[str, object]:
    """The examples by name."""
    image = models.Image.from_dict(IMAGE)
    item = imgwire_async.IngestItem("photos/a.jpg", key="a")
    failure = errors.NotFoundError("not there", **CONTEXT)
    pagination = imgwire_async.Pagination(total_count=2, page=1, limit=1, prev_page=None, next_page=2)
    made: dict[str, object] = {
        "Image": image,
        "UploadToken": models.UploadToken.from_dict(
            {
                "id": UUID,
                "token": "t",
                "created_at": MOMENT,
                "expires_at": MOMENT,
                "environment_id": UUID,
                "updated_at": MOMENT,
            }
        ),
        "ImageStatus": models.ImageStatus.READY,
        "ImageStatus that is newer": models.ImageStatus("ARCHIVED"),
        "SupportedMimeType": models.SupportedMimeType("image/png"),
        "RateClass": imgwire_async.RateClass.READ,
        "SkipReason": imgwire_async.SkipReason.DRY_RUN,
        "Page": imgwire_async.Page(data=[image], pagination=pagination),
        "Pagination": pagination,
        "Uploaded": imgwire_async.Uploaded("a.jpg", image),
        "UploadFailed": imgwire_async.UploadFailed("a.jpg", failure),
        "UploadItem": imgwire_async.UploadItem("a.jpg", purpose="hero"),
        "UploadProgress": imgwire_async.UploadProgress(sent=1, total=2, attempt=1),
        "IngestItem": item,
        "AlreadyStored": imgwire_async.AlreadyStored(
            key="a", item=item, image_id=UUID, cdn_url="https://x/a"
        ),
        "Skipped": imgwire_async.Skipped(key="a", item=item, reason=imgwire_async.SkipReason.NO_IMAGE),
        "Failed": imgwire_async.Failed(key="a", item=item, error=failure, attempts=2),
        "FailureGroup": imgwire_async.FailureGroup("NotFoundError 404", 1, ("a: not there",)),
        "Folder": imgwire_async.Folder("photos", include=("*.jpg",)),
        "Manifest": imgwire_async.Manifest("images.csv", columns={"source": "url"}),
        "Timeouts": imgwire_async.Timeouts(read=5.0),
        "RateLimit": imgwire_async.RateLimit(2.0, 3),
        "ClientStats": imgwire_async.ClientStats(
            attempts=1, retries=0, in_flight=0, waiting=0, throttled_seconds=0.0
        ),
        "DownloadedFile": imgwire_async.DownloadedFile(path=None, size=3, content_type="image/png"),
        "ArchiveLimits": imgwire_async.ArchiveLimits(max_files=3),
        "RenamedFile": imgwire_async.RenamedFile("a:b.jpg", Path("a_b.jpg")),
        "ExtractedFiles": imgwire_async.ExtractedFiles([Path("a.jpg")]),
        "Transformation": imgwire_async.Transformation("medium", width=300),
        "ValidationIssue": errors.ValidationIssue(("body", 0), "too short", "string_too_short"),
        "a class": imgwire_async.AsyncImgwireClient,
        "a function": imgwire_async.cdn_url,
    }
    for name in errors.__dict__:
        error = getattr(errors, name)
        if isinstance(error, type) and issubclass(error, errors.ImgwireError):
            if error is errors.InvalidTransformationError:
                made[name] = error("width", 9000, "1…8192", "height")
            else:
                made[name] = error("something happened", **CONTEXT)
    return made


def stored(**more: Any) -> object:
    """An outcome whose record has attributes that used to be on the outcome."""
    return imgwire_async.Stored(
        key="a",
        item=imgwire_async.IngestItem("photos/a.jpg", key="a"),
        image=models.Image.from_dict(IMAGE),
        size=1000,
        attempts=1,
        seconds=0.5,
        **more,
    )
