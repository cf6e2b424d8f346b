"""The binding of a journal to one destination and one source.

The same keys name different images elsewhere, so a journal is never used for another service or another
source. The service is identified by its URL, and the images that a key can see by the area that the sink
reports. If the area is unknown, the key itself identifies them; the journal keeps only a salted digest of it.
A rotated key is accepted if it can see the images in the journal. The same applies to the key of a source
that is an account of a service.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from imgwire_async.core.clients.credentials import Credentials
from imgwire_async.core.values.redaction import Secret, without_query
from imgwire_async.errors import JournalError
from imgwire_async.ingest.items import is_url, key_text, storable
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.problems import reading_journal
from imgwire_async.ingest.sink import Destination, Sink
from imgwire_async.ingest.sources.source import Entries, Guarded
from imgwire_async.stores.uris import is_object


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The destination and the source of a journal."""

    destination: Destination
    source: str
    """See `Entries.identity`."""
    place: str | None = None
    """Path of the source, relative to the folder of the journal; None if the source is not a file."""
    key: str | None = None
    """Salted digest of the API key."""
    source_key: str | None = None
    """Salted digest of the credential of the source; None if it needs none."""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse the output of `to_json`."""
        fields = json.loads(text)
        return cls(**fields | {"destination": Destination(**fields["destination"])})

    def to_json(self) -> str:
        """Serialize the binding."""
        return json.dumps(asdict(self))

    def seen_in(self, area: str | None) -> Binding:
        """Return a copy with the area of an image, if the area was unknown."""
        if self.destination.area is not None or area is None:
            return self
        return replace(self, destination=replace(self.destination, area=area))


def bind(journal: Journal, destination: Destination, source: str) -> Binding:
    """Check that the journal belongs to this destination and source, without making a request. Blocks.

    Args:
        journal: open.
        destination: where the sink stores.
        source: what identifies the source.

    Returns:
        The binding of the journal from now on.

    Raises:
        JournalError: it belongs to another service or source.
    """
    wanted = Binding(
        destination=destination,
        source=source,
        place=_place(source, journal.path),
    )
    known, count = journal.binding, journal.count()
    if known is None:
        return wanted
    with reading_journal(journal.path):
        bound = Binding.from_json(known)
    if count and not _same_source(bound, wanted):
        raise JournalError(
            f"the journal {shown(journal.path)} belongs to {_quoted(bound.source)}, not to "
            f"{_quoted(wanted.source)}; use another journal. If it was moved, move the journal along "
            "to the same place relative to it, or use a new journal with the job name "
            f"{journal.job!r}, which keeps the idempotency keys",
            operation="ingest",
        )
    wanted = replace(wanted, source_key=bound.source_key)
    if not _has_images(count):
        return wanted
    if bound.destination.service != destination.service or _differ(bound.destination, destination):
        raise _other_service(journal, bound, str(destination), count)
    return replace(wanted, key=bound.key).seen_in(bound.destination.area)


def _differ(one: Destination, other: Destination) -> bool:
    return bool(one.area and other.area) and one.area != other.area


async def check_key(journal: Journal, sink: Sink, credentials: Credentials, binding: Binding) -> Binding:
    """Check that the API key can see the images that the journal records as stored.

    Makes no request if the key is the one used before. A journal of an earlier version does not record its
    key, and adopts the first one that it is used with.

    Returns:
        `binding`, updated.

    Raises:
        JournalError: the key sees none of the images that were checked.
        ImgwireError: the request to the service failed.
    """
    key = _digest(await credentials.current(), journal.job)
    stored = journal.some_images()
    if journal.binding is None or not stored or key == binding.key:
        return replace(binding, key=key)
    found = await sink.locate(stored)
    if found is None or _differ(binding.destination, found):
        seen = f"{sink.destination.service} with this API key"
        if found is not None and found.area:
            seen += f" ({found.area})"
        raise _other_service(journal, binding, seen, journal.count())
    area = found.area or binding.destination.area
    return replace(binding, key=key, destination=replace(binding.destination, area=area))


async def check_source_key(journal: Journal, entries: Entries, binding: Binding) -> Binding:
    """Check that the credential of the source can see some of the parts whose items are in the journal.

    Makes no request if the credential is the one used before, or if the source needs none.

    Returns:
        `binding`, updated.

    Raises:
        JournalError: the credential sees only other parts of the source.
        ImgwireError: the request to the source failed.
    """
    if not isinstance(entries, Guarded):
        return binding
    key = _digest(await entries.credential(), journal.job)
    if (
        key != binding.source_key
        and journal.count()
        and not any(map(journal.has_keys_from, await entries.visible()))
    ):
        raise JournalError(
            f"the journal {shown(journal.path)} belongs to another account of {_quoted(binding.source)}: "
            "this API key cannot see any source in the journal; use another journal for this account, "
            "or a key of the other one",
            operation="ingest",
        )
    return replace(binding, source_key=key)


def _digest(key: Secret, job: str) -> str:
    salt = hashlib.blake2b(job.encode(), digest_size=32).digest()
    return hashlib.blake2b(key.reveal().encode(), key=salt, digest_size=16).hexdigest()


def _same_source(bound: Binding, wanted: Binding) -> bool:
    # A tree that was moved, mounted elsewhere or copied to another machine holds source and journal.
    return bound.source == wanted.source or (bound.place is not None and bound.place == wanted.place)


def _place(source: str, journal: Path) -> str | None:
    if not os.path.isabs(source):  # noqa: PTH117
        return None
    try:
        return os.path.relpath(source, key_text(os.path.realpath(journal.parent))).replace(os.sep, "/")
    except ValueError:  # on another drive
        return None


def _other_service(journal: Journal, bound: Binding, wanted: str, count: dict[str, int]) -> JournalError:
    return JournalError(
        f"the journal {shown(journal.path)} belongs to {bound.destination}, where it has "
        f"{_has_images(count)} images, and none of them can be seen at {wanted}; use another journal "
        "for it, or the base URL and a key of the earlier one",
        operation="ingest",
    )


def _has_images(count: dict[str, int]) -> int:
    return count.get("stored", 0) + count.get("ready", 0)


def _quoted(source: str) -> str:
    if is_object(source):
        return repr(source)
    return repr(without_query(source)) if is_url(source) or os.path.isabs(source) else source  # noqa: PTH117


def shown(path: Path) -> str:
    """The path of a journal as shown to people, who have to find the file."""
    return storable(os.path.abspath(path))  # noqa: PTH100 - keeps symbolic links
