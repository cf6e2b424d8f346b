"""A bucket, or a prefix of one, as the target of an export."""

from __future__ import annotations

import errno
import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from pathlib import Path

from imgwire_async.core.concurrency.threads import in_thread
from imgwire_async.downloads.file_objects import target_error
from imgwire_async.downloads.spool import Spool, chunks_of
from imgwire_async.errors import DownloadTargetError, StoreError
from imgwire_async.imgwire.export.folder import write_rows
from imgwire_async.stores.errors import failed
from imgwire_async.stores.opening import open_store
from imgwire_async.stores.reading import look, reading
from imgwire_async.stores.uris import ObjectUri
from imgwire_async.stores.writing import write


class BucketTarget:
    """Writes objects below one prefix. See `imgwire_async.imgwire.export.targets.Target`.

    Args:
        to: URI of the bucket or prefix.
        options: options for opening the bucket.
        overwrite: whether to replace objects that exist.

    Raises:
        InvalidArgumentError: the URI does not name a bucket.
        ConfigurationError: the extra is missing, or an option is invalid.
    """

    is_local = False

    def __init__(self, to: str, options: Mapping[str, str] | None, *, overwrite: bool) -> None:
        uri = ObjectUri.of(to)
        self._prefix = uri.key if not uri.key or uri.key.endswith("/") else f"{uri.key}/"
        self._store = open_store(uri, options)
        self._overwrite = overwrite
        self.name = str(uri.with_key(self._prefix))

    def spool(self) -> Spool:
        """Where a file is received: nothing is sent to the store before it is complete and verified."""
        return Spool()

    def location(self, path: str) -> str:
        """The URI of an object."""
        return self._store.name(self._key(path))

    def _key(self, path: str) -> str:
        return f"{self._prefix}{path}"

    async def begin(self) -> None:
        """Do nothing: uploads that a killed run did not complete leave no object."""

    async def end(self) -> None:
        """Do nothing."""

    async def exists(self, path: str) -> bool:
        """Whether the object exists.

        Raises:
            StoreError: the store cannot be asked.
        """
        try:
            await look(self._store, self._key(path))
        except StoreError as error:
            if error.reason != "missing":
                raise
            return False
        return True

    async def holds(self, path: str, size: int, sha256: bytes) -> bool:
        """Whether there is an object with this content; reads it if it has this size."""
        digest = hashlib.sha256()
        async with reading(self._store, self._key(path)) as found:
            if found.info.size != size:
                return False
            async for chunk in found.chunks:
                digest.update(chunk)
        return digest.digest() == sha256

    async def put(self, path: str, spool: Spool) -> None:
        """Write an object, which appears once it is complete.

        Raises:
            DownloadTargetError: (`errno` is `EEXIST`) the name is taken.
            StoreError: the store rejects it.
        """
        await self._write(path, await spool.content(), overwrite=self._overwrite)

    async def write_manifest(self, path: str, notes: Iterable[str]) -> None:
        """Write the manifest, replacing an older one.

        Raises:
            DownloadTargetError: the temporary folder cannot be written.
            StoreError: the store rejects it.
        """
        folder: tempfile.TemporaryDirectory[str] | None = None
        try:
            folder = await in_thread(tempfile.TemporaryDirectory)
            file = Path(folder.name, path)
            await in_thread(lambda: write_rows(str(file), notes))
            await self._write(path, file, overwrite=True)
        except OSError as error:
            raise target_error("a temporary file", error) from error
        finally:
            if folder is not None:
                await in_thread(folder.cleanup)

    async def _write(self, path: str, content: bytes | Path, *, overwrite: bool) -> None:
        try:
            async with aclosing(chunks_of(content)) as chunks:
                await write(self._store, self._key(path), chunks, overwrite=overwrite)
        except StoreError as error:
            if error.reason == "denied":
                # Without permission for one object below the prefix, there is none for the others.
                what = f"cannot write {self.location(path)!r}"
                raise failed(what, "bucket_denied", error.status, reading=False) from None
            if error.reason != "exists":
                raise
            raise DownloadTargetError(
                f"cannot write {self.location(path)!r}: it exists and is another object; pass overwrite=True "
                "to replace objects",
                errno=errno.EEXIST,
                operation="export",
            ) from None
