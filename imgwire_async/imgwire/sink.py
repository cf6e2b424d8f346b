"""Imgwire as the destination of bulk jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from imgwire_async.core.call import Core
from imgwire_async.imgwire.confirming import Confirmer
from imgwire_async.imgwire.environments import area_of, destination_of, locate
from imgwire_async.imgwire.lowlevel.models import Image
from imgwire_async.imgwire.resources.images import Images
from imgwire_async.ingest.sink import Destination, SinkAddress, StoredImage, Upload, patient, single_attempts

SINK: Final = SinkAddress(
    opener="imgwire_async.imgwire.sink:open_sink", secret_variables=("IMGWIRE_API_KEY",)
)


def open_sink(core: Core) -> ImgwireSink:
    """Access to the images that the credentials of `core` can read."""
    return ImgwireSink(core)


class ImgwireSink:
    """Stores images in one environment. See `imgwire_async.ingest.sink.Sink`.

    Args:
        core: makes the requests.
    """

    def __init__(self, core: Core) -> None:
        self._images = Images(core)
        self._single = single_attempts(core)
        self._storing = Images(self._single)
        waiting = patient(core)
        self._waiting = Images(waiting)
        self._confirmer = Confirmer(waiting)
        self.destination = destination_of(core)

    async def locate(self, image_ids: Sequence[str]) -> Destination | None:
        """The environment of the first of these images, or None if the key can read none of them."""
        return await locate(self._images, self.destination, image_ids)

    async def store(self, upload: Upload, *, seconds: float | None) -> StoredImage[Image]:
        """Upload a file or bytes, or have the service fetch a URL.

        Raises:
            ImgwireError: as for `images.upload` and `images.upload_via_url`.
        """
        images = self._storing
        if seconds is not None:
            images = Images(self._single.with_options(replace(self._single.options, deadline=seconds)))
        if upload.is_url:
            image = await images.upload_via_url(
                str(upload.source),
                file_name=upload.file_name,
                mime_type=upload.mime_type,
                idempotency_key=upload.idempotency_key,
                purpose=upload.purpose,
                custom_metadata=upload.custom_metadata,
            )
        else:
            image = await images.upload(
                upload.source,
                file_name=upload.file_name,
                mime_type=upload.mime_type,
                hash_sha256=None if upload.sha256 is None else upload.sha256.hex(),
                idempotency_key=upload.idempotency_key,
                purpose=upload.purpose,
                custom_metadata=upload.custom_metadata,
            )
        return _stored(image)

    async def confirm(self, image: StoredImage[Image]) -> StoredImage[Image]:
        """Wait until an image is READY, together with all others being waited for.

        Raises:
            ImgwireError: as for `Confirmer.confirm`.
        """
        return _stored(await self._confirmer.confirm(image.record))

    async def wait_until_ready(self, image_id: str) -> StoredImage[Image]:
        """Wait until an image is READY.

        Raises:
            ImgwireError: as for `images.wait_until_ready`.
        """
        return _stored(await self._waiting.wait_until_ready(image_id))


def _stored(image: Image) -> StoredImage[Image]:
    return StoredImage(id=str(image.id), url=image.cdn_url, record=image, area=area_of(image))
