"""What a journal belongs to: one service and environment, and one source.

The same keys mean other images elsewhere, so a journal is never used for another service or another source.
The service is known by its base URL. What a key sees is known by the id of its environment, or where that is
unknown by the key itself, of which the journal keeps a salted digest only. A key that was rotated is
accepted when it sees the images that the journal holds.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Self

from imgwire_async.core.call import Core
from imgwire_async.core.redaction import Secret, without_query
from imgwire_async.errors import JournalError, NotFoundError
from imgwire_async.imgwire.resources.images import Images
from imgwire_async.ingest.items import is_url, key_text, storable, url_or_path
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.sources.folders import Folder
from imgwire_async.ingest.sources.manifests import Manifest

STANDARD_INPUT: Final = "standard input"
ITEMS: Final = "items of a program"
"""The source of a job over an iterable, whose items only their keys tell apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a journal belongs to."""

    base_url: str
    source: str
    """Absolute path of a folder or file, URL, or what else names the source."""
    place: str | None = None
    """Where the source lies, seen from the folder of the journal; None when it is no file."""
    environment: str | None = None
    """Id of the environment; None as long as it is unknown."""
    key: str | None = None
    """Salted digest of the API key."""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` has written."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """All of it as text."""
        return json.dumps(asdict(self))

    def seen_in(self, environment: object) -> Binding:
        """The same with the environment of an image, if it was not known before."""
        if self.environment is not None or not environment:
            return self
        return replace(self, environment=str(environment))

    @property
    def service(self) -> str:
        """The service in words."""
        return self.base_url + (f" (environment {self.environment})" if self.environment else "")


def name_of(source: object) -> str:
    """What identifies a source: absolute path with symbolic links resolved, URL, or another text."""
    if isinstance(source, Folder | Manifest):
        source = source.path
    if not isinstance(source, str | os.PathLike):
        return ITEMS
    path = url_or_path(os.fsdecode(source))
    if path == "-":
        return STANDARD_INPUT
    return key_text(path if is_url(path) else os.path.realpath(path))


def bind(journal: Journal, core: Core, source: object) -> Binding:
    """Compare the journal with what it is to be used for, as far as that needs no request. Blocks.

    Returns:
        What the journal belongs to from now on.

    Raises:
        JournalError: it belongs to another service or source.
    """
    environment = core.options.environment_id
    wanted = Binding(
        base_url=core.options.base_url,
        source=name_of(source),
        place=_place(source, journal.path),
        environment=None if environment is None else str(environment),
    )
    known, count = journal.binding, journal.count()
    if known is None:
        return wanted
    bound = Binding.from_json(known)
    if count and not _same_source(bound, wanted):
        raise JournalError(
            f"the journal {shown(journal.path)} belongs to {_quoted(bound.source)}, not to "
            f"{_quoted(wanted.source)}; use another journal. If the source was moved, move the journal along "
            "to the same place relative to it, or use a new journal with the job name "
            f"{journal.job!r}, which keeps the idempotency keys",
            operation="ingest",
        )
    if not _has_images(count):
        return wanted
    other = bound.environment and wanted.environment and bound.environment != wanted.environment
    if bound.base_url != wanted.base_url or other:
        raise _other_service(journal, bound, wanted.service, count)
    return replace(wanted, environment=wanted.environment or bound.environment, key=bound.key)


async def check_key(journal: Journal, core: Core, binding: Binding) -> Binding:
    """Make sure that the API key sees the images that the journal has as stored.

    Without a request if it is the key that was used before. A journal of an earlier version, which does not
    know that, adopts what it is used with first.

    Returns:
        `binding` with what was learnt.

    Raises:
        JournalError: it sees none of those that were looked for.
        ImgwireError: the service could not be asked.
    """
    key = _digest(await core.credentials.current(), journal.job)
    stored = journal.some_images()
    if journal.binding is None or not stored or key == binding.key:
        return replace(binding, key=key)
    environment = await _environment_of(stored, core)
    if environment is None or (binding.environment and environment and environment != binding.environment):
        seen = f"{core.options.base_url} with this API key"
        if environment:
            seen += f" (environment {environment})"
        raise _other_service(journal, binding, seen, journal.count())
    return replace(binding, key=key, environment=environment or binding.environment)


async def _environment_of(stored: Sequence[str], core: Core) -> str | None:
    """The environment of the first image that exists, empty if unknown; None if there is no such image."""
    images = Images(core)
    for image_id in stored:
        try:
            image = await images.retrieve(image_id)
        except NotFoundError:
            continue
        return str(image.environment_id or "")
    return None


def _digest(key: Secret, job: str) -> str:
    salt = hashlib.blake2b(job.encode(), digest_size=32).digest()
    return hashlib.blake2b(key.reveal().encode(), key=salt, digest_size=16).hexdigest()


def _same_source(bound: Binding, wanted: Binding) -> bool:
    # A tree that was moved, mounted elsewhere or copied to another machine holds source and journal.
    return bound.source == wanted.source or (bound.place is not None and bound.place == wanted.place)


def _place(source: object, journal: Path) -> str | None:
    name = name_of(source)
    if name in {STANDARD_INPUT, ITEMS} or is_url(name):
        return None
    try:
        return os.path.relpath(name, key_text(os.path.realpath(journal.parent))).replace(os.sep, "/")
    except ValueError:  # on another drive
        return None


def _other_service(journal: Journal, bound: Binding, wanted: str, count: dict[str, int]) -> JournalError:
    return JournalError(
        f"the journal {shown(journal.path)} belongs to {bound.service}, where it has {_has_images(count)} "
        f"images, and none of them can be seen at {wanted}; use another journal to store them there, or the "
        "base URL and a key of the first",
        operation="ingest",
    )


def _has_images(count: dict[str, int]) -> int:
    return count.get("stored", 0) + count.get("ready", 0)


def _quoted(source: str) -> str:
    return source if source in {STANDARD_INPUT, ITEMS} else repr(without_query(source))


def shown(path: Path) -> str:
    """The path of a journal as people find the file again."""
    return storable(os.path.abspath(path))  # noqa: PTH100 - keeps symbolic links
