"""Sending one item, once: every retry is the engine's decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from anyio import to_thread

from imgwire_async.core.call import Core
from imgwire_async.core.logical_call import SharedState
from imgwire_async.core.operation import RateClass
from imgwire_async.core.pace.gate import LONGEST_CLOSURE, Gate
from imgwire_async.errors import DeadlineExceededError, SourceChangedError
from imgwire_async.imgwire.lowlevel.models import Image
from imgwire_async.imgwire.resources.images import Images
from imgwire_async.ingest.confirming import Confirmer
from imgwire_async.ingest.options import IngestOptions
from imgwire_async.ingest.parameters import Parameters
from imgwire_async.ingest.shards.preparing import Task, stamp_of, upload_name


def with_pace_of_its_own(core: Core, pace: Mapping[str, float]) -> Core:
    """`core` with a gate that finds the pace of the service by probing, unless it has such a gate.

    Args:
        core: the client's.
        pace: requests per second to begin with, by class, where an earlier run has found them.
    """
    shared = core.shared
    if shared.gate.adaptive:
        return core
    gate = Gate(
        "auto",
        rate_limits=shared.gate.rate_limits,
        time=shared.time,
        start_rates={RateClass(name): rate for name, rate in pace.items()},
    )
    own = SharedState(
        engine=shared.engine,
        gate=gate,
        budget=shared.budget,
        time=shared.time,
        rng=shared.rng,
    )
    return Core(core.options, core.credentials, own)


class Sender:
    """Uploads items with the connections, credentials and gate of a core, without its retries.

    Args:
        core: makes the requests.
        options: those of the job.
    """

    def __init__(self, core: Core, options: IngestOptions) -> None:
        self._options = options
        self._parameters = Parameters(options.purpose, options.custom_metadata)
        # A pause that the service asks for is no failure of an item, however long.
        retry = replace(
            core.options.retry, max_retry_after=max(core.options.retry.max_retry_after, LONGEST_CLOSURE)
        )
        core = core.with_options(replace(core.options, retry=retry))
        self._core = core.with_options(replace(core.options, retry=replace(retry, max_retries=0)))
        self._images = Images(self._core)
        self._waiting = Images(core)
        self._confirmer = Confirmer(core)

    async def send(self, task: Task) -> Image:
        """Upload the item, or have the service fetch it, which is not done before it is confirmed.

        Raises:
            DeadlineExceededError: the time of the item is over.
            SourceChangedError: the file is no longer the one that was hashed.
            ImgwireError: what `images.upload` and `images.upload_via_url` raise.
        """
        images, options = self._within_deadline(task), self._options
        item = task.item
        if task.confirm and task.known is not None and task.known.image_id is not None:
            return await self._waiting.wait_until_ready(task.known.image_id)
        purpose, metadata = self._parameters.purpose(item), self._parameters.custom_metadata(item)
        if item.is_url:
            image = await images.upload_via_url(
                str(item.source),
                file_name=item.file_name,
                mime_type=item.mime_type,
                idempotency_key=task.idempotency_key,
                purpose=purpose,
                custom_metadata=metadata,
            )
        else:
            image = await images.upload(
                item.source if task.content is None else task.content,
                file_name=upload_name(item),
                mime_type=item.mime_type,
                hash_sha256=None if task.sha256 is None else task.sha256.hex(),
                idempotency_key=task.idempotency_key,
                purpose=purpose,
                custom_metadata=metadata,
            )
            if task.content is None and await to_thread.run_sync(stamp_of, item) != task.stamp:
                raise SourceChangedError(
                    f"{task.key!r} was changed while it was sent; the image {image.id} may hold a mixture "
                    "of both, and the next run uploads the new one"
                )
        if options.wait_ready and not item.is_url:
            image = await self._waiting.wait_until_ready(image.id)
        return image

    async def confirm(self, image: Image) -> Image:
        """Wait until the service has fetched an item whose URL it has accepted.

        Raises:
            ImgwireError: it could not fetch it, or not be asked; see `Confirmer.confirm`.
        """
        return await self._confirmer.confirm(image)

    def _within_deadline(self, task: Task) -> Images:
        limit = self._options.item_deadline
        if limit is None:
            return self._images
        clock = self._core.shared.time.monotonic
        left = limit if task.began is None else limit - (clock() - task.began)
        if left <= 0:
            raise DeadlineExceededError(f"{task.key!r} was not stored within {limit:g} s")
        return Images(self._core.with_options(replace(self._core.options, deadline=left)))
