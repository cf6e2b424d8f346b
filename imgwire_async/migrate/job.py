"""Moving images from imgix to Imgwire: an ingestion job whose source is the list of assets."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, Self, TypeAlias, get_args

from anyio import to_thread

from imgwire_async.core.call import Core
from imgwire_async.core.clients.client import core_of
from imgwire_async.core.http.urls import checked_base_url, same_for_all_spellings
from imgwire_async.core.late_module import LateModule
from imgwire_async.errors import ConfigurationError, ImgwireError, InvalidArgumentError
from imgwire_async.imgix.arguments import SourceId
from imgwire_async.imgix.filters import AssetFilters
from imgwire_async.imgix.ingest_source import AssetEntries
from imgwire_async.imgix.service import ImgixRateClass
from imgwire_async.imgwire.lowlevel.models import Image
from imgwire_async.imgwire.service import RateClass
from imgwire_async.imgwire.sink import SINK
from imgwire_async.ingest.job import IngestJob
from imgwire_async.ingest.options import IngestOptions
from imgwire_async.ingest.stopping import STOP_ON
from imgwire_async.migrate.asset_items import AssetReader
from imgwire_async.migrate.mapping import COLUMNS, mapped_urls
from imgwire_async.migrate.metadata import MetadataRules, check_alt_text
from imgwire_async.migrate.redirects import RedirectKind, check_kind, redirect_lines
from imgwire_async.migrate.relay import RELAY

if TYPE_CHECKING:
    from imgwire_async.imgix.client import AsyncImgixClient
    from imgwire_async.imgwire.client import AsyncImgwireClient
    from imgwire_async.ingest import parts
    from imgwire_async.ingest.results.outcomes import Outcome
    from imgwire_async.ingest.runners.ray_runner import RayRunner, RunnerChoice
    from imgwire_async.migrate.report import Census, MigrationReport
else:
    parts = LateModule("imgwire_async.ingest.parts")

Transfer: TypeAlias = Literal["url", "bytes"]
PathTarget: TypeAlias = "str | os.PathLike[str]"

_OPERATION: Final = "migrate_from_imgix"
_LONGEST_PURPOSE: Final = 255  # characters
LIST_RETRIES: Final = 8
"""A page that cannot be fetched ends the list and with it the run, so it is retried more often than usual."""


class MigrationJob(IngestJob[Image]):
    """A running migration; see `migrate_from_imgix`. The key of an outcome is the id of its asset."""

    def __init__(
        self,
        core: Core,
        entries: AssetEntries,
        *,
        imgix: Core,
        transfer: Transfer,
        journal: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None,
        job: str | None,
        options: IngestOptions,
        runner: RayRunner | None = None,
    ) -> None:
        sink = SINK if transfer == "url" else RELAY
        super().__init__(core, sink, entries, journal=journal, job=job, options=options, runner=runner)
        self._assets = entries
        self._census: Census
        self._list_limit = imgix.shared.gate.rate_limits.get(ImgixRateClass.DEFAULT)
        stored_as = RateClass.URL_INGEST if transfer == "url" else RateClass.CREATE
        self._store_limit = core.shared.gate.rate_limits.get(stored_as)

    async def __aenter__(self) -> Self:
        entered = await super().__aenter__()
        from imgwire_async.migrate.report import Census

        self._census = Census()
        return entered

    async def __anext__(self) -> Outcome[Image]:
        outcome = await super().__anext__()
        self._census.count(outcome)
        return outcome

    @property
    def report(self) -> MigrationReport:
        """The report of this run so far, counting the outcomes delivered."""
        from imgwire_async.migrate.report import MigrationReport, hours_at

        found, census = super().report, self._census
        values = {field.name: getattr(found, field.name) for field in fields(parts.Report)}
        if found.dry_run:
            values["planned_bytes"] = census.planned_bytes
        return MigrationReport(
            **values,
            types=census.types(),
            skipped_types=dict(census.skipped),
            metadata_lost=dict(census.lost),
            hours_at_limits=hours_at(
                self._assets.pages, census.to_store, self._list_limit, self._store_limit
            ),
            incomplete_lists=tuple(self._assets.cut_short),
            different_size=tuple(census.different),
        )

    async def write_urls(self, path: PathTarget, *, overwrite: bool = False) -> int:
        """Write the mapping from old to new URLs of every asset recorded as stored in the journal.

        The columns are `source_id`, `origin_path`, `old_url` (without parameters and signature), `image_id`,
        `cdn_url`, `mime_type`, `width`, `height` and `metadata_lost` (fields of the asset that were not
        carried over). An asset has a row for every host of its source.

        Args:
            path: CSV, JSON Lines or (extra `parquet`) Parquet, by its extension; a file, or an object such as
                `s3://bucket/urls.csv` (extra `cloud`). It appears only when it is complete.
            overwrite: whether to replace an existing object. An existing file is always replaced, atomically.

        Returns:
            The number of rows.

        Raises:
            InvalidArgumentError: the extension is not supported, or the file is the journal of the job.
            ConfigurationError: Parquet needs the `parquet` extra.
            OSError: the file cannot be written; an existing one is unchanged.
            StoreError: the object cannot be written, or exists.
        """
        written = await to_thread.run_sync(partial(self._write_urls, path, overwrite=overwrite))
        await self._keep_output(path)
        return written

    async def write_redirects(self, path: PathTarget, kind: RedirectKind, *, overwrite: bool = False) -> int:
        """Write rules that redirect old to new URLs, for every asset recorded as stored in the journal.

        A rule engine cannot translate all parameters; the file documents which ones it translates, and how to
        use it.

        Args:
            path: the file, or an object of a bucket. It appears only when it is complete.
            kind: "nginx": maps to include in `http`. "caddy": directives to import into a site. "cloudflare":
                items of a bulk redirect list as JSON. "next": an ECMAScript module with a loader for
                `next/image`.
            overwrite: whether to replace an existing object. An existing file is always replaced, atomically.

        Returns:
            The number of old URLs.

        Raises:
            InvalidArgumentError: `kind` is unknown, or the file is the journal of the job.
            OSError: the file cannot be written; an existing one is unchanged.
            StoreError: the object cannot be written, or exists.
        """
        check_kind(kind)
        written = await to_thread.run_sync(partial(self._write_redirects, path, kind, overwrite=overwrite))
        await self._keep_output(path)
        return written

    def _write_urls(self, path: PathTarget, *, overwrite: bool) -> int:
        parts.extension_of(path, parts.TABLES)
        parts.check_free(path, self._taken_files)
        rows = (url.row() for url in mapped_urls(self._journal))
        return parts.write_table(path, COLUMNS, rows, overwrite=overwrite)

    def _write_redirects(self, path: PathTarget, kind: RedirectKind, *, overwrite: bool) -> int:
        parts.check_free(path, self._taken_files)
        lines = redirect_lines(kind, lambda: mapped_urls(self._journal))
        parts.write_text(path, lines, overwrite=overwrite)
        return sum(1 for _ in mapped_urls(self._journal))


def migrate_from_imgix(
    imgix: AsyncImgixClient,
    imgwire: AsyncImgwireClient,
    *,
    sources: Collection[SourceId] | None = None,
    filters: AssetFilters | None = None,
    transfer: Transfer = "url",
    metadata: MetadataRules = MetadataRules(),  # noqa: B008 - immutable
    on_alt_text: str | None = None,
    rendering_base_url: str | None = None,
    journal: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None = None,
    job: str | None = None,
    concurrency: int | Literal["auto"] = "auto",
    dry_run: bool = False,
    purpose: str | None = None,
    max_failures: int | None = None,
    stop_on: tuple[type[ImgwireError], ...] = STOP_ON,
    breaker: bool = True,
    max_pause: float = 900.0,
    deadline: float | None = None,
    item_deadline: float | None = None,
    processes: int = 1,
    runner: RunnerChoice = None,
) -> MigrationJob:
    """Move the images of imgix sources to Imgwire, resumably. Nothing is changed or deleted at imgix.

    ```python
    async with migrate_from_imgix(imgix, imgwire, journal="shop.journal") as job:
        async for outcome in job:  # Stored, AlreadyStored, Skipped or Failed
            ...
        await job.write_urls("urls.csv")
        print(job.report)
    ```

    Every asset becomes one image, or is skipped or failed with its reason. Videos, PDFs, texts and other
    types that Imgwire does not store are skipped. The image gets the asset's file name, type, title,
    description, categories, tags and custom fields. Imgwire cannot change them later, so later changes at
    imgix are only reported (`AlreadyStored.changed`). A file replaced at imgix later is not detected, because
    imgix has no versions of files.

    Everything else is as in `AsyncImgwireClient.ingest`: run again with the same journal, the job skips
    stored assets, retries failed ones, and resumes the list where it stopped. The journal belongs to Imgwire
    and to the account at imgix, not to `sources` and `filters`, so a large account can be moved in parts with
    one journal. A new API key of the account is accepted if it can read one of its sources.

    imgix may list fewer assets than the origin has files, because it indexes only files that were requested.
    imgix's published limits allow listing 400 assets per second.

    Args:
        imgix: reads sources and assets; its key needs the permissions Sources and Asset Browse.
        imgwire: stores images; needs a server key.
        sources: sources to move, or their ids. Default: all that are not deleted.
        filters: move only assets that match all filters; see `AssetFilters`.
        transfer: "url": Imgwire fetches each original from imgix itself. "bytes": this machine fetches and
            uploads it. Originals of web proxies come from their own URLs, as do those of web folders with
            default parameters. URLs are signed for sources that require it. Assets that Imgwire could not
            fetch fail; the next run retries them with a new key, and the record in quarantine stays at
            Imgwire. Do not change this argument until a journal has no failed assets: Imgwire may reject the
            same key for both.
        metadata: which metadata to transfer, and how to write lists and names.
        on_alt_text: field that holds the alternative text, which becomes the entry `alt`: "name",
            "description", or a custom field such as "custom_fields.alt". imgix has no dedicated field for it.
            Default: none.
        rendering_base_url: where imgix's rendering hosts can be reached without DNS, which a local imgix
            needs: its `base_url`.
        journal: file that makes the job resumable. Default: a temporary file.
        job: name of the job, part of the idempotency keys.
        concurrency: how many images are sent at once, or "auto" to adapt to the rate Imgwire accepts.
        dry_run: send nothing to Imgwire and leave the journal as it is. The report counts types, sizes and
            metadata that would be lost, and the minimum duration.
        purpose: free-form label for all images, at most 255 characters.
        max_failures: stop once more than this many assets have failed.
        stop_on: errors that stop the job at once, because they would hit every asset.
        breaker: stop when the service rejects most of the last 200 assets in the same way.
        max_pause: stop when the service has been unavailable for this many seconds.
        deadline: stop after this many seconds. Requests in flight then have 5 s to finish; those that do not
            are repeated by the next run with the same key.
        item_deadline: give up on an asset this many seconds after its first request.
        processes: how many processes send. This one lists the assets and writes the journal.
        runner: "ray" or a `RayRunner` sends from workers on a Ray cluster instead; only useful with
            `transfer="bytes"`. See `AsyncImgwireClient.ingest`.

    Raises:
        InvalidArgumentError: an argument is out of range.
        ConfigurationError: other processes cannot make the requests of the Imgwire client; with `runner`,
            also that Ray or its cluster is missing, or that this runs on trio.
        JournalError: on entering, the journal cannot be used, or belongs to something else.
        IngestStoppedError: at the end of the iteration, the job stopped early and can be resumed.
        ImgwireError: at the end of the iteration, the assets could not be listed.
    """
    if transfer not in get_args(Transfer):
        raise _refused(f'transfer must be "url" or "bytes", got {transfer!r:.80}')
    given: object = metadata
    if not isinstance(given, MetadataRules):
        raise _refused(f"metadata must be MetadataRules, got {type(given).__name__}")
    if purpose is not None and not 0 < len(purpose) <= _LONGEST_PURPOSE:
        raise _refused(f"purpose must be a string of 1 to {_LONGEST_PURPOSE} characters")
    check_alt_text(on_alt_text)
    if rendering_base_url is not None:
        try:
            rendering_base_url = checked_base_url(
                rendering_base_url, allow_insecure=False, example="http://localhost:8080"
            )
        except ConfigurationError as error:
            raise _refused(f"rendering_base_url: {error.message}") from None
    options = IngestOptions(
        concurrency=concurrency,
        dry_run=dry_run,
        purpose=purpose,
        max_failures=max_failures,
        stop_on=stop_on,
        breaker=breaker,
        max_pause=max_pause,
        deadline=deadline,
        item_deadline=item_deadline,
        processes=processes,
    )
    core, at_imgix = core_of(imgwire), core_of(imgix)
    chosen = None
    if runner is not None:
        from imgwire_async.ingest.runners.ray_runner import check_installed, checked_runner

        chosen = checked_runner(runner, options.processes)
        if chosen.workers is not None:
            replace(options, processes=chosen.workers)  # its bounds must suffice
        check_installed()
    if options.processes > 1 or chosen is not None:
        from imgwire_async.ingest.runners.pool import check_processes

        check_processes(core)
    patient = imgix.with_options(max_retries=max(LIST_RETRIES, at_imgix.options.retry.max_retries))
    entries = AssetEntries(
        patient.sources,
        patient.assets,
        service=same_for_all_spellings(at_imgix.options.base_url),
        credentials=at_imgix.credentials,
        entry_of=AssetReader(metadata, on_alt_text, rendering_base_url).entry,
        wanted=sources,
        filters=filters,
    )
    return MigrationJob(
        core,
        entries,
        imgix=at_imgix,
        transfer=transfer,
        journal=journal,
        job=job,
        options=options,
        runner=chosen,
    )


def _refused(problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(problem, operation=_OPERATION)
