"""Signatures of all vendors are redacted wherever a URL is shown."""

from __future__ import annotations

import pytest

from imgwire_async.core.values.redaction import redacted, without_query

PRESIGNED = [
    "https://b.s3.amazonaws.com/a.jpg?X-Amz-Credential=hush&X-Amz-Security-Token=hush&X-Amz-Signature=hush",
    "https://storage.googleapis.com/b/a.jpg?X-Goog-Algorithm=x&X-Goog-Signature=hush",
    "https://storage.googleapis.com/b/a.jpg?GoogleAccessId=hush&Expires=1&Signature=hush",
    "https://shop.blob.core.windows.net/c/a.jpg?sv=2024&se=2026&sig=hush%3D",
    "s3+https://key:hush@minio.example.com/b/a.jpg",
]


@pytest.mark.parametrize("url", PRESIGNED)
def test_a_presigned_url_is_shown_without_its_signature(url: str) -> None:
    for shown in (without_query(url), redacted(f"GET {url}: refused")):
        assert "a.jpg" in shown
        assert "hush" not in shown
