"""An export: a bulk job with the list of images as its source and a folder or bucket as its sink."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from anyio import to_thread

from imgwire_async.core.call import Core
from imgwire_async.core.late_module import LateModule
from imgwire_async.errors import ImgwireError, InvalidArgumentError
from imgwire_async.imgwire.export.entries import ImageEntries
from imgwire_async.imgwire.export.filters import ImageFilters, matcher
from imgwire_async.imgwire.export.names import NameRegister, NameTemplate
from imgwire_async.imgwire.export.records import ExportedImage
from imgwire_async.imgwire.export.sink import address
from imgwire_async.imgwire.export.targets import Target, open_target
from imgwire_async.imgwire.resources.images import Images
from imgwire_async.ingest.job import IngestJob
from imgwire_async.ingest.options import IngestOptions
from imgwire_async.ingest.sink import patient
from imgwire_async.stores.uris import FORMS, ObjectUri, is_object, local_path

if TYPE_CHECKING:
    from imgwire_async.ingest import parts
    from imgwire_async.ingest.journal.binding import Binding
    from imgwire_async.ingest.journal.database import Journal
    from imgwire_async.ingest.results.outputs import Taken
    from imgwire_async.ingest.runners.runner import Runner
    from imgwire_async.ingest.sources.source import Entries
else:
    parts = LateModule("imgwire_async.ingest.parts")

MANIFESTS: Final = (".jsonl", ".ndjson", ".parquet")
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]+):/", re.IGNORECASE)  # a Path turns two slashes into one


class ExportJob(IngestJob[ExportedImage]):
    """A running export; see `AsyncImgwireClient.export`. The key of an outcome is its image's id."""

    def __init__(
        self,
        core: Core,
        *,
        to: str | os.PathLike[str],
        filters: ImageFilters | None,
        name: str,
        manifest: str,
        overwrite: bool,
        store_options: Mapping[str, str] | None,
        journal: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None,
        job: str | None,
        options: IngestOptions,
    ) -> None:
        self._to = target = _folder(to)
        self._overwrite = overwrite
        self._manifest = _checked_manifest(manifest)
        self._store_options = store_options
        self._images = ImageEntries(
            Images(patient(core)),
            # Without the job itself, which would not end when it is forgotten.
            identity=lambda: parts.identity_of(target, store_options),
            template=NameTemplate(name),
            wanted=matcher(filters),
        )
        self._target: Target
        sink = address(self._to, "", store_options, overwrite=overwrite)
        super().__init__(core, sink, self._images, journal=journal, job=job, options=options)

    def _new_runner(self) -> Runner:
        mark = hashlib.blake2b(self._journal.job.encode(), digest_size=6).hexdigest()
        self._target = open_target(self._to, mark, self._store_options, overwrite=self._overwrite)
        self._sink = address(self._to, mark, self._store_options, overwrite=self._overwrite)
        return super()._new_runner()

    @property
    def _taken_files(self) -> Taken:
        return replace(super()._taken_files, manifest=manifest_of(self._to, self._manifest))

    def _open_journal(self) -> Journal:
        manifest = manifest_of(self._to, self._manifest)
        if manifest is not None and isinstance(self._journal_path, str | bytes | os.PathLike):
            parts.check_free(manifest, parts.Taken(journal=os.fsdecode(self._journal_path)))
        return super()._open_journal()

    async def _begin_run(self, entries: Entries) -> Binding | None:
        binding = await super()._begin_run(entries)
        if self._options.dry_run:
            return binding
        journal = self._journal
        if (
            self._manifest not in journal.manifests
            and not self._overwrite
            and await self._target.exists(self._manifest)
        ):
            raise InvalidArgumentError(
                f"{self._target.location(self._manifest)!r} exists, and the journal has no record of it: "
                "export to another place, use the journal of the earlier export, or pass overwrite=True",
                operation="export",
            )
        await self._opening.run(partial(journal.keep_manifest, self._manifest))
        await self._target.begin()
        if self._target.is_local:
            await to_thread.run_sync(parts.check_writable, self._target.location(self._manifest))
        self._images.register = await self._opening.run(partial(self._names, journal))
        return binding

    def _names(self, journal: Journal) -> NameRegister:
        reserved = [self._manifest]
        if not journal.is_temporary:
            target, file = os.path.realpath(self._target.name), os.path.realpath(journal.path)
            if self._target.is_local and os.path.commonpath((target, file)) == target:
                inside = os.path.relpath(file, target).replace(os.sep, "/")
                reserved += [inside + suffix for suffix in parts.BESIDE_A_JOURNAL]
        return NameRegister(journal.connection(), journal.run, reserved)

    def _at_end(self) -> Callable[[], Awaitable[None]]:
        if self._options.dry_run:
            return super()._at_end()
        journal, target, manifest = self._journal, self._target, self._manifest

        async def finish() -> None:
            try:
                rows = journal.rows(parts.State.STORED, parts.State.READY)
                await target.write_manifest(manifest, (row.note for row in rows if row.note))
            finally:
                await target.end()

        return finish


def manifest_of(to: str, name: str) -> str | None:
    """The path of a manifest; None in a bucket."""
    return None if is_object(to) else os.path.join(local_path(to) or to, name)  # noqa: PTH118


def _folder(to: str | os.PathLike[str]) -> str:
    try:
        text = os.fsdecode(to)
    except TypeError:
        raise _refused(f"to must be a path or a URI, got {type(to).__name__}") from None
    if not text or "\0" in text:
        raise _refused(f"to must be the path of a folder or the URI of a bucket, got {text!r:.80}")
    if is_object(text):
        ObjectUri.of(text)  # raises if it is invalid
        return text
    path = local_path(text)
    if path is None and (scheme := _SCHEME.match(text)) is not None:
        raise _refused(f"to must be a folder, or like {FORMS}; got a URI of {scheme[1]}")
    return text if path is None else path


def _checked_manifest(name: str) -> str:
    given: object = name
    suffix = PurePosixPath(name).suffix.lower() if isinstance(given, str) else ""
    if suffix not in MANIFESTS or PurePosixPath(name).name != name or "\\" in name or name.startswith("."):
        raise _refused(
            f"manifest must be a file name that ends in {', '.join(MANIFESTS[:-1])} or {MANIFESTS[-1]}, "
            f"got {given!r:.80}"
        )
    if suffix == ".parquet":
        try:
            from imgwire_async.ingest.results.outputs import check_parquet

            check_parquet()
        except ImgwireError as error:
            error.operation = "export"
            raise
    return name


def _refused(problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(problem, operation="export")
