"""Images to export, exports, and the fields by which records are compared."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from imgwire_async import AsyncImgwireClient, Image, Report
from tests.ingest.support import Outcome, small_image

NAMES = ("hero.png", "HERO.PNG", "con.png", "../up.png", "a:b?.png", "Ärger 🚀.png", "x\ty.png", "no suffix")


async def ready_image(client: AsyncImgwireClient, number: int, **arguments: Any) -> Image:
    """Upload an image and wait until it is READY."""
    image = await client.images.upload(small_image(number), **arguments)
    return await client.images.wait_until_ready(image.id)


async def stored_images(client: AsyncImgwireClient, count: int) -> list[Image]:
    """This many READY images with unusual names and all kinds of metadata."""
    for number in range(count):
        metadata = {"number": number, "ratio": 0.5, "yes": True, "text": " ünï\n"}
        await ready_image(
            client,
            number,
            file_name=NAMES[number % len(NAMES)],
            purpose=None if number % 3 == 0 else "a, 'quoted' purpose",
            custom_metadata=None if number % 4 == 0 else metadata,
        )
    return [image async for image in client.images.list(limit=100)]


async def export(client: AsyncImgwireClient, to: Any, **arguments: Any) -> tuple[list[Outcome], Report]:
    """Run an export; returns all outcomes and the report."""
    async with client.export(to, **{"concurrency": 8} | arguments) as job:
        outcomes: list[Outcome] = [outcome async for outcome in job]
        return outcomes, job.report


def rows(folder: Path, name: str = "manifest.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def facts(image: Image) -> tuple[str, ...]:
    """The facts about an image that importing the export must reproduce."""
    return (
        image.original_filename,
        str(image.mime_type),
        image.purpose or "",
        json.dumps(dict(image.custom_metadata), sort_keys=True),
        str(image.size_bytes),
        image.hash_sha256 or "",
    )
