"""Processing of an image after its bytes have arrived: PROCESSING, then READY or QUARANTINE."""

from __future__ import annotations

import asyncio
import contextlib
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from imgwire_async.sandbox.imgwire.runtime import Processing, Runtime
from imgwire_async.sandbox.imgwire.storage import records
from imgwire_async.sandbox.pictures.inspection import UnacceptableImageError
from imgwire_async.sandbox.pictures.types import SupportedMimeType
from imgwire_async.sandbox.server.runtime import logger

if TYPE_CHECKING:
    from imgwire_async.sandbox.pictures.inspection import Inspection

FAILED = "The sandbox failed to process it; see its log."
_SHA256_HEX = re.compile(r"[0-9a-fA-F]{64}")


def start(runtime: Runtime, image_id: str) -> None:
    """Process a record whose bytes are stored and which is PROCESSING."""
    waits = runtime.settings.processing_delay or runtime.settings.processing_reads
    runtime.start_background(
        _process(runtime, image_id),
        name=f"Processing image {image_id}",
        failed=partial(records.mark_quarantined, runtime, image_id, FAILED),
        subject=None if waits else image_id,
    )


async def before_read(runtime: Runtime, image_id: str) -> None:
    """Count a read of the record, on which the end of its processing may depend."""
    await runtime.work_ends(image_id)
    processing = runtime.processing.get(image_id)
    if processing is None:
        return
    if processing.reads:
        processing.reads -= 1
    elif runtime.now() >= processing.due:
        processing.released.set()
        await processing.ended.wait()


async def _process(runtime: Runtime, image_id: str) -> None:
    delay, reads = runtime.settings.processing_delay, runtime.settings.processing_reads
    if not (delay or reads):
        await _examine(runtime, image_id)
        return
    processing = runtime.processing[image_id] = Processing(due=runtime.now() + delay, reads=reads)
    try:
        # The clock of the settings need not be that of the event loop: a read may find the delay passed.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(processing.released.wait(), None if reads else delay)
        await _examine(runtime, image_id)
    finally:
        del runtime.processing[image_id]
        processing.ended.set()


async def _examine(runtime: Runtime, image_id: str) -> None:
    record = records.find(runtime.database.writer, image_id)
    if record is None:
        return
    declared = SupportedMimeType(record["mime_type"]) if record["mime_type_given"] else None
    if _hash_differs(runtime, record):
        logger.info("Image %s is quarantined: its bytes do not have the declared hash_sha256", image_id)
        records.mark_quarantined(runtime, image_id, "Its bytes do not have the declared hash_sha256.")
        return
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(
            runtime.inspecting_threads,
            _inspect,
            runtime.files.original(image_id),
            declared,
            runtime.settings.maximum_pixels,
        )
    except UnacceptableImageError as error:
        logger.info("Image %s is quarantined: %s", image_id, error)
        records.mark_quarantined(runtime, image_id, f"It was rejected: {error}.")
        return
    if declared is None:
        records.set_type(runtime, image_id, found.mime_type)
    records.mark_ready(runtime, image_id, found.width, found.height, found.exif)


def _inspect(path: Path, declared: SupportedMimeType | None, maximum_pixels: int) -> Inspection:
    # Image libraries take a quarter of a second to import. Here that delays neither the start nor the loop.
    from imgwire_async.sandbox.pictures.inspection import inspect

    return inspect(path, declared, maximum_pixels)


def _hash_differs(runtime: Runtime, record: records.Record) -> bool:
    declared = record["declared_hash"]
    if runtime.settings.hash_mismatch == "ignore" or declared is None or not _SHA256_HEX.fullmatch(declared):
        return False
    return bool(declared.lower() != record["hash_sha256"])
