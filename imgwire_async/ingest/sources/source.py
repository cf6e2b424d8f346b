"""What every source of a bulk job is: entries in batches, under a name, with hints where to resume."""

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
    """A hint for `Entries.batches`, such as the cursor of the next page of a listing: from where another run
    may begin when this batch and all before it are done. None if there is none."""


@runtime_checkable
class Patient(Protocol):
    """A source that says what it waits for."""

    @property
    def waiting_for(self) -> str | None:
        """What it waits for, and why, such as a bucket that does not answer; None while it does not wait."""
        ...


@runtime_checkable
class Guarded(Protocol):
    """A source of which another credential shows other items, although its identity is the same."""

    async def credential(self) -> Secret:
        """The credential that the items are listed with.

        Raises:
            ImgwireError: there is none.
        """
        ...

    async def visible(self) -> Collection[str]:
        """What the keys of items begin with, for every part of the source that the credential can see.

        Raises:
            ImgwireError: the service could not be asked.
        """
        ...


@runtime_checkable
class Entries(Protocol):
    """A source of a job: a folder, a manifest, or the listing of a service or store.

    The journal keeps the latest hint up to which everything is done, and hands it to the next run if this one
    ends early. After a run to the end the next one begins at the beginning, because what is there may have
    changed.
    """

    @property
    def identity(self) -> str:
        """What names the source in the journal in every run: an absolute path, a URL or other text."""
        ...

    def batches(self, resume: str | None) -> AsyncGenerator[Batch, None]:
        """The entries in batches, without stopping the event loop. Closed by the task that iterates.

        Args:
            resume: the hint of an earlier run, or None for the beginning. A source that can make nothing of
                it, because a cursor has expired for example, begins at the beginning: it costs time only.
        """
        ...
