"""The target of an export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from imgwire_async.downloads.spool import Spool
from imgwire_async.stores.uris import is_object


class Target(Protocol):
    """A folder, or a prefix of a bucket. Paths are relative to it, with slashes."""

    @property
    def name(self) -> str:
        """The full path, or the URI."""
        ...

    @property
    def is_local(self) -> bool:
        """Whether a file can be checked without a request."""
        ...

    def spool(self) -> Spool:
        """Where a file is received until it is complete."""
        ...

    def location(self, path: str) -> str:
        """The full path or URI of a file."""
        ...

    async def begin(self) -> None:
        """Prepare for a run, and remove incomplete files of a killed one."""
        ...

    async def end(self) -> None:
        """Remove incomplete files."""
        ...

    async def exists(self, path: str) -> bool:
        """Whether anything with this name exists."""
        ...

    async def holds(self, path: str, size: int, sha256: bytes) -> bool:
        """Whether there is a file with this content."""
        ...

    async def put(self, path: str, spool: Spool) -> None:
        """Move a complete file into place.

        Raises:
            DownloadTargetError: it cannot be written, or (`errno` is `EEXIST`) the name is taken.
        """
        ...

    async def write_manifest(self, path: str, notes: Iterable[str]) -> None:
        """Write or replace the manifest, in one step.

        Args:
            path: path of the manifest.
            notes: its rows as JSON; reading them blocks.
        """
        ...


def open_target(to: str, mark: str, options: Mapping[str, str] | None, *, overwrite: bool) -> Target:
    """The target of an export. Makes no request.

    Args:
        to: path of a folder, or URI of a bucket or prefix.
        mark: identifies the job.
        options: options of the bucket, see `imgwire_async.stores.opening.open_store`.
        overwrite: whether to replace files that exist.

    Raises:
        InvalidArgumentError: the URI does not name a bucket.
        ConfigurationError: the extra for buckets is missing.
    """
    if is_object(to):
        from imgwire_async.imgwire.export.bucket import BucketTarget

        return BucketTarget(to, options, overwrite=overwrite)
    from imgwire_async.imgwire.export.folder import FolderTarget

    return FolderTarget(to, mark, overwrite=overwrite)
