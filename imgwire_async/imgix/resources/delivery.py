"""The implementation of `client.purge`, `client.publish` and `client.unpublish`."""

from __future__ import annotations

from imgwire_async.core.call import Core
from imgwire_async.errors import ConflictError, InvalidArgumentError
from imgwire_async.imgix.arguments import SourceId, as_imgix_url, as_source_id, unless_none
from imgwire_async.imgix.lowlevel import models
from imgwire_async.imgix.lowlevel.api import publishes, purges, unpublishes
from imgwire_async.imgix.lowlevel.types import Unset
from imgwire_async.imgix.records import PublishReceipt, PurgeReceipt, UnpublishReceipt
from imgwire_async.imgix.repeats import CalledAs


async def purge(
    core: Core, url: str, *, sub_image: bool = False, source: SourceId | None = None
) -> PurgeReceipt:
    """See `AsyncImgixClient.purge`."""
    operation = "purge"
    if sub_image and source is None:
        raise InvalidArgumentError(
            "sub_image=True needs source=, the source of the images that contain the sub-image",
            operation=operation,
        )
    body = models.Purge(
        data=models.PurgeData(
            attributes=models.PurgeAttributes(
                url=as_imgix_url(url, operation),
                sub_image=unless_none(True if sub_image else None),
                source_id=unless_none(None if source is None else as_source_id(source, operation)),
            )
        )
    )
    try:
        raw = (await purges.purges_create(CalledAs(core, operation, if_empty={}), body=body)).data.data
    except ConflictError as error:
        core.record(error)
        return PurgeReceipt(purge_id=None, duplicate=True)
    return PurgeReceipt(
        purge_id=_identity(None if isinstance(raw.attributes, Unset) else raw.attributes.purge_id, raw.id),
        raw=raw,
    )


async def publish(core: Core, url: str, *, source: SourceId) -> PublishReceipt:
    """See `AsyncImgixClient.publish`."""
    operation = "publish"
    identity = as_source_id(source, operation)
    body = models.Publish(
        data=models.PublishData(
            attributes=models.PublishAttributes(url=as_imgix_url(url, operation), source_id=identity)
        )
    )
    caller = CalledAs(core, operation, if_empty={})
    raw = (await publishes.publishes_create(caller, identity, body=body)).data.data
    return PublishReceipt(
        publish_id=_identity(
            None if isinstance(raw.attributes, Unset) else raw.attributes.publish_id, raw.id
        ),
        raw=raw,
    )


async def unpublish(core: Core, url: str, *, source: SourceId) -> UnpublishReceipt:
    """See `AsyncImgixClient.unpublish`."""
    operation = "unpublish"
    identity = as_source_id(source, operation)
    body = models.Unpublish(
        data=models.UnpublishData(
            attributes=models.UnpublishAttributes(url=as_imgix_url(url, operation), source_id=identity)
        )
    )
    caller = CalledAs(core, operation, if_empty={})
    raw = (await unpublishes.unpublishes_create(caller, identity, body=body)).data.data
    return UnpublishReceipt(
        unpublish_id=_identity(
            None if isinstance(raw.attributes, Unset) else raw.attributes.unpublish_id, raw.id
        ),
        raw=raw,
    )


def _identity(given: str | Unset | None, resource: str | Unset | None) -> str | None:
    """The id in the attributes, or else the id of the resource."""
    return given or resource or None
