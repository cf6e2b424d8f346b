"""Whether what the service has is what was sent."""

from __future__ import annotations

import hashlib
import re

from anyio import to_thread

from imgwire_async.bodies.base import Patience
from imgwire_async.core.body import Body
from imgwire_async.core.concurrency.cancellation import ForeignCode
from imgwire_async.errors import UploadSourceError, UploadVerificationError
from imgwire_async.imgwire.lowlevel.models import Image

_SHA256 = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


async def sha256_of(body: Body, patience: Patience) -> str:
    """SHA-256 of all bytes in lower-case hexadecimal digits, computed in worker threads.

    Raises:
        APITimeoutError: the source gives nothing for too long.
    """
    digest = hashlib.sha256()
    async with body.open() as chunks:
        while True:
            with patience.step(), ForeignCode("the source", UploadSourceError):
                chunk = await anext(chunks, None)
            if chunk is None:
                break
            await to_thread.run_sync(digest.update, chunk)
    return digest.hexdigest()


def check_record(image: Image, size: int, sha256: str | None) -> None:
    """Compare the record of an image with what was sent.

    A hash is compared when both sides have one and the service's looks like a SHA-256: what else it may
    put there is undocumented.

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
            f"image {image.id} is not what was sent: {', and '.join(differences)}",
            image_id=str(image.id),
            operation="images.upload",
            idempotency_key=image.idempotency_key,
        )
