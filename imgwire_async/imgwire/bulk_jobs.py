"""The client's bulk jobs: ingest images into Imgwire and export them."""

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

        Run again with the same journal, the job skips stored items without a request, retries failed ones,
        and stores changed files as new images. Every item has an idempotency key derived from job, item and
        content, which is written to the journal before the first request. A crash at any moment therefore
        loses nothing, and stores nothing twice as long as the service honours the keys.

        A failing item never stops the rest. After a 429 the job waits as asked. Transient failures are
        retried up to 5 times; when the service is down the job pauses and probes instead. Memory is bounded:
        the content of items in progress takes `byte_budget` at most. Each item counts with its size, but at
        least 32 KiB and at most 1 MiB, so at most `byte_budget` / 32 KiB items are in progress.

        Args:
            source: a folder, file, manifest (.csv, .jsonl, .ndjson, .parquet, `-` for standard input) or URL;
                a bucket, prefix, object or manifest in a cloud store (`s3://bucket/photos/`, see the guide
                "Cloud stores"; extra `cloud`); a `Folder`, `Bucket` or `Manifest` with its own options; or
                an iterable, sync or async, of paths, URIs, URLs and `IngestItem`s. A sync iterable is
                advanced in a worker thread.
            journal: file that makes the job resumable, created if it does not exist. Only one process can use
                it at a time. It belongs to the service (base URL and environment) and the source (absolute
                path or URL) of its first run, and is rejected for any other. All iterables count as one
                source; their items are distinguished by key. A rotated API key is accepted if it can read the
                images already stored; checking an API key that is new to the journal costs one request. A
                source that moved together with the journal still counts as the same. `job.report.journal` is
                the path of the journal. Default: a temporary file.
            job: name of the job, part of the idempotency keys. Default: a random name kept in the journal.
                With your own name the keys stay the same even if the journal is lost.
            concurrency: how many items are sent at once, or "auto" to adapt to the rate the service accepts.
            dedupe: "content" stores equal content once; all items with that content get the same image.
            on_change: how to treat stored items that have changed since. "upload": changed content is stored
                as a new image; other parameters (purpose, custom metadata, file name, type) are only
                reported, see `AlreadyStored.changed`, because the service cannot change them. "recreate":
                changed parameters also create a new image. "skip": changes are only reported.
            dry_run: send nothing and leave the journal as it is; items that would be sent are `Skipped`.
            wait_ready: also wait until images uploaded from files are READY; one in quarantine counts as
                failed. The job always waits for images from URLs, because the service fetches them only after
                it has accepted the URL. Their statuses are read from the list, 100 at a time, while other
                items are sent. The job gives up on the waiting images when none of them has become READY for
                two minutes.
            purpose: free-form label for items that do not set their own.
            custom_metadata: your own values for items that do not set any.
            max_failures: stop once more than this many items have failed.
            stop_on: errors that stop the job at once, because they would hit every item.
            breaker: stop when the service rejects most of the last 200 items in the same way.
            max_pause: stop when the service, or a bucket, has been unavailable for this many seconds.
            deadline: stop after this many seconds. Requests in flight then have 5 s to finish; those that do
                not are repeated by the next run with the same key.
            item_deadline: give up on an item this many seconds after its first request, or when reading its
                file before that takes this long.
            bandwidth_limit: bytes per second, on average over several uploads.
            byte_budget: bytes of images in memory, at least 16 MiB. Files over 1 MiB are streamed and count
                as 1 MiB.
            processes: how many processes send, for when one core cannot keep up with the service. With more
                than 1, this process reads the source, decides what to send, and writes the journal; the
                others read, hash and send the files over their own connections. All bounds (`concurrency`,
                `bandwidth_limit`, `byte_budget`, the client's `rate_limits`) apply to all processes together,
                and with "auto" they share one pace. A process that dies is replaced, and its items are sent
                again with the same keys. Your own code runs in this process only: a source, and a function
                that gives the API key. A client with hooks or with `http_client=` cannot be used.
            checksum: read cloud store objects over 1 MiB twice, so that their idempotency keys and `dedupe`
                are based on their content. Otherwise they are sent as they are read, and distinguished by
                URI, ETag and size.
            transfer: how cloud store objects reach the service. "bytes": through this process. "url": the
                service fetches each object from a URL that is signed just before the request and valid for 15
                minutes. Their bytes do not pass through this process; the service must be able to reach the
                store, and the job waits for these images as for other URLs. Where signing would cost a
                request per object (Google without a private key, Azure without an account key), bytes are
                sent and the report says so.
            runner: "ray" or a `RayRunner` sends from workers on the Ray cluster that Ray finds, instead of
                from `processes`; needs the `ray` extra and asyncio. The notes on `processes` apply here as
                well. Losing workers to a lost node or a lack of resources never stops the job; having no
                worker at all for `max_pause` seconds does. See the guide "clusters".
            shared_paths: every node of the cluster has the files of the source under the same paths. Without
                it only URLs, objects of cloud stores, and bytes that travel with their items can be uploaded
                from other machines.

        Raises:
            InvalidArgumentError: an argument is out of range, or `source` is not a supported source.
            ConfigurationError: other processes cannot make the requests of this client; with `runner`, also
                that Ray or its cluster is missing, that this runs on trio, or that the source is local.
            UploadSourceError: on entering, the folder or file does not exist.
            SourceStoreError: at the end of the iteration, the bucket could not be listed.
            JournalError: on entering, the journal is in use, damaged, not writable, or belongs to another
                program, job, service or source; later, it can no longer be written.
            IngestStoppedError: at the end of the iteration, the job stopped early and can be resumed.
        """
        from imgwire_async.imgwire.sink import SINK
        from imgwire_async.ingest.job import IngestJob
        from imgwire_async.ingest.options import IngestOptions

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
        chosen = None
        if runner is not None:
            from imgwire_async.ingest.runners.ray_runner import check_installed, check_source, checked_runner

            chosen = checked_runner(runner, options.processes)
            if chosen.workers is not None:
                replace(options, processes=chosen.workers)  # its bounds must suffice
            if not shared_paths:
                check_source(source)
            check_installed()
        if options.processes > 1 or chosen is not None:
            from imgwire_async.ingest.runners.pool import check_processes

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

        Every original is checked against the size in its record and, if the record has one, the SHA-256. Its
        file or object appears complete or not at all. Run again with the same journal, the job fetches only
        images that are new or failed before. A crash at any moment loses nothing. Files that are already in
        the folder are not fetched again, even without the journal, if the record has a SHA-256.

        The manifest is written when the job ends, even if it stops early, and lists every image that the
        journal records as exported. `imgwire.ingest("backup/manifest.jsonl")` stores them with the same
        names, types, purposes and custom metadata, for example in another environment. Images that are later
        deleted from Imgwire stay in the target and in the manifest.

        The list is read repeatedly until a pass finds nothing new, because concurrent deletions shift its
        pages. Images without a usable original (PENDING, QUARANTINE) are `Skipped`; PROCESSING ones are
        `Failed` and exported by a later run.

        Args:
            to: folder, created if it does not exist; or a bucket or prefix, such as `s3://bucket/backup/`
                (extra `cloud`).
            filters: export only images that match all filters; see `ImageFilters`. The whole list is always
                read.
            name: template of the files' paths in the target. Fields are `{id}`, `{file_name}`, `{stem}` and
                `{suffix}` (both parts of the file name), `{purpose}`, `{mime_type}`, `{year}`, `{month}` and
                `{day}` (of the creation). Only slashes in the template create folders. Names that are not
                portable are changed: control characters, reserved characters and names, leading or trailing
                dots, long names. Names that differ only in case count as the same. If a name is already
                taken, part of the image's id is added to it. A name stays the same in all runs of a journal.
            manifest: name of the manifest in the target: .jsonl, .ndjson, or with the extra `parquet`
                .parquet.
            overwrite: whether to replace files that exist and differ. Otherwise their images fail.
            store_options: obstore options for the bucket, such as `{"endpoint":
                "https://minio.example.com"}`; options that are omitted come from the environment.
            journal: file that makes the job resumable, created if it does not exist; see `ingest`. It belongs
                to this target and API. Default: a temporary file.
            job: name of the job. Default: a random name kept in the journal.
            concurrency: how many originals are fetched at once, or "auto" to adapt to the rate the service
                delivers them.
            dry_run: fetch nothing; images that would be fetched are `Skipped`, and the report has their
                bytes.
            max_failures: stop once more than this many images have failed.
            stop_on: errors that stop the job at once. A full disk always does.
            breaker: stop when most of the last 200 images failed in the same way.
            max_pause: stop when the service has been unavailable for this many seconds.
            deadline: stop after this many seconds.
            item_deadline: give up on an image this many seconds after its first request.
            bandwidth_limit: bytes per second, on average over several images.
            byte_budget: bytes of images in memory, at least 16 MiB. Images over 1 MiB go through temporary
                files; if the target is a folder, in that folder.

        Raises:
            InvalidArgumentError: an argument is out of its range; or on entering, the manifest exists and
                the journal is new.
            ConfigurationError: an extra is missing.
            JournalError: on entering, the journal cannot be used, or belongs to something else.
            DownloadTargetError: on entering, the folder cannot be created; at the end of the iteration, the
                manifest cannot be written.
            StoreError: the same, if the target is a bucket.
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
