"""A bucket, or a prefix of one, as the target of an export."""

from __future__ import annotations

import errno
import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from pathlib import Path

from imgwire_async.core.concurrency.threads import in_thread
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
        options: how the bucket is opened.
        overwrite: whether to replace objects that exist.

    Raises:
        InvalidArgumentError: the URI names no bucket.
        ConfigurationError: the extra is missing, or an option is of no use.
    """

    is_local = False

    def __init__(self, to: str, options: Mapping[str, str] | None, *, overwrite: bool) -> None:
        uri = ObjectUri.of(to)
        self._prefix = uri.key if not uri.key or uri.key.endswith("/") else f"{uri.key}/"
        self._store = open_store(uri, options)
        self._overwrite = overwrite
        self.name = str(uri.with_key(self._prefix))

    def spool(self) -> Spool:
        """Where a file arrives: nothing is sent to the store before it is complete and compared."""
        return Spool()

    def location(self, path: str) -> str:
        """The URI of an object."""
        return self._store.name(self._key(path))

    def _key(self, path: str) -> str:
        return f"{self._prefix}{path}"

    async def begin(self) -> None:
        """Nothing is to be done: what a killed run has not completed is no object."""

    async def end(self) -> None:
        """Nothing is to be done."""

    async def exists(self, path: str) -> bool:
        """Whether there is an object.

        Raises:
            StoreError: the store does not tell.
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
        """Write an object, which appears when its last byte is there.

        Raises:
            DownloadTargetError: (`errno` is `EEXIST`) the name is taken.
            StoreError: the store does not take it.
        """
        await self._write(path, await spool.content(), overwrite=self._overwrite)

    async def write_manifest(self, path: str, notes: Iterable[str]) -> None:
        """Write the manifest, replacing an older one.

        Raises:
            StoreError: the store does not take it.
        """
        folder = await in_thread(tempfile.TemporaryDirectory)
        try:
            file = Path(folder.name, path)
            await in_thread(lambda: write_rows(str(file), notes))
            await self._write(path, file, overwrite=True)
        finally:
            await in_thread(folder.cleanup)

    async def _write(self, path: str, content: bytes | Path, *, overwrite: bool) -> None:
        try:
            async with aclosing(chunks_of(content)) as chunks:
                await write(self._store, self._key(path), chunks, overwrite=overwrite)
        except StoreError as error:
            if error.reason == "denied":
                # Who may not write one object below the prefix may write none.
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
