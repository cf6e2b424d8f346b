"""Small images, and a way to run a job to its end."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyvips

from imgwire_async import AlreadyStored, AsyncImgwireClient, Failed, Image, Report, Skipped, Stored

Outcome = Stored | AlreadyStored | Skipped | Failed


def small_image(number: int) -> bytes:
    """A PNG with different content for each number."""
    pixels = hashlib.sha256(str(number).encode()).digest() * 6
    return bytes(pyvips.Image.new_from_memory(pixels, 8, 8, 3, "uchar").write_to_buffer(".png"))


def folder_of(path: Path, count: int) -> Path:
    """Create a folder with this many different images."""
    path.mkdir(exist_ok=True)
    for number in range(count):
        (path / f"{number:04}.png").write_bytes(small_image(number))
    return path


async def ingest(client: AsyncImgwireClient, source: Any, **arguments: Any) -> tuple[list[Outcome], Report]:
    """Run a job; returns all outcomes and the report."""
    async with client.ingest(source, **{"concurrency": 8} | arguments) as job:
        outcomes = [outcome async for outcome in job]
        return outcomes, job.report


async def server_images(client: AsyncImgwireClient) -> list[Image]:
    return [image async for image in client.images.list(limit=100)]


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.stored, report.already_stored, report.skipped, report.failed
