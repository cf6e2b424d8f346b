"""Identifies the environment that a job works with and its journal belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imgwire_async.core.call import Core
from imgwire_async.core.http.urls import same_for_all_spellings
from imgwire_async.errors import NotFoundError
from imgwire_async.imgwire.lowlevel.models import Image
from imgwire_async.imgwire.resources.images import Images
from imgwire_async.imgwire.service import ENVIRONMENT_HEADER
from imgwire_async.ingest.sink import Destination


def destination_of(core: Core) -> Destination:
    """The images of the environment that the key belongs to; only the service may know its id."""
    environment = core.options.headers.get(ENVIRONMENT_HEADER)
    return Destination(service=same_for_all_spellings(core.options.base_url), area=_environment(environment))


def area_of(image: Image) -> str | None:
    """The environment of an image, as it is named in journals."""
    return _environment(image.environment_id)


async def locate(images: Images, destination: Destination, image_ids: Sequence[str]) -> Destination | None:
    """See `imgwire_async.ingest.sink.Sink.locate`.

    Args:
        images: makes the requests.
        destination: the part that is known so far.
        image_ids: of the images.
    """
    for image_id in image_ids:
        try:
            image = await images.retrieve(image_id)
        except NotFoundError:
            continue
        return replace(destination, area=area_of(image))
    return None


def _environment(environment: object) -> str | None:
    return f"environment {environment}" if environment else None
