"""Creating an image, putting its bytes, reading it back, deleting it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.imgwire.support import PUBLIC, Api, encode, photograph, sha256

IMAGE_FIELDS = {
    "id", "environment_id", "upload_token_id", "original_filename", "hash_sha256", "status", "cdn_url",
    "mime_type", "can_upload", "is_directly_deliverable", "idempotency_key", "purpose", "extension", "width",
    "height", "size_bytes", "custom_metadata", "exif_data", "created_at", "updated_at", "deleted_at",
    "processed_metadata_at",
}  # fmt: skip


def test_a_new_record_is_pending_and_echoes_the_request(api: Api) -> None:
    answer = api.create(
        file_name="Größe.JPEG",
        content_length=12,
        hash_sha256="abc",
        purpose="hero",
        custom_metadata={"a": "b", "n": 1, "f": 1.5, "t": True},
    )

    image = answer["image"]
    assert set(image) == IMAGE_FIELDS
    assert (image["status"], image["can_upload"], image["width"], image["size_bytes"]) == (
        "PENDING",
        True,
        0,
        0,
    )
    assert (image["original_filename"], image["extension"], image["mime_type"]) == (
        "Größe.JPEG",
        "jpeg",
        "image/jpeg",
    )
    assert (image["hash_sha256"], image["purpose"]) == ("abc", "hero")
    assert image["custom_metadata"] == {"a": "b", "n": 1, "f": 1.5, "t": True}
    assert image["environment_id"] == api.sandbox.environment_id
    assert image["created_at"].endswith("Z")
    assert answer["upload_url"].startswith(f"{api.sandbox.base_url}/_store/")


def test_an_uploaded_photograph_becomes_ready_with_the_facts_of_its_bytes(api: Api) -> None:
    data = photograph()

    image = api.upload(data, file_name="rocket.jpg")

    assert image["status"] == "READY"
    assert (image["width"], image["height"], image["size_bytes"]) == (640, 427, len(data))
    assert image["hash_sha256"] == sha256(data)
    assert image["can_upload"] is False
    assert image["processed_metadata_at"] is not None


def test_the_cdn_delivers_the_original_bytes_to_anyone(api: Api) -> None:
    data = photograph()
    image = api.upload(data)

    response = PUBLIC.get(image["cdn_url"])

    assert response.content == data
    assert response.headers["content-type"] == "image/jpeg"
    assert (
        PUBLIC.get(image["cdn_url"], headers={"If-None-Match": response.headers["etag"]}).status_code == 304
    )
    assert PUBLIC.head(image["cdn_url"]).headers["content-length"] == str(len(data))


def test_the_cdn_knows_neither_pending_images_nor_other_environments(api: Api) -> None:
    pending = api.create()["image"]

    assert PUBLIC.get(pending["cdn_url"]).status_code == 404
    foreign = pending["cdn_url"].replace(api.sandbox.environment_id, str(uuid.uuid4()))
    assert PUBLIC.get(foreign).status_code == 404


def test_a_deleted_image_is_gone_everywhere(api: Api) -> None:
    image = api.upload(photograph())

    assert api.http.delete(f"/api/v1/images/{image['id']}").json() == {"status": "deleted"}

    assert api.http.get(f"/api/v1/images/{image['id']}").status_code == 404
    assert api.http.delete(f"/api/v1/images/{image['id']}").json() == {
        "detail": "Resource not found.",
        "error_type": "ResourceNotFoundError",
    }
    assert api.http.get("/api/v1/images/").json() == []
    assert PUBLIC.get(image["cdn_url"]).status_code == 404


def test_bulk_delete_ignores_unknown_and_repeated_ids(api: Api) -> None:
    ids = [api.create()["image"]["id"] for _ in range(3)]

    response = api.http.post(
        "/api/v1/images/bulk_delete", json={"image_ids": [ids[0], ids[0], str(uuid.uuid4()), ids[1]]}
    )

    assert response.json() == {"status": "deleted"}
    assert [image["id"] for image in api.http.get("/api/v1/images/").json()] == [ids[2]]


def test_a_large_body_is_stored_whole(start_api: Callable[..., Api]) -> None:
    api = start_api(maximum_upload_bytes=64 * 1024 * 1024)
    data = encode("PNG", (10, 10)) + bytes(10 * 1024 * 1024)

    image = api.upload(data, file_name="large.png")

    assert (image["status"], image["size_bytes"], image["hash_sha256"]) == ("READY", len(data), sha256(data))


@pytest.mark.parametrize(
    ("maximum", "status"),
    [
        ({"maximum_upload_bytes": 1000}, 413),
        ({"maximum_upload_bytes": 1000, "size_refusal_status": 422}, 422),
    ],
)
def test_the_server_rejects_declared_lengths_over_its_limit(
    start_api: Callable[..., Api], maximum: dict[str, Any], status: int
) -> None:
    api = start_api(**maximum)

    response = api.http.post(
        "/api/v1/images/standard_upload", json={"file_name": "a.jpg", "content_length": 1001}
    )

    assert (response.status_code, response.json()["error_type"]) == (status, "UploadTooLargeError")


def test_the_page_lists_images_with_escaped_names(api: Api) -> None:
    api.create(file_name="<script>alert(1)</script>.png")

    page = PUBLIC.get(api.sandbox.base_url + "/").text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;.png" in page
    assert "<script>" not in page


def test_health_needs_no_key(api: Api) -> None:
    assert PUBLIC.get(api.sandbox.base_url + "/health").json() == {"status": "ok"}
