"""Buffers a file while it arrives: a small one in memory, a large one in a temporary file."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import IO, Final, cast
from uuid import uuid4

from imgwire_async.core.concurrency.descriptors import while_lacking
from imgwire_async.core.concurrency.threads import in_thread
from imgwire_async.downloads.file_objects import BLOCK_SIZE, target_error

IN_MEMORY: Final = 1024 * 1024
"""Maximum size of a file kept in memory; a larger one goes through a temporary file."""


class Spool:
    """Takes a download, hashes it, and keeps it until it is discarded.

    Args:
        folder: where the temporary file is created, with default permissions; created if it does not exist.
            Default: the system's temporary folder, with a file readable by its owner only.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._parts: list[bytes] = []
        self._waiting = 0
        self._digest = hashlib.sha256()
        self._file: IO[bytes] | None = None
        self.size = 0
        """Bytes that have arrived."""

    @property
    def sha256(self) -> bytes:
        """Of all bytes."""
        return self._digest.digest()

    async def content(self) -> bytes | Path:
        """The bytes, or the open file that holds all of them.

        Raises:
            DownloadTargetError: the temporary file cannot be written.
        """
        if self._file is None:
            return b"".join(self._parts)
        await while_lacking(lambda: in_thread(self._write))
        return Path(self._file.name)

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            DownloadTargetError: the temporary file cannot be written.
        """
        self._digest.update(chunk)
        self.size += len(chunk)
        self._parts.append(chunk)
        self._waiting += len(chunk)
        if self._waiting > (IN_MEMORY if self._file is None else BLOCK_SIZE):
            await while_lacking(lambda: in_thread(self._write))

    def _write(self) -> None:
        try:
            if self._file is None:
                self._file = _new_file(self._folder)
            rest = b"".join(self._parts)
            while rest:
                self._parts = [rest]  # what cannot be written stays
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise target_error("a temporary file", error) from error
        self._parts, self._waiting = [], 0

    async def restart(self) -> bool:
        """Forget what has arrived."""
        await self.discard()
        self._digest = hashlib.sha256()
        return True

    async def discard(self) -> None:
        """Delete the temporary file, unless it was moved elsewhere."""
        file, self._file = self._file, None
        self._parts, self._waiting, self.size = [], 0, 0
        if file is not None:
            await in_thread(lambda: _delete(file))


async def chunks_of(content: bytes | Path) -> AsyncGenerator[bytes, None]:
    """The content of a spool, in blocks. Closed by the task that iterates."""
    if isinstance(content, bytes):
        yield content
        return
    file = await while_lacking(lambda: in_thread(lambda: content.open("rb", buffering=0)))
    try:
        while chunk := await in_thread(lambda: file.read(BLOCK_SIZE)):
            yield chunk
    finally:
        await in_thread(file.close)


def _new_file(folder: Path | None) -> IO[bytes]:
    if folder is None:
        # Not deleted when it is closed: Windows opens such a file only once.
        return tempfile.NamedTemporaryFile(prefix="imgwire-async-", buffering=0, delete=False)
    folder.mkdir(parents=True, exist_ok=True)
    # With default permissions, because it may be kept.
    return cast("IO[bytes]", (folder / uuid4().hex).open("xb", buffering=0))


def _delete(file: IO[bytes]) -> None:
    file.close()
    Path(os.fspath(file.name)).unlink(missing_ok=True)
