"""Sending one item once: the coordinator decides about every retry."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

from imgwire_async.bodies.objects import StoredObject
from imgwire_async.core.call import Core
from imgwire_async.core.concurrency.threads import in_thread
from imgwire_async.core.logical_call import SharedState
from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.time import Time
from imgwire_async.core.values.redaction import HiddenText
from imgwire_async.errors import DeadlineExceededError, SourceChangedError
from imgwire_async.ingest.items import Stamp
from imgwire_async.ingest.options import IngestOptions
from imgwire_async.ingest.parameters import Parameters
from imgwire_async.ingest.shards.preparing import Task, stamp_of, upload_name
from imgwire_async.ingest.sink import Sink, StoredImage, Upload
from imgwire_async.stores.opening import OpenStores
from imgwire_async.stores.signing import signed_url


def with_pace_of_its_own(core: Core, pace: Mapping[str, float]) -> Core:
    """Return `core` with a gate that finds the rate of the service by probing, unless it has such a gate.

    Limits set on the client apply to its other calls and the job together.

    Args:
        core: the client's.
        pace: initial requests per second by class, as found by an earlier run.
    """
    shared = core.shared
    if shared.gate.adaptive:
        return core
    gate = Gate(
        "auto",
        rate_limits=shared.gate.rate_limits,
        time=shared.time,
        start_rates=pace,
        scope=shared.gate.scope,
    )
    own = SharedState(
        service=shared.service,
        engine=shared.engine,
        gate=gate,
        budget=shared.budget,
        time=shared.time,
        rng=shared.rng,
    )
    return Core(core.options, core.credentials, own)


class Sender:
    """Sends items into a sink, once: the job decides about every retry.

    Args:
        sink: where they go.
        options: those of the job.
        time: clock to read.
    """

    def __init__(self, sink: Sink[Any], options: IngestOptions, time: Time) -> None:
        self._sink = sink
        self._options = options
        self._time = time
        self._stores = OpenStores()
        self._parameters = Parameters(options.purpose, options.custom_metadata)

    async def send(self, task: Task) -> StoredImage[Any]:
        """Store the item, or make the service fetch it; a fetched item is not done until it is confirmed.

        Raises:
            DeadlineExceededError: the item's deadline has passed.
            SourceChangedError: the file is no longer the one that was hashed.
            ImgwireError: what the sink raises.
        """
        seconds = self._seconds_left(task)
        item = task.item
        if task.confirm and task.known is not None and task.known.image_id is not None:
            return await self._sink.wait_until_ready(task.known.image_id)
        image = await self._sink.store(await self._upload(task), seconds=seconds)
        is_read_again = not (item.is_url or item.is_object) and task.content is None
        if is_read_again and await self._stamp_now(task) != task.stamp:
            raise SourceChangedError(
                f"{task.key!r} changed while it was sent; image {image.id} may be a mixture of both "
                "versions, and the next run uploads the new one"
            )
        if self._options.wait_ready and not task.is_fetched:
            image = await self._sink.wait_until_ready(image.id)
        return image

    async def _stamp_now(self, task: Task) -> Stamp | None:
        with self._time.move_on_after(self._seconds_left(task) or math.inf):
            return await in_thread(lambda: stamp_of(task.item), abandon_on_cancel=True)
        raise DeadlineExceededError(f"{task.key!r} is stored, but could not be inspected again in time")

    async def confirm(self, image: StoredImage[Any]) -> StoredImage[Any]:
        """Wait until the service has fetched an item whose URL it has accepted.

        Raises:
            ImgwireError: the service could not fetch it, or the request failed.
        """
        return await self._sink.confirm(image)

    async def _upload(self, task: Task) -> Upload:
        item = task.item
        source: str | os.PathLike[str] | bytes | StoredObject = item.source
        if task.content is not None:
            source = task.content
        elif task.by_url:
            source = await self._signed(task)
        elif item.is_object and task.stamp is not None:
            source = StoredObject(
                uri=str(item.source), version=task.stamp.version, options=task.options or {}
            )
        return Upload(
            item=item,
            source=source,
            is_url=task.is_fetched,
            idempotency_key=task.idempotency_key,
            sha256=task.sha256,
            file_name=upload_name(item),
            mime_type=item.mime_type or task.declared_type if item.is_object else item.mime_type,
            purpose=self._parameters.purpose(item),
            custom_metadata=self._parameters.custom_metadata(item),
        )

    async def _signed(self, task: Task) -> HiddenText:
        """A URL of an object, signed for this attempt only: identity and journal have the object's URI."""
        url = await signed_url(*self._stores.of(str(task.item.source), task.options))
        return HiddenText(url.reveal())

    def _seconds_left(self, task: Task) -> float | None:
        limit = self._options.item_deadline
        if limit is None:
            return None
        left = limit if task.began is None else limit - (self._time.monotonic() - task.began)
        if left <= 0:
            raise DeadlineExceededError(f"{task.key!r} was not stored within {limit:g} s")
        return left
