"""The hash of what is sent."""

from __future__ import annotations

import hashlib

from anyio import to_thread

from imgwire_async.bodies.base import Patience
from imgwire_async.core.body import Body
from imgwire_async.core.concurrency.cancellation import ForeignCode
from imgwire_async.errors import UploadSourceError


async def sha256_of(body: Body, patience: Patience) -> str:
    """SHA-256 of all bytes in lower-case hexadecimal digits, computed in worker threads.

    Raises:
        APITimeoutError: reading the source stalled.
    """
    digest = hashlib.sha256()
    async with body.open() as chunks:
        while True:
            with patience.step(), ForeignCode("the source", UploadSourceError):
                chunk = await anext(chunks, None)
            if chunk is None:
                break
            await to_thread.run_sync(digest.update, chunk)
    return digest.hexdigest()
