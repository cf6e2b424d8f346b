"""Waiting until the service has processed an image."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from imgwire_async.core.call import Core
from imgwire_async.core.polling import poll
from imgwire_async.errors import (
    DeadlineExceededError,
    ImageQuarantinedError,
)
from imgwire_async.imgwire.lowlevel.api import images as api
from imgwire_async.imgwire.lowlevel.models import (
    Image,
    ImageStatus,
)

OPERATION: Final = "images.wait_until_ready"


async def until_ready(core: Core, image_id: UUID, seconds: float) -> Image:
    """Poll until an image is READY; see `Images.wait_until_ready`.

    Args:
        core: makes the requests, with the deadline of the whole call.
        image_id: the image.
        seconds: how long to wait in total.
    """
    status = "unknown"

    async def look() -> Image | None:
        nonlocal status
        image = (await api.images_retrieve(core, image_id)).data
        status = image.status
        if status == ImageStatus.QUARANTINE:
            raise quarantined(image, OPERATION)
        return image if status == ImageStatus.READY else None

    with core.within_deadline(OPERATION):
        ready = await poll(look, seconds=seconds, shared=core.shared)
    if ready is None:
        raise DeadlineExceededError(
            f"image {image_id} was not READY within {seconds:g} s, its last status was {status}",
            operation=OPERATION,
        )
    return ready


def quarantined(image: Image, operation: str) -> ImageQuarantinedError:
    """The error for an image that the service could not process; it gives no reason."""
    return ImageQuarantinedError(
        f"image {image.id} ({image.original_filename!r}) is in quarantine: the service could not process it; "
        "the source could not be fetched, or the data is damaged, too large or not of the declared type",
        image_id=str(image.id),
        operation=operation,
        idempotency_key=image.idempotency_key,
    )
