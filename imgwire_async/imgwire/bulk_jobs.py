"""The bulk jobs of the client: images into Imgwire, and out of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from imgwire_async.core.clients.client import ServiceClient
from imgwire_async.core.values.metadata import Metadata
from imgwire_async.errors import ImgwireError
from imgwire_async.imgwire.lowlevel.models import Image
from imgwire_async.ingest.stopping import STOP_ON

if TYPE_CHECKING:
    from imgwire_async.imgwire.export.filters import ImageFilters
    from imgwire_async.imgwire.export.job import ExportJob
    from imgwire_async.ingest.job import IngestJob
    from imgwire_async.ingest.options import OnChange, Transfer
    from imgwire_async.ingest.runners.ray_runner import RunnerChoice
    from imgwire_async.ingest.sources.entries import IngestSource


class BulkJobs(ServiceClient):
    """Methods of `AsyncImgwireClient` that start a bulk job."""

    def ingest(
        self,
        source: IngestSource,
        *,
        journal: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None = None,
        job: str | None = None,
        concurrency: int | Literal["auto"] = "auto",
        dedupe: Literal["content"] | None = None,
        on_change: OnChange = "upload",
        dry_run: bool = False,
        wait_ready: bool = False,
        purpose: str | None = None,
        custom_metadata: Metadata | None = None,
        max_failures: int | None = None,
        stop_on: tuple[type[ImgwireError], ...] = STOP_ON,
        breaker: bool = True,
        max_pause: float = 900.0,
        deadline: float | None = None,
        item_deadline: float | None = None,
        bandwidth_limit: float | None = None,
        byte_budget: int = 64 * 1024 * 1024,
        processes: int = 1,
        checksum: bool = False,
        transfer: Transfer = "bytes",
        runner: RunnerChoice = None,
        shared_paths: bool = False,
    ) -> IngestJob[Image]:
        """Store many images, resumably: a folder, a bucket, a manifest, or any iterable of files and URLs.

        ```python
        async with imgwire.ingest("photos/", journal="photos.journal") as job:
            async for outcome in job:  # Stored, AlreadyStored, Skipped or Failed
                ...
            print(job.report)
        ```

        Run again with the same journal, it skips stored items without a request, tries again what
        failed, and stores files that have changed as new images. Every item has an idempotency key derived
        from job, item and content, which is in the journal before the first request: a crash at any moment
        loses nothing, and stores nothing twice as long as the service honours the keys.

        A failing item never stops the rest. 429s are waited out. Attempts that fail transiently are repeated
        up to 5 times; when the service is down the job pauses and probes instead. Memory is bounded: the
        content of items on their way takes `byte_budget` at most. An item counts with its size, at least
        32 KiB and at most 1 MiB, so there are at most `byte_budget` / 32 KiB of them.

        Args:
            source: a folder, file, manifest (.csv, .jsonl, .ndjson, .parquet, `-` for standard input) or URL;
                a bucket, prefix, object or manifest in a cloud store (`s3://bucket/photos/`, see the guide
                "Cloud stores"; extra `cloud`); a `Folder`, `Bucket` or `Manifest` with options of its own; or
                an iterable, sync or async, of paths, URIs, URLs and `IngestItem`s. A sync iterable is
                advanced in a worker thread.
            journal: file that makes the job resumable, made when there is none. One process at a time can use
                it. It belongs to the service (base URL and environment) and the source (absolute path or URL)
                of its first run, and is rejected for any other; all iterables count as one source, whose
                items their keys tell apart. A rotated key is accepted if it sees the images that are stored:
                a key that the journal does not know costs a request. A source that moved together with the
                journal is still the same. `job.report.journal` says where the journal is. Default: a
                temporary one.
            job: name of the job, part of the idempotency keys. Default: a random one that the journal keeps.
                With a name of your own the keys are the same even when the journal is lost.
            concurrency: how many items are sent at once, or "auto" to find by probing how fast the service
                takes them.
            dedupe: "content" stores equal content once; all its items get the one image.
            on_change: what becomes of stored items that have changed since. "upload": changed content is
                stored as a new image; other parameters (purpose, custom metadata, file name, type) are only
                reported, see `AlreadyStored.changed`, because the service cannot change them. "recreate":
                other parameters make a new image as well. "skip": whatever has changed is only reported.
            dry_run: send nothing and leave the journal as it is; what would be sent is `Skipped`.
            wait_ready: wait also for images of files to be READY; one in quarantine counts as failed. Images
                of URLs are always waited for, because the service fetches them after it has accepted the
                URL: their statuses are read from the list, 100 at a time, while others are sent. Those that
                wait are given up when for two minutes none has become READY.
            purpose: free label of those items that have none of their own.
            custom_metadata: your own values for those items that have none of their own.
            max_failures: stop when more items have failed.
            stop_on: errors that stop the job at once, because they would hit every item.
            breaker: stop when the service rejects most of the last 200 items in the same way.
            max_pause: stop when the service, or a bucket, has been down for this many seconds.
            deadline: stop after this many seconds. What is in flight then has 5 s to end; what has not is
                sent again by the next run, under the same key.
            item_deadline: give up on an item this many seconds after its first request; before that, when
                reading its file takes this long.
            bandwidth_limit: bytes per second, on average over several uploads.
            byte_budget: bytes of images in memory, at least 16 MiB. Files over 1 MiB are streamed and count
                as 1 MiB.
            processes: how many processes send, for machines on which one core is too slow for the service.
                With more than 1 this process draws the source, decides, and writes the journal; the others
                read, hash and send, with connections of their own. All bounds (`concurrency`,
                `bandwidth_limit`, `byte_budget`, the client's `rate_limits`) hold for the sum of them, and
                with "auto" they share one pace. A process that dies is replaced, and its items are run again
                under the same keys. Your own code runs in this process only: a source, and a function that
                gives the API key. A client with hooks or with `http_client=` cannot be used.
            checksum: read objects of cloud stores over 1 MiB twice, so that their idempotency keys and
                `dedupe` rest on their content. Otherwise they are sent as they are read, and told apart by
                URI, ETag and size.
            transfer: how objects of cloud stores get to the service. "bytes": through this process. "url":
                the service fetches each from a URL that is signed just before the request and good for 15
                minutes. No byte passes through here; the service has to reach the store, and images are
                waited for as those of other URLs. Where signing would cost a request for each object (Google
                without a private key, Azure without an account key), bytes are sent; the report says so.
            runner: "ray" or a `RayRunner` has the sending done by workers on the Ray cluster that Ray finds,
                instead of `processes`; extra `ray`, asyncio only. Everything said of `processes` holds.
                Deaths of workers by the loss of a node or for lack of resources never stop the job; that it
                has no worker at all for `max_pause` does. See the guide "clusters".
            shared_paths: every node of the cluster has the files of the source under the same paths. Without
                it only URLs, objects of cloud stores, and bytes that travel with their items can be uploaded
                from other machines.

        Raises:
            InvalidArgumentError: an argument is out of its range, or is no source.
            ConfigurationError: other processes cannot make the requests of this client; with `runner`, also
                that Ray or its cluster is missing, that this runs on trio, or that the source is local.
            UploadSourceError: on entering, the folder or file does not exist.
            SourceStoreError: at the end of the iteration, the bucket could not be listed.
            JournalError: on entering, the journal is in use, damaged, not writable, or that of another
                program, job, service or source; later, it cannot be written any more.
            IngestStoppedError: at the end of the iteration, the job stopped early and can be resumed.
        """
        from imgwire_async.imgwire.sink import SINK
        from imgwire_async.ingest.job import IngestJob
        from imgwire_async.ingest.options import IngestOptions
        from imgwire_async.ingest.runners.pool import check_processes
        from imgwire_async.ingest.runners.ray_runner import check_installed, check_source, checked_runner

        options = IngestOptions(
            concurrency=concurrency,
            dedupe=dedupe,
            on_change=on_change,
            dry_run=dry_run,
            wait_ready=wait_ready,
            purpose=purpose,
            custom_metadata=custom_metadata,
            max_failures=max_failures,
            stop_on=stop_on,
            breaker=breaker,
            max_pause=max_pause,
            deadline=deadline,
            item_deadline=item_deadline,
            bandwidth_limit=bandwidth_limit,
            byte_budget=byte_budget,
            processes=processes,
            checksum=checksum,
            transfer=transfer,
        )
        chosen = checked_runner(runner, options.processes)
        if chosen is not None:
            if chosen.workers is not None:
                replace(options, processes=chosen.workers)  # its bounds must suffice
            if not shared_paths:
                check_source(source)
            check_installed()
        if options.processes > 1 or chosen is not None:
            check_processes(self._core)
        return IngestJob(
            self._core,
            SINK,
            source,
            journal=journal,
            job=job,
            options=options,
            runner=chosen,
            shared_paths=shared_paths,
        )

    def export(
        self,
        to: str | os.PathLike[str],
        *,
        filters: ImageFilters | None = None,
        name: str = "{file_name}",
        manifest: str = "manifest.jsonl",
        overwrite: bool = False,
        store_options: Mapping[str, str] | None = None,
        journal: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None = None,
        job: str | None = None,
        concurrency: int | Literal["auto"] = "auto",
        dry_run: bool = False,
        max_failures: int | None = None,
        stop_on: tuple[type[ImgwireError], ...] = STOP_ON,
        breaker: bool = True,
        max_pause: float = 900.0,
        deadline: float | None = None,
        item_deadline: float | None = None,
        bandwidth_limit: float | None = None,
        byte_budget: int = 64 * 1024 * 1024,
    ) -> ExportJob:
        """Fetch the originals of all images into a folder or bucket, resumably, with a manifest.

        ```python
        async with imgwire.export("backup/", journal="backup.journal") as job:
            async for outcome in job:  # Stored, AlreadyStored, Skipped or Failed
                ...
            print(job.report)
        ```

        Every original is compared with its record, in size and, where the record has one, in SHA-256. Its
        file or object appears complete, or not at all. Run again with the same journal, the job fetches
        what is new or failed, and nothing that is on record. A crash at any moment loses nothing. What the
        folder has already is not fetched again, even without the journal, if the record has a SHA-256.

        The manifest is written when the job has come to its end, early or not, and holds everything that
        the journal has as exported: `imgwire.ingest("backup/manifest.jsonl")` stores the images with the same
        names, types, purposes and custom metadata, in another environment for example. Images that are
        deleted at Imgwire later stay in the target and in the manifest.

        The list is read again until a pass finds nothing new, because deletions meanwhile shift its pages.
        Images without a usable original (PENDING, QUARANTINE) are `Skipped`; PROCESSING ones are `Failed`
        and exported by a later run.

        Args:
            to: folder, made if it is missing; or a bucket or prefix, such as `s3://bucket/backup/` (extra
                `cloud`).
            filters: export only images that match all of them; see `ImageFilters`. The whole list is read in
                any case.
            name: template of the files' paths in the target. Fields are `{id}`, `{file_name}`, `{stem}` and
                `{suffix}` (both parts of the file name), `{purpose}`, `{mime_type}`, `{year}`, `{month}` and
                `{day}` (of the creation). Only its own slashes make folders. What some system cannot store is
                changed: control characters, reserved characters and names, dots at either end, long names.
                Names that differ in case only count as the same. An image whose name is taken gets a part of
                its id in its name. A name stays the same in all runs of a journal.
            manifest: name of the manifest in the target: .jsonl, .ndjson, or with the extra `parquet`
                .parquet.
            overwrite: whether to replace files that exist and differ. Otherwise their images fail.
            store_options: how a bucket is opened, such as `{"endpoint": "https://minio.example.com"}`, by the
                names that obstore has; what is missing comes from the environment.
            journal: file that makes the job resumable, made when there is none; see `ingest`. It belongs to
                this target and API. Default: a temporary one.
            job: name of the job. Default: a random one that the journal keeps.
            concurrency: how many originals are fetched at once, or "auto" to find by probing how fast the
                service delivers them.
            dry_run: fetch nothing; what would be fetched is `Skipped`, and the report has the bytes.
            max_failures: as for `ingest`, like the following ones.
            stop_on: errors that stop the job at once. A full disk does so in any case.
            breaker: stop when most of the last 200 images failed in the same way.
            max_pause: stop when the service has been down for this many seconds.
            deadline: stop after this many seconds.
            item_deadline: give up on an image this many seconds after its first request.
            bandwidth_limit: bytes per second, on average over several images.
            byte_budget: bytes of images in memory, at least 16 MiB. Larger images than 1 MiB go through
                temporary files, those for a folder in that folder.

        Raises:
            InvalidArgumentError: an argument is out of its range; or on entering, the manifest exists and
                the journal is new.
            ConfigurationError: an extra is missing.
            JournalError: on entering, the journal cannot be used, or belongs to something else.
            DownloadTargetError: on entering, the folder cannot be made; at the end of the iteration, the
                manifest cannot be written.
            StoreError: the same of a bucket.
            IngestStoppedError: at the end of the iteration, the job stopped early and can be resumed.
            ImgwireError: at the end of the iteration, the images could not be listed.
        """
        from imgwire_async.imgwire.export.job import ExportJob
        from imgwire_async.ingest.options import IngestOptions

        options = IngestOptions(
            concurrency=concurrency,
            dry_run=dry_run,
            max_failures=max_failures,
            stop_on=stop_on,
            breaker=breaker,
            max_pause=max_pause,
            deadline=deadline,
            item_deadline=item_deadline,
            bandwidth_limit=bandwidth_limit,
            byte_budget=byte_budget,
        )
        return ExportJob(
            self._core,
            to=to,
            filters=filters,
            name=name,
            manifest=manifest,
            overwrite=overwrite,
            store_options=store_options,
            journal=journal,
            job=job,
            options=options,
        )
