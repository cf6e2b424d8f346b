"""Where a bulk job stores its items: the protocol of sinks, the only part that knows what storing means."""

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
    # Python 3.11 has no defaults of type variables; type checkers know them all.
    from typing_extensions import TypeVar

    RecordT = TypeVar("RecordT", default=Any)
else:
    from typing import TypeVar

    RecordT = TypeVar("RecordT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The images of a service that a job stores or, as an export does, reads. A journal belongs to one."""

    service: str
    """Its URL."""
    area: str | None = None
    """The part of it that a credential gives access to, in words; None as long as it is unknown."""

    def __str__(self) -> str:
        return self.service + (f" ({self.area})" if self.area else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One item on its way into a sink."""

    item: IngestItem
    """As the source gave it; in other processes in plain types."""
    source: str | os.PathLike[str] | bytes | StoredObject
    """Path of a file, URL, the bytes, or an object of a cloud store that is read while it is sent."""
    is_url: bool
    """Whether the service fetches the image itself."""
    idempotency_key: str
    """The same for every attempt, in whatever run and process: repeating it must not store a second image."""
    sha256: bytes | None = None
    """Of the content, where it was read."""
    file_name: str | None = None
    mime_type: str | None = None
    purpose: str | None = None
    custom_metadata: Metadata | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage(Generic[RecordT]):
    """One stored image as journal, report and caller need it. It pickles."""

    id: str
    """What names it at the service."""
    url: str
    """Where it is delivered, for the list of images."""
    record: RecordT
    """What the service says of it, for the caller."""
    area: str | None = None
    """See `Destination.area`."""


class Sink(Protocol[RecordT]):
    """Stores items. Every process that runs shards opens its own."""

    @property
    def destination(self) -> Destination:
        """Whose images they are, as far as that is known without a request."""
        ...

    async def locate(self, image_ids: Sequence[str]) -> Destination | None:
        """Look for images that an earlier run has stored or read.

        Returns:
            Where the first one is that exists; None if the credential gives access to none of them.

        Raises:
            ImgwireError: the service could not be asked.
        """
        ...

    async def store(self, upload: Upload, *, seconds: float | None) -> StoredImage[RecordT]:
        """Store one item in one attempt. The job decides about further ones.

        Args:
            upload: the item.
            seconds: how long it may take; None for no limit.

        Raises:
            ImgwireError: it is not known to be stored.
        """
        ...

    async def confirm(self, image: StoredImage[RecordT]) -> StoredImage[RecordT]:
        """Wait until the service has fetched an image from its URL: accepted is not stored.

        Raises:
            ImgwireError: it could not fetch it, or could not be asked.
        """
        ...

    async def wait_until_ready(self, image_id: str) -> StoredImage[RecordT]:
        """Wait until the service can deliver an image.

        Raises:
            ImgwireError: it cannot use it, or could not be asked.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkAddress:
    """How every process of a job opens its sink. It pickles, and holds no credential: cores have those."""

    opener: str
    """`package.module:function`. The function takes a `Core` and the settings as keyword arguments."""
    settings: Mapping[str, object] = field(default_factory=dict)
    secret_variables: tuple[str, ...] = ()
    """Environment variables with credentials, which other processes do not get."""
    relays_urls: bool = False
    """Whether the processes of the job fetch what has a URL, and not the service."""

    def open(self, core: Core) -> Sink[Any]:
        """The sink, whose requests `core` makes."""
        module, _, function = self.opener.partition(":")
        return cast("Sink[Any]", getattr(import_module(module), function)(core, **self.settings))


def patient(core: Core) -> Core:
    """`core` that waits for as long as the service asks: such a pause is no failure of an item."""
    retry = core.options.retry
    retry = replace(retry, max_retry_after=max(retry.max_retry_after, LONGEST_CLOSURE))
    return core.with_options(replace(core.options, retry=retry))


def single_attempts(core: Core) -> Core:
    """`core` as `patient` gives it, but without retries: the job decides about those."""
    core = patient(core)
    retry = replace(core.options.retry, max_retries=0)
    return core.with_options(replace(core.options, retry=retry))
