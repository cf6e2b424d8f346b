"""The two steps of an upload: create the record, send the bytes to its presigned URL."""

from __future__ import annotations

from imgwire_async.bodies.base import Source
from imgwire_async.bodies.image_types import EXTENSIONS, FORMATS, image_type_of
from imgwire_async.bodies.progress import OnSent, ProgressHook, reporting
from imgwire_async.core.call import Core
from imgwire_async.core.put import put_bytes
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import CallContext, UnsupportedImageTypeError, UploadRejectedError
from imgwire_async.imgwire.lowlevel.api import images as api
from imgwire_async.imgwire.lowlevel.models import (
    Image,
    ImageStatus,
    StandardUpload,
    StandardUploadCreate,
    SupportedMimeType,
)
from imgwire_async.imgwire.resources.arguments import unless_none


def detected_type(source: Source, file_name: str | None) -> SupportedMimeType:
    """Detect the image type from the content, falling back to the name.

    Raises:
        UnsupportedImageTypeError: neither shows a type that the service stores.
    """
    found = image_type_of(source.head, file_name or "") or _declared_type(source)
    if found is None:
        what = "the content" if file_name is None else repr(file_name)
        raise UnsupportedImageTypeError(
            f"{what} is not a supported image ({FORMATS}); pass mime_type= to declare its type",
            operation="images.upload",
        )
    return SupportedMimeType(found)


def _declared_type(source: Source) -> str | None:
    """The content type that a store reports for an object, if it is an image type."""
    declared: str | None = getattr(source, "content_type", None)
    declared = (declared or "").partition(";")[0].strip().lower()
    return declared if declared in EXTENSIONS.values() else None


async def create(core: Core, body: StandardUploadCreate, upload_token: str | None) -> StandardUpload:
    """The first step: a record and the presigned URL for its bytes."""
    return (await api.images_create(core, body=body, upload_token=unless_none(upload_token))).data


async def create_and_put(
    core: Core,
    source: Source,
    body: StandardUploadCreate,
    upload_token: str | None,
    on_progress: ProgressHook | None,
) -> Image:
    """Both steps. Returns the record as it was before the upload finished."""
    created = await create(core, body, upload_token)
    if _has_bytes(created.image):
        return created.image

    async def transfer(on_sent: OnSent | None) -> None:
        nonlocal created

        async def put() -> None:
            await put_bytes(
                core,
                Secret(created.upload_url),
                source,
                mime_type=str(body.mime_type),
                context=CallContext(operation="images.upload", idempotency_key=str(body.idempotency_key)),
                on_sent=on_sent,
            )

        try:
            await put()
        except UploadRejectedError as error:
            if error.status != 403 or not source.replayable:
                raise
            # This status means either that the presigned URL has expired, in which case the same key gets a
            # new one, or that the bytes are stored already because the response to an earlier attempt was
            # lost.
            created = await create(core, body, upload_token)
            if not _has_bytes(created.image):
                await put()

    await reporting(on_progress, source.size, transfer)
    return created.image


def _has_bytes(image: Image) -> bool:
    """Whether an earlier upload with the same key has already stored the bytes."""
    return not image.can_upload and image.status != ImageStatus.PENDING
