"""Reading objects of cloud stores before they are sent: many concurrently, each one once.

If a bucket slows down or fails, its items wait here and the job's health of the service is not affected: the
bucket's own health decides whether an object or the whole bucket fails.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import anyio

from imgwire_async.bodies.image_types import EXTENSIONS, SNIFF_BYTES, image_type_of
from imgwire_async.core.concurrency.threads import in_thread
from imgwire_async.core.pace.local_limits import say_once
from imgwire_async.core.time import Time
from imgwire_async.errors import (
    DeadlineExceededError,
    ImgwireError,
    InvalidArgumentError,
    SourceStoreError,
    StoreError,
    UnsupportedImageTypeError,
)
from imgwire_async.ingest.items import Entry, IngestItem, Stamp
from imgwire_async.ingest.options import WHOLE
from imgwire_async.ingest.shards.preparing import Task
from imgwire_async.stores.listing import slices
from imgwire_async.stores.opening import OpenStores, Store
from imgwire_async.stores.reading import ObjectInfo, look, opened, reading
from imgwire_async.stores.signing import signs_here
from imgwire_async.stores.uris import ObjectUri, file_name

T = TypeVar("T")

ATTEMPTS: Final = 5
"""An object fails after this many failed reads while others of its bucket can be read."""
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0
"""Seconds between reads: random, below a bound that doubles from the first delay to the longest."""
DENIED: Final = 3
"""After this many denied objects and no readable one, listing the bucket shows if all of it is denied."""
SILENT: Final = 5.0
"""Seconds without a response after which a warning reports that the job waits for a bucket."""
READ_IN_THREAD: Final = 128 * 1024
"""Objects up to this many bytes are read by the threads that hash them. The system receives as much before
anything asks for it, so the objects of a group hardly wait for each other."""
_LOOKS: Final = 64
"""Objects whose properties are requested concurrently."""


@dataclass(slots=True)
class _Bucket:
    """An open bucket, and the results of reading from it so far."""

    store: Store

    answered_at: float
    answers: int = 0
    denied: int = 0
    trouble: str | None = None
    """Why the last read failed; None once the bucket responds again."""
    waiting: int = 0
    """Failed reads that will be retried."""
    lists: bool | None = None
    """Whether the bucket can be listed; None if not yet tried."""


class ObjectReader:
    """Reads the objects of a job.

    Args:
        checksum: whether large objects are read as well, for a hash of their content.
        by_url: whether the service fetches objects whose URLs can be signed without a request.
        max_pause: seconds after which a bucket that does not respond stops the job.
        limit: seconds that reading one object may take; math.inf for no limit.
        time: clock to read and to wait on.
        rng: source of randomness.
    """

    def __init__(
        self,
        *,
        checksum: bool = False,
        by_url: bool = False,
        max_pause: float,
        limit: float,
        time: Time,
        rng: random.Random,
    ) -> None:
        self._checksum = checksum
        self._by_url = by_url
        self._max_pause = max_pause
        self._limit = limit
        self._time = time
        self._rng = rng
        self._stores = OpenStores()
        self._buckets: dict[Store, _Bucket] = {}
        self._signs: dict[tuple[object, ...], bool] = {}

    @property
    def waiting_for(self) -> str | None:
        """The bucket that the job waits for, and why; None while all buckets respond."""
        for bucket in self._buckets.values():
            if bucket.waiting and bucket.trouble is not None:
                return f"waiting for {bucket.store.uri}: {bucket.trouble}"
        return None

    async def choose_transfer(self, tasks: list[Task]) -> None:
        """Mark the objects that the service will fetch, so that no memory is reserved for them."""
        if not self._by_url:
            return
        for task in tasks:
            if task.item.is_object and not task.confirm:
                with suppress(InvalidArgumentError):  # reading it reports the error
                    task.by_url = await self._signs_here(ObjectUri.of(str(task.item.source)), task.options)

    async def _signs_here(self, uri: ObjectUri, options: Mapping[str, str] | None) -> bool:
        bucket = str(uri.with_key("")), None if options is None else tuple(options.items())
        if bucket not in self._signs:
            self._signs[bucket] = await in_thread(lambda: signs_here(uri, options))
            if not self._signs[bucket]:
                say_once(
                    f"the objects of {bucket[0]} are read and sent, because with these credentials every "
                    "signed URL would cost a request"
                )
        return self._signs[bucket]

    async def read_all(self, group: list[Task], *, whole: bool) -> list[ImgwireError | None]:
        """Read the objects among some items concurrently.

        Args:
            group: the items.
            whole: whether to read all of every small object, instead of leaving that to `prepare`.

        Returns:
            The error of each item, or None.
        """
        problems: list[ImgwireError | None] = [None] * len(group)

        async def read_one(number: int, task: Task) -> None:
            async def read(store: Store, key: str) -> None:
                await self._read(task, store, key, whole=whole)

            problems[number] = await self._guarded(task.item, task.options, read)

        async with anyio.create_task_group() as tasks:
            for number, task in enumerate(group):
                if task.item.is_object and not task.confirm:
                    tasks.start_soon(read_one, number, task)
        return problems

    async def wait_until_readable(self, task: Task) -> ImgwireError | None:
        """Wait until an object whose upload broke off is accessible. Returns the error if it never is."""

        async def glance(store: Store, key: str) -> None:
            await look(store, key)

        return await self._guarded(task.item, task.options, glance)

    async def look_at(self, entries: list[Entry]) -> list[Entry]:
        """Add to the entries the stamps of their objects, or their problems."""
        looked = list(entries)
        places = anyio.Semaphore(_LOOKS)

        async def look_at_one(number: int, item: IngestItem) -> None:
            async def glance(store: Store, key: str) -> None:
                info = await look(store, key)
                stamp = Stamp(size=info.size, version=info.version)
                looked[number] = replace(looked[number], stamp=stamp)

            async with places:
                problem = await self._guarded(item, looked[number].options, glance)
            if problem is not None:
                looked[number] = replace(looked[number], problem=problem)

        async with anyio.create_task_group() as tasks:
            for number, entry in enumerate(entries):
                if entry.item is not None:
                    tasks.start_soon(look_at_one, number, entry.item)
        return looked

    async def _guarded(
        self,
        item: IngestItem,
        options: Mapping[str, str] | None,
        work: Callable[[Store, str], Awaitable[None]],
    ) -> ImgwireError | None:
        """Do something with an object, retrying while its bucket does not respond. Returns the last error."""
        try:
            bucket, key = self._bucket_of(str(item.source), options)
            with nullcontext() if self._limit == math.inf else self._time.move_on_after(self._limit):
                await self._patiently(bucket, key, work)
                return None
            raise DeadlineExceededError(f"{item.source!r} could not be read within {self._limit:g} s")
        except ImgwireError as error:
            return error

    def _bucket_of(self, source: str, options: Mapping[str, str] | None) -> tuple[_Bucket, str]:
        store, key = self._stores.of(source, options)
        if store not in self._buckets:
            self._buckets[store] = _Bucket(store, self._time.monotonic())
        return self._buckets[store], key

    async def _patiently(
        self, bucket: _Bucket, key: str, work: Callable[[Store, str], Awaitable[None]]
    ) -> None:
        failures = tries = 0
        try:
            while True:
                answers = bucket.answers
                try:
                    await work(bucket.store, key)
                except StoreError as error:
                    if not error.is_transient:
                        await self._note_answer(bucket, key, error)
                        raise
                    bucket.waiting += not tries
                    tries += 1
                    # While no other object can be read either, the bucket is at fault and not this object.
                    failures += bucket.answers > answers
                    if failures >= ATTEMPTS:
                        raise
                    self._note_silence(bucket, error)
                else:
                    bucket.answered_at, bucket.trouble = self._time.monotonic(), None
                    bucket.answers += 1
                    return
                longest = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(tries - 1, 10))
                await self._time.sleep(self._rng.uniform(0.0, longest))
        finally:
            bucket.waiting -= tries > 0

    def _note_silence(self, bucket: _Bucket, error: StoreError) -> None:
        bucket.trouble = error.message
        silent = self._time.monotonic() - bucket.answered_at
        if silent > SILENT:
            say_once(f"waiting for {bucket.store.uri}: {error.message}")
        if silent > self._max_pause:
            raise SourceStoreError(
                f"nothing could be read from {bucket.store.uri} for {silent:.0f} s: {error.message}",
                reason="outage",
                status=error.status,
            ) from None

    async def _note_answer(self, bucket: _Bucket, key: str, error: StoreError) -> None:
        """Record that the store permanently rejected an object, and check whether it rejects all of them."""
        bucket.answered_at, bucket.trouble = self._time.monotonic(), None
        if error.reason != "denied":
            return
        bucket.denied += 1
        if bucket.answers or bucket.denied < DENIED:
            return
        if bucket.lists is None:
            bucket.lists = await _lists(bucket.store, key.rpartition("/")[0])
        if not (bucket.lists or bucket.answers):
            raise SourceStoreError(
                f"access to {bucket.store.uri} is denied: no object can be read, and it cannot be listed; "
                "check the permissions of these credentials",
                reason="bucket_denied",
                status=error.status,
            )

    async def _read(self, task: Task, store: Store, key: str, *, whole: bool) -> None:
        name = task.item.file_name or file_name(key)
        if task.by_url and task.stamp is None:
            info = await look(store, key)
            task.stamp = Stamp(size=info.size, version=info.version)
        if task.stamp is not None and not task.stamp.size:
            task.content = b""  # such as the marker of a folder
            task.by_url = False
            return
        is_large = task.stamp is not None and task.stamp.size > WHOLE
        # An object that has grown since it was listed has too little memory reserved.
        most = min(WHOLE, task.charge or WHOLE)
        if task.by_url or (is_large and not self._checksum):
            if task.item.mime_type is not None or image_type_of(b"", name) is not None:
                return
        elif task.stamp is not None and not is_large:
            small = await opened(store, key)
            _take_info(task, small.info)
            in_thread_is_fine = not whole and self._limit == math.inf  # nothing ends such a read early
            if in_thread_is_fine and small.info.size <= min(most, READ_IN_THREAD):
                task.read_content = small.whole_in_thread
                return
            if small.info.size <= most:
                task.content = await small.whole()
                return
        async with reading(store, key) as stream:
            _take_info(task, stream.info)
            task.content = None
            if stream.info.size <= most and not task.by_url:
                task.content = await stream.whole()
                return
            first = b""
            async for chunk in stream.chunks:
                first += chunk
                if len(first) >= SNIFF_BYTES:
                    break
            kind = task.item.mime_type or image_type_of(first[:SNIFF_BYTES], name) or task.declared_type
            if kind is None:
                raise UnsupportedImageTypeError(
                    f"{task.key!r} is not a supported image, judging by content and name"
                )
            if self._checksum:
                digest = hashlib.sha256(first)
                async for chunk in stream.chunks:
                    digest.update(chunk)
                task.sha256 = digest.digest()


def _take_info(task: Task, info: ObjectInfo) -> None:
    task.stamp = Stamp(size=info.size, version=info.version)
    declared = (info.content_type or "").partition(";")[0].strip().lower()
    task.declared_type = declared if declared in EXTENSIONS.values() else None


async def _lists(store: Store, prefix: str) -> bool:
    try:
        async with aclosing(slices(store, prefix)) as listed:
            async for _ in listed:
                break
    except StoreError as error:
        return error.reason not in {"bucket_denied", "credentials"}
    return True
