"""The protocol of sources of a bulk job: entries in batches, with an identity and hints where to resume."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from imgwire_async.core.values.redaction import Secret
from imgwire_async.ingest.items import Entry


@dataclass(frozen=True, slots=True)
class Batch:
    """Some entries of a source."""

    entries: list[Entry]
    resume: str | None = None
    """A hint for `Entries.batches`, such as the cursor of the next page of a listing: where another run may
    start once this batch and all before it are done. None if there is none."""


@runtime_checkable
class Patient(Protocol):
    """A source that reports what it waits for."""

    @property
    def waiting_for(self) -> str | None:
        """What it waits for, and why, such as a bucket that does not respond; None while it does not wait."""
        ...


@runtime_checkable
class Guarded(Protocol):
    """A source whose visible items depend on the credential, although its identity is the same."""

    async def credential(self) -> Secret:
        """The credential used to list the items.

        Raises:
            ImgwireError: no credential is available.
        """
        ...

    async def visible(self) -> Collection[str]:
        """The key prefixes of all parts of the source that the credential can see.

        Raises:
            ImgwireError: the request to the service failed.
        """
        ...


@runtime_checkable
class Entries(Protocol):
    """A source of a job: a folder, a manifest, or the listing of a service or store.

    The journal keeps the latest hint up to which everything is done, and passes it to the next run if this
    one ends early. After a complete run the next one starts at the beginning, because the source may have
    changed.
    """

    @property
    def identity(self) -> str:
        """The name of the source in the journal in every run: an absolute path, a URL or other text."""
        ...

    def batches(self, resume: str | None) -> AsyncGenerator[Batch, None]:
        """The entries in batches, without blocking the event loop. Closed by the task that iterates.

        Args:
            resume: the hint of an earlier run, or None for the beginning. A source that cannot use the hint,
                for example because a cursor has expired, starts at the beginning, which only costs time.
        """
        ...
