"""Verifies that the service stored what was sent."""

from __future__ import annotations

import re

from imgwire_async.errors import UploadVerificationError
from imgwire_async.imgwire.lowlevel.models import Image

_SHA256 = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


def check_record(image: Image, size: int, sha256: str | None) -> None:
    """Compare the record of an image with what was sent.

    Hashes are compared if both sides have one and the service's looks like a SHA-256, because what else it
    may contain is undocumented.

    Raises:
        UploadVerificationError: they differ.
    """
    differences = []
    if image.size_bytes != size:
        differences.append(f"it has {image.size_bytes} bytes instead of {size}")
    stored = image.hash_sha256
    if sha256 and stored and _SHA256.fullmatch(stored) and stored.lower() != sha256.lower():
        differences.append(f"its SHA-256 is {stored.lower()} instead of {sha256.lower()}")
    if differences:
        raise UploadVerificationError(
            f"image {image.id} does not match what was sent: {', and '.join(differences)}",
            image_id=str(image.id),
            operation="images.upload",
            idempotency_key=image.idempotency_key,
        )
