"""Reading objects of cloud stores before they are sent: many at once, and each once.

Where a bucket slows down or fails, its items wait here and the service hears nothing of it: its own health
decides whether an object fails, or the bucket.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
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
from imgwire_async.stores.reading import ObjectInfo, look, read_whole, reading
from imgwire_async.stores.signing import signs_here
from imgwire_async.stores.uris import ObjectUri, file_name

T = TypeVar("T")

ATTEMPTS: Final = 5
"""An object is given up after this many failed readings, while others of its bucket can be read."""
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0
"""Seconds between readings: drawn from 0 to a bound that doubles from the first to the longest."""
DENIED: Final = 3
"""After this many denied objects and no other one, the bucket may be denied: listing it tells."""
SILENT: Final = 5.0
"""Seconds without an answer after which a warning says that a bucket is waited for."""
_LOOKS: Final = 64
"""Objects that are looked at, without being read, at a time."""


@dataclass(slots=True)
class _Bucket:
    """An open bucket, and what reading from it was like so far."""

    store: Store

    answered_at: float
    answers: int = 0
    denied: int = 0
    trouble: str | None = None
    """Why it could not be read last, until it answers again."""
    waiting: int = 0
    """Readings that failed and are to be tried again."""
    lists: bool | None = None
    """Whether it lets itself be listed; None as long as nobody asked."""


class ObjectReader:
    """Reads the objects of a job.

    Args:
        checksum: whether also large objects are read for a hash of their content.
        by_url: whether the service fetches objects where URLs can be signed without a request.
        max_pause: seconds after which a bucket that gives nothing stops the job.
        limit: seconds that reading one object may take; math.inf: any.
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
        """Which bucket is waited for, and why; None while all of them answer."""
        for bucket in self._buckets.values():
            if bucket.waiting and bucket.trouble is not None:
                return f"waiting for {bucket.store.uri}: {bucket.trouble}"
        return None

    async def choose_transfer(self, tasks: list[Task]) -> None:
        """Mark the objects that the service is to fetch, before they take room in memory."""
        if not self._by_url:
            return
        for task in tasks:
            if task.item.is_object and not task.confirm:
                with suppress(InvalidArgumentError):  # reading it tells
                    task.by_url = await self._signs_here(ObjectUri.of(str(task.item.source)), task.options)

    async def _signs_here(self, uri: ObjectUri, options: Mapping[str, str] | None) -> bool:
        bucket = str(uri.with_key("")), None if options is None else tuple(options.items())
        if bucket not in self._signs:
            self._signs[bucket] = await in_thread(lambda: signs_here(uri, options))
            if not self._signs[bucket]:
                say_once(
                    f"the objects of {bucket[0]} are read and sent: with these credentials a signed URL for "
                    "each of them would cost a request"
                )
        return self._signs[bucket]

    async def read_all(self, group: list[Task]) -> list[ImgwireError | None]:
        """Read the objects among some items, all at once.

        Returns:
            For each item what is wrong with it.
        """
        problems: list[ImgwireError | None] = [None] * len(group)

        async def read_one(number: int, task: Task) -> None:
            async def read(store: Store, key: str) -> None:
                await self._read(task, store, key)

            problems[number] = await self._guarded(task.item, task.options, read)

        async with anyio.create_task_group() as tasks:
            for number, task in enumerate(group):
                if task.item.is_object and not task.confirm:
                    tasks.start_soon(read_one, number, task)
        return problems

    async def wait_until_readable(self, task: Task) -> ImgwireError | None:
        """Wait until an object whose sending broke off can be looked at; what is wrong if it never can."""

        async def glance(store: Store, key: str) -> None:
            await look(store, key)

        return await self._guarded(task.item, task.options, glance)

    async def look_at(self, entries: list[Entry]) -> list[Entry]:
        """The entries with the stamps of their objects, or with what is wrong with them."""
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
        """Do something with an object, again while its bucket does not answer; what is wrong in the end."""
        try:
            bucket, key = self._bucket_of(str(item.source), options)
            with self._time.move_on_after(self._limit):
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
                    # While no other object can be read either, it is not this one that fails.
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
        """Learn that the store refused an object for good, and find out whether it refuses all of them."""
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

    async def _read(self, task: Task, store: Store, key: str) -> None:
        name = task.item.file_name or file_name(key)
        if task.by_url and task.stamp is None:
            info = await look(store, key)
            task.stamp = Stamp(size=info.size, version=info.version)
        if task.stamp is not None and not task.stamp.size:
            task.content = b""  # such as the marker of a folder
            task.by_url = False
            return
        is_large = task.stamp is not None and task.stamp.size > WHOLE
        # One that has grown since it was listed has no room in memory.
        most = min(WHOLE, task.charge or WHOLE)
        if task.by_url or (is_large and not self._checksum):
            if task.item.mime_type is not None or image_type_of(b"", name) is not None:
                return
        elif task.stamp is not None and not is_large:
            info, task.content = await read_whole(store, key, most=most)
            _take_info(task, info)
            if task.content is not None:
                return
        async with reading(store, key) as opened:
            _take_info(task, opened.info)
            task.content = None
            if opened.info.size <= most and not task.by_url:
                task.content = await opened.whole()
                return
            first = b""
            async for chunk in opened.chunks:
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
                async for chunk in opened.chunks:
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
