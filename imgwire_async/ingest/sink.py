"""The protocol of sinks, where bulk jobs store their items. Only sinks know how an item is stored."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Protocol, cast

from imgwire_async.bodies.objects import StoredObject
from imgwire_async.core.call import Core
from imgwire_async.core.pace.permits import LONGEST_CLOSURE
from imgwire_async.core.values.metadata import Metadata
from imgwire_async.ingest.items import IngestItem

if TYPE_CHECKING:
    # Type variable defaults do not exist in Python 3.11, but all type checkers support them.
    from typing_extensions import TypeVar

    RecordT = TypeVar("RecordT", default=Any)
else:
    from typing import TypeVar

    RecordT = TypeVar("RecordT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The images that a job stores into or exports from. Every journal belongs to one destination."""

    service: str
    """Its URL."""
    area: str | None = None
    """The part that the credentials give access to, in words; None while unknown."""

    def __str__(self) -> str:
        return self.service + (f" ({self.area})" if self.area else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One item on its way into a sink."""

    item: IngestItem
    """The item from the source; in other processes, in plain types."""
    source: str | os.PathLike[str] | bytes | StoredObject
    """Path of a file, URL, the bytes, or an object of a cloud store that is read while it is sent."""
    is_url: bool
    """Whether the service fetches the image itself."""
    idempotency_key: str
    """The same for every attempt in all runs and processes, so that a retry cannot store a second image."""
    sha256: bytes | None = None
    """SHA-256 of the content, if it was read."""
    file_name: str | None = None
    mime_type: str | None = None
    purpose: str | None = None
    custom_metadata: Metadata | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage(Generic[RecordT]):
    """A stored image, for the journal, report and caller. Can be pickled."""

    id: str
    """Its id at the service."""
    url: str
    """Where it is delivered, for the list of images."""
    record: RecordT
    """The service's record of it, for the caller."""
    area: str | None = None
    """See `Destination.area`."""


class Sink(Protocol[RecordT]):
    """Stores items. Every process that runs shards opens its own sink."""

    @property
    def destination(self) -> Destination:
        """The destination, as far as it is known without a request."""
        ...

    async def locate(self, image_ids: Sequence[str]) -> Destination | None:
        """Look for images that an earlier run has stored or read.

        Returns:
            The destination of the first image that exists; None if the credentials give access to none of
            them.

        Raises:
            ImgwireError: the request failed.
        """
        ...

    async def store(self, upload: Upload, *, seconds: float | None) -> StoredImage[RecordT]:
        """Store one item in one attempt. The job decides about retries.

        Args:
            upload: the item.
            seconds: how long it may take; None for no limit.

        Raises:
            ImgwireError: the item may not have been stored.
        """
        ...

    async def confirm(self, image: StoredImage[RecordT]) -> StoredImage[RecordT]:
        """Wait until the service has fetched an image from its URL: accepted is not stored.

        Raises:
            ImgwireError: the service could not fetch the image, or a request failed.
        """
        ...

    async def wait_until_ready(self, image_id: str) -> StoredImage[RecordT]:
        """Wait until the service can deliver an image.

        Raises:
            ImgwireError: the service could not process the image, or a request failed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkAddress:
    """How every process of a job opens its sink. Can be pickled; the core holds the credentials."""

    opener: str
    """`package.module:function`. The function takes a `Core` and the settings as keyword arguments."""
    settings: Mapping[str, object] = field(default_factory=dict)
    secret_variables: tuple[str, ...] = ()
    """Environment variables with credentials, which are not passed to other processes."""
    relays_urls: bool = False
    """Whether the job's processes fetch URLs themselves, instead of the service."""

    def open(self, core: Core) -> Sink[Any]:
        """Open the sink, which makes its requests through `core`."""
        module, _, function = self.opener.partition(":")
        return cast("Sink[Any]", getattr(import_module(module), function)(core, **self.settings))


def patient(core: Core) -> Core:
    """`core` configured to wait as long as the service asks: such a pause is not the failure of an item."""
    retry = core.options.retry
    retry = replace(retry, max_retry_after=max(retry.max_retry_after, LONGEST_CLOSURE))
    return core.with_options(replace(core.options, retry=retry))


def single_attempts(core: Core) -> Core:
    """Like `patient`, but without retries: the job decides about those."""
    core = patient(core)
    retry = replace(core.options.retry, max_retries=0)
    return core.with_options(replace(core.options, retry=retry))
