"""The upload methods of `client.images`."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Literal, overload

from imgwire_async.bodies.base import Patience
from imgwire_async.bodies.hashing import sha256_of
from imgwire_async.bodies.image_types import EXTENSIONS, extension_of
from imgwire_async.bodies.progress import ProgressHook, check_hook
from imgwire_async.bodies.sources import UploadFile, open_source
from imgwire_async.core.call import Core
from imgwire_async.core.polling import as_wait
from imgwire_async.core.values.metadata import Metadata
from imgwire_async.core.values.redaction import HiddenText
from imgwire_async.errors import (
    InvalidArgumentError,
    UnsupportedImageTypeError,
)
from imgwire_async.imgwire.lowlevel.api import images as api
from imgwire_async.imgwire.lowlevel.models import (
    Image,
    StandardUpload,
    StandardUploadCreate,
    SupportedMimeType,
    UploadToken,
    UploadViaUrlCreate,
)
from imgwire_async.imgwire.lowlevel.types import UNSET, Unset
from imgwire_async.imgwire.resources.arguments import (
    as_idempotency_key,
    as_metadata,
    as_whole,
    public_url,
    unless_none,
)
from imgwire_async.imgwire.resources.readiness import until_ready
from imgwire_async.imgwire.upload import create, create_and_put, detected_type
from imgwire_async.imgwire.upload_many import T, UploadItem, UploadMany
from imgwire_async.imgwire.verification import check_record
from imgwire_async.stores.uris import ObjectUri, is_object
from imgwire_async.stores.uris import file_name as name_of_object


class ImageUploads:
    """Operations that store images; inherited by `Images`."""

    _core: Core

    @overload
    async def create(
        self, body: StandardUploadCreate, /, *, upload_token: str | None = None
    ) -> StandardUpload: ...

    @overload
    async def create(
        self,
        /,
        *,
        file_name: str,
        mime_type: SupportedMimeType | str | None = None,
        content_length: int | None = None,
        hash_sha256: str | None = None,
        idempotency_key: str | None = None,
        purpose: str | None = None,
        custom_metadata: Metadata | None = None,
        upload_token: str | None = None,
    ) -> StandardUpload: ...

    async def create(
        self,
        body: StandardUploadCreate | None = None,
        /,
        *,
        file_name: str = "",
        mime_type: SupportedMimeType | str | None = None,
        content_length: int | None = None,
        hash_sha256: str | None = None,
        idempotency_key: str | None = None,
        purpose: str | None = None,
        custom_metadata: Metadata | None = None,
        upload_token: str | None = None,
    ) -> StandardUpload:
        """Create an image record and get the presigned URL for its bytes. `upload` does both steps.

        Args:
            body: the generated model, instead of the fields that follow.
            file_name: name of the file, at least one character.
            mime_type: content type that the PUT will declare.
            content_length: number of bytes that the PUT will send.
            hash_sha256: SHA-256 of the bytes in lower-case hexadecimal digits.
            idempotency_key: identifies this upload, at most 255 characters; generated if omitted, so that a
                retry cannot create a second record.
            purpose: free-form label.
            custom_metadata: your own values by name.
            upload_token: token from `create_upload_token`, for client keys that need one.

        Raises:
            InvalidArgumentError: `file_name` or `idempotency_key` is empty.
            APIStatusError: and the other errors of any call, see `imgwire_async.errors`.
        """
        upload_token = _hidden(upload_token)
        if body is None:
            if not file_name:
                raise InvalidArgumentError("file_name must not be empty", operation="images.create")
            body = StandardUploadCreate(
                file_name=file_name,
                mime_type=unless_none(_given_type(mime_type, "images.create")),
                content_length=(
                    UNSET
                    if content_length is None
                    else as_whole(content_length, "content_length", "images.create")
                ),
                hash_sha256=unless_none(hash_sha256),
                idempotency_key=as_idempotency_key(idempotency_key, "images.create"),
                purpose=unless_none(purpose),
                custom_metadata=as_metadata(custom_metadata, "images.create"),
            )
        elif not isinstance(body, StandardUploadCreate):
            raise InvalidArgumentError(
                f"the body must be a StandardUploadCreate, got {type(body).__name__}; pass single fields "
                "as keyword arguments",
                operation="images.create",
            )
        else:
            given = None if isinstance(body.idempotency_key, Unset) else body.idempotency_key
            key = as_idempotency_key(given, "images.create")
            body = StandardUploadCreate.from_dict(body.to_dict() | {"idempotency_key": key})
        return await create(self._core, body, upload_token)

    async def upload(
        self,
        file: UploadFile,
        *,
        size: int | None = None,
        file_name: str | None = None,
        mime_type: SupportedMimeType | str | None = None,
        hash_sha256: str | Literal[True] | None = None,
        idempotency_key: str | None = None,
        purpose: str | None = None,
        custom_metadata: Metadata | None = None,
        upload_token: str | None = None,
        wait: bool = False,
        verify: bool = False,
        timeout: float = 120.0,  # noqa: ASYNC109
        on_progress: ProgressHook | None = None,
    ) -> Image:
        """Upload an image: create its record, then send its bytes to the presigned URL.

        The bytes are streamed in chunks with a `Content-Length`. After a failed attempt they are sent again
        from the start if `file` can be read again. One idempotency key covers every attempt of both steps,
        even if the presigned URL expires and a new one is requested.

        Content of unknown size that cannot seek, such as a generator or a pipe, is first copied to a
        temporary file, up to 100 MiB (the documented maximum for an image), so it can be sent again as well.

        Args:
            file: a path, an object of a cloud store (`s3://bucket/key`, `gs://`, `az://`, see the guide
                "Cloud stores"; extra `cloud`), bytes, an open binary file (sync or async; it is read from its
                current position, left open, and returned to that position if it can seek), an uploaded file
                of a web framework, a streaming httpx or aiohttp response, an iterator of bytes (sync or
                async), or a function that returns a new iterator on every call. Blocking sources are read in
                threads. Two uploads of the same open file, iterator or response run one after the other.
            size: number of bytes, for a `file` of unknown size. An iterator is then streamed directly and
                only once: if that attempt fails, so does the upload.
            file_name: name to store; taken from the path, file or URL if omitted.
            mime_type: content type to declare; if omitted, detected from the content, falling back to the
                name.
            hash_sha256: SHA-256 of the bytes in lower-case hexadecimal digits, or True to compute it, which
                reads the bytes twice. What the service does with the hash is undocumented.
            idempotency_key: identifies this upload, at most 255 characters; generated if omitted. It is set
                on the returned image, and on the error if the upload fails.
            purpose: free-form label.
            custom_metadata: your own values by name.
            upload_token: token from `create_upload_token`, for client keys that need one.
            wait: return when the image is READY, as `wait_until_ready` does.
            verify: wait as with `wait`, then compare the image's size with what was sent, and its hash if
                `hash_sha256` is given and the service has one.
            timeout: seconds to wait for READY, with `wait` or `verify`.
            on_progress: called with the upload's progress at the start, at the end, and at most ten times a
                second in between. Sync or async; an exception that it raises ends the upload.

        The client's `deadline` covers everything here: opening and reading `file`, every attempt, waiting for
        READY, and async hooks that do not return. The upload also ends if reading `file` yields nothing for
        as long as the shortest of the client's `read`, `write` and `total` timeouts.

        Returns:
            The record as it was before the upload finished; with `wait` or `verify`, the READY record with
            width and height.

        Raises:
            InvalidArgumentError: `idempotency_key` is empty, or `size` or `timeout` is not a number.
            UploadSourceError: `file` does not exist, cannot be read, is empty, or is not a supported source
                of bytes; or reading it raised an exception, which is the `__cause__`.
            APITimeoutError: reading `file` stalled, or a phase of a request took too long.
            DeadlineExceededError: the client's `deadline` passed, or the image was not READY in time.
            UnsupportedImageTypeError: neither the content nor the name shows a type that the service stores.
            SourceStoreError: the object cannot be read from its store; a kind of `UploadSourceError`.
            SourceChangedError: the file's size or the object's version changed while it was being sent.
            UploadRejectedError: the object store rejected the bytes.
            UploadVerificationError: with `verify`, the stored image is not what was sent.
            ImageQuarantinedError: with `wait` or `verify`, the service could not use the bytes.
            APIStatusError: and the other errors of any call, see `imgwire_async.errors`.
        """
        upload_token = _hidden(upload_token)
        check_hook(on_progress, "images.upload")
        declared_type = _given_type(mime_type, "images.upload")
        idempotency_key = as_idempotency_key(idempotency_key, "images.upload")
        timeout = as_wait(timeout, "images.upload")
        size = None if size is None else as_whole(size, "size", "images.upload")
        core = self._core.with_deadline_from_now()
        patience = Patience(core.options.timeouts.shortest)
        with core.within_deadline("images.upload", idempotency_key=idempotency_key):
            async with open_source(
                file, size=size, replayable=hash_sha256 is True, patience=patience
            ) as source:
                name = file_name or source.file_name
                sha256 = await sha256_of(source, patience) if hash_sha256 is True else hash_sha256
                body = StandardUploadCreate(
                    file_name=name or "image",
                    mime_type=declared_type or detected_type(source, name),
                    content_length=source.size,
                    hash_sha256=unless_none(sha256),
                    idempotency_key=idempotency_key,
                    purpose=unless_none(purpose),
                    custom_metadata=as_metadata(custom_metadata, "images.upload"),
                )
                if name is None:
                    body.file_name += extension_of(str(body.mime_type))
                image = await create_and_put(core, source, body, upload_token, on_progress)
            if wait or verify:
                image = await until_ready(core, image.id, timeout)
            if verify:
                check_record(image, source.size, sha256)
        return image

    @overload
    def upload_many(
        self,
        items: Iterable[T] | AsyncIterable[T],
        *,
        concurrency: int = 16,
        purpose: str | None = None,
        custom_metadata: Metadata | None = None,
        wait: bool = False,
        timeout: float = 120.0,
    ) -> UploadMany[T]: ...

    # mypy considers this overload redundant, but without it a list literal of mixed types has no type.
    @overload
    def upload_many(  # type: ignore[overload-cannot-match]
        self,
        items: Iterable[UploadFile | UploadItem] | AsyncIterable[UploadFile | UploadItem],
        *,
        concurrency: int = 16,
        purpose: str | None = None,
        custom_metadata: Metadata | None = None,
        wait: bool = False,
        timeout: float = 120.0,
    ) -> UploadMany[UploadFile | UploadItem]: ...

    def upload_many(
        self,
        items: Iterable[T] | AsyncIterable[T],
        *,
        concurrency: int = 16,
        purpose: str | None = None,
        custom_metadata: Metadata | None = None,
        wait: bool = False,
        timeout: float = 120.0,
    ) -> UploadMany[T]:
        """Upload many images at once and get their outcomes in order of completion.

        ```python
        async with imgwire.images.upload_many(Path("photos").iterdir()) as outcomes:
            async for outcome in outcomes:
                print(outcome.item, outcome.error or outcome.image)
        ```

        A failing item does not stop the rest. An exception raised by an item's own code, except
        `KeyboardInterrupt` and `SystemExit`, becomes the `__cause__` of an `UploadSourceError` in its
        outcome. An exception raised by a hook of the client ends the block. Memory is bounded regardless of
        the number of items: items are taken as there is room for them, and a slow consumer delays further
        uploads. Leaving the block cancels unfinished uploads.

        Args:
            items: paths, bytes, or `UploadItem`s with their own arguments; any iterable, sync or async. A
                sync iterable is advanced on the event loop, so it must not block for long.
            concurrency: how many uploads run at once. The `concurrency` of the client limits them too.
            purpose: free-form label for items that do not set their own.
            custom_metadata: your own values for items that do not set any.
            wait: finish each upload only when its image is READY; one in quarantine counts as failed.
            timeout: seconds to wait for each image, with `wait`.

        Raises:
            InvalidArgumentError: `items` is a single file, `concurrency` is not a whole number of at least 1,
                or `timeout` is not a number.
        """
        timeout = as_wait(timeout, "images.upload_many")

        async def upload(item: T) -> Image:
            one = item if isinstance(item, UploadItem) else UploadItem(item)
            return await self.upload(
                one.file,
                size=one.size,
                file_name=one.file_name,
                mime_type=one.mime_type,
                hash_sha256=one.hash_sha256,
                idempotency_key=one.idempotency_key,
                purpose=purpose if one.purpose is None else one.purpose,
                custom_metadata=custom_metadata if one.custom_metadata is None else one.custom_metadata,
                upload_token=one.upload_token,
                wait=wait,
                timeout=timeout,
            )

        return UploadMany(items, upload, concurrency)

    async def upload_via_url(
        self,
        url: str,
        *,
        file_name: str | None = None,
        mime_type: SupportedMimeType | str | None = None,
        idempotency_key: str | None = None,
        purpose: str | None = None,
        custom_metadata: Metadata | None = None,
        allow_credentials: bool = False,
        wait: bool = False,
        timeout: float = 120.0,  # noqa: ASYNC109
    ) -> Image:
        """Have the service fetch an image from a public URL.

        Args:
            url: where the image is: http or https, with a host. Or an object of a cloud store, such as
                `s3://bucket/key` (extra `cloud`): the service gets a signed URL that is valid for 15 minutes.
            file_name: name to store instead of the one in the URL.
            mime_type: type to store instead of the one that the source declares.
            idempotency_key: as for `upload`.
            purpose: free-form label.
            custom_metadata: your own values by name.
            allow_credentials: accept a URL with a user name or password, which the service gets to see.
            wait: return when the image is READY, as `wait_until_ready` does.
            timeout: seconds to wait in total, with `wait`.

        Returns:
            The record. Without `wait` the service has only accepted the URL: it fetches the image later, and
            one that it cannot fetch ends in QUARANTINE. Nothing is stored until the status is READY.

        Raises:
            InvalidArgumentError: `url` is not a URL that the service can fetch, or `idempotency_key` is
                empty.
            ImageQuarantinedError: with `wait`, the service could not fetch or process the source.
            DeadlineExceededError: with `wait`, the image was not READY in time.
            APIStatusError: and the other errors of any call, see `imgwire_async.errors`.
        """
        if is_object(str(url)):  # other types are rejected below
            file_name = file_name or name_of_object(url)
            url = await _signed(url)
        body = UploadViaUrlCreate(
            url=public_url(url, "images.upload_via_url", allow_credentials=allow_credentials),
            file_name=unless_none(file_name),
            mime_type=unless_none(_given_type(mime_type, "images.upload_via_url")),
            idempotency_key=as_idempotency_key(idempotency_key, "images.upload_via_url"),
            purpose=unless_none(purpose),
            custom_metadata=as_metadata(custom_metadata, "images.upload_via_url"),
        )
        timeout = as_wait(timeout, "images.upload_via_url")
        core = self._core.with_deadline_from_now()
        image = (await api.images_upload_via_url(core, body=body)).data
        return await until_ready(core, image.id, timeout) if wait else image

    async def create_upload_token(self) -> UploadToken:
        """Create a short-lived token that lets a frontend with a client key upload one image.

        The vendor's frontends expect the backend to respond with `{"uploadToken": token.token}`.
        """
        return (await api.images_create_upload_token(self._core)).data


async def _signed(uri: str) -> HiddenText:
    from imgwire_async.stores.opening import open_store
    from imgwire_async.stores.signing import signed_url

    place = ObjectUri.of(uri)
    return HiddenText((await signed_url(open_store(place), place.key)).reveal())


def _hidden(upload_token: str | None) -> str | None:
    return None if upload_token is None else HiddenText(upload_token)


def _given_type(mime_type: object, operation: str) -> SupportedMimeType | None:
    if mime_type is None:
        return None
    if isinstance(mime_type, str) and mime_type in EXTENSIONS.values():
        return SupportedMimeType(mime_type)
    raise UnsupportedImageTypeError(
        f"the service does not store {mime_type!r:.80}, only {', '.join(sorted(set(EXTENSIONS.values())))}",
        operation=operation,
    )
