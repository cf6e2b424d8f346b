"""The objects in a bucket or below a prefix."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from imgwire_async.core.time import Time
from imgwire_async.errors import StoreError
from imgwire_async.ingest.items import Entry, IngestItem, Stamp, key_text
from imgwire_async.ingest.sources.source import Batch
from imgwire_async.stores.listing import slices
from imgwire_async.stores.opening import Store, open_store
from imgwire_async.stores.reading import ObjectInfo, look
from imgwire_async.stores.uris import ObjectUri

LIST_RETRIES: Final = 8
"""Consecutive retries of a page while the store asks to slow down or cannot be reached."""
_LONGEST_WAIT: Final = 15.0
"""Maximum seconds between two such requests; they double from half a second."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """All objects of a cloud store below a prefix. Keys are paths below it, with `/`.

    They are listed as a stream, in the order of their keys, and sending starts with the first page. Patterns
    work as in `Folder`: one without a slash is compared with names, one with a slash with paths.
    """

    uri: str
    """The bucket, a prefix, or a single object: `s3://bucket/photos/`, `gs://bucket`, `az://container/a.jpg`."""
    include: tuple[str, ...] = ()
    """Only objects that match one of these patterns; empty for all objects."""
    exclude: tuple[str, ...] = ()
    """Skip objects that match one of these patterns, or that are below a folder that matches one."""
    hidden: bool = False
    """Whether to include objects if their name, or the name of a folder they are in, starts with a dot."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Options for opening the bucket that the environment does not set: `endpoint`, `region`, `profile`,
    `access_key_id`, `secret_access_key`, `account_name` and all other options of obstore."""

    def wants(self, relative: str) -> bool:
        """Whether the patterns include an object, by its path below the prefix."""
        folders, _, name = relative.rpartition("/")
        if not self.hidden and (name.startswith(".") or "/." in f"/{folders}"):
            return False
        if self.exclude:
            parts = relative.split("/")
            for end in range(1, len(parts) + 1):
                path = "/".join(parts[:end])
                if any(_fits(pattern, parts[end - 1], path) for pattern in self.exclude):
                    return False
        return not self.include or any(_fits(pattern, name, relative) for pattern in self.include)


def identity_of_bucket(uri: ObjectUri, options: Mapping[str, str]) -> str:
    """The identity of a bucket or prefix, independent of the spelling of its URI.

    Includes the endpoint or the Azure account if each of them has its own buckets.
    """
    where = _option(options, "endpoint")
    if not where and uri.provider == "s3" and uri.endpoint is None:
        where = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT")
    if not where and uri.provider == "az" and uri.account is None:
        where = _option(options, "account_name") or os.environ.get("AZURE_STORAGE_ACCOUNT_NAME")
    return key_text(str(uri).rstrip("/") + (f" at {where.rstrip('/')}" if where else ""))


def _option(options: Mapping[str, str], ending: str) -> str | None:
    return next((value for name, value in options.items() if name.endswith(ending)), None)


class BucketEntries:
    """A bucket as a source of a job.

    Args:
        bucket: the bucket.
        time: for the waits between retries.

    Raises:
        InvalidArgumentError: its URI is not valid.
        ConfigurationError: the extra `cloud` is missing, or an option cannot be used.
    """

    def __init__(self, bucket: Bucket, time: Time) -> None:
        self._bucket = bucket
        self._time = time
        self._uri = ObjectUri.of(bucket.uri)
        # Opened now, so that wrong options are reported before the job starts.
        self._store = open_store(self._uri, bucket.options)
        self._base = str(self._uri.with_key(""))
        self._options = dict(bucket.options) or None
        self.waiting_for: str | None = None
        """See `Patient`."""
        self.identity = identity_of_bucket(self._uri, bucket.options)

    async def batches(self, resume: str | None) -> AsyncGenerator[Batch, None]:
        """The objects in batches, with the last key as the hint.

        Raises:
            SourceStoreError: the bucket cannot be listed.
        """
        prefix = self._uri.key
        if prefix and not prefix.endswith("/"):
            named = await self._named(self._store, prefix)
            if named is not None:
                yield Batch([named])
                return
            prefix += "/"
        after = resume if resume is not None and resume.startswith(prefix) else None
        try:
            async with aclosing(self._listed(prefix, after)) as batches:
                async for batch in batches:
                    yield batch
        finally:
            self.waiting_for = None

    async def _listed(self, prefix: str, after: str | None) -> AsyncGenerator[Batch, None]:
        failures = 0
        while True:
            try:
                async with aclosing(slices(self._store, prefix, after=after)) as listed:
                    async for part in listed:
                        failures, self.waiting_for = 0, None
                        yield Batch(self._entries(part, prefix), part[-1].key)
                        after = part[-1].key
            except StoreError as error:
                failures += 1
                if not error.is_transient or failures > LIST_RETRIES:
                    raise
                self.waiting_for = f"waiting for {self._store.uri}: {error.message}"
            else:
                return
            await self._time.sleep(min(_LONGEST_WAIT, 0.5 * 2.0 ** (failures - 1)))

    async def _named(self, store: Store, key: str) -> Entry | None:
        """The object that the URI names; None if it does not exist, so the URI can only be a prefix."""
        try:
            info = await look(store, key)
        except StoreError as error:
            if error.reason != "missing":
                raise
            return None
        item = IngestItem(self._base + info.key)
        return Entry(key_text(str(item.source)), item, stamp=_stamp(info), options=self._options)

    def _entries(self, part: list[ObjectInfo], prefix: str) -> list[Entry]:
        found = []
        for info in part:
            # The marker of the prefix itself, without its slash.
            if not info.key.startswith(prefix):
                continue
            relative = info.key.removeprefix(prefix)
            if self._bucket.wants(relative):
                item = IngestItem(self._base + info.key, relative)
                entry = Entry(
                    key_text(relative), item, stamp=_stamp(info), from_folder=True, options=self._options
                )
                found.append(entry)
        return found


def _stamp(info: ObjectInfo) -> Stamp:
    return Stamp(size=info.size, version=info.version)


def _fits(pattern: str, name: str, relative: str) -> bool:
    return fnmatchcase(relative if "/" in pattern else name, pattern)
