"""An imgix source with assets of every kind, and a way to run a migration to its end."""

from __future__ import annotations

import random
from typing import Any

import pyvips

from imgwire_async import AlreadyStored, AsyncImgwireClient, Failed, Image, Skipped, Stored
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.imgix import AsyncImgixClient, ImgixRateClass
from imgwire_async.migrate import MigrationReport, migrate_from_imgix
from imgwire_async.sandbox import ImgixSandbox
from tests.ingest.support import small_image

Outcome = Stored[Image] | AlreadyStored | Skipped | Failed

UNLIMITED = dict.fromkeys(ImgixRateClass, RateLimit(1e6, burst=1000))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
NO_IMAGES = {
    "/clips/intro.mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100),
    "/docs/terms.pdf": b"%PDF-1.4\n%%EOF\n",
    "/docs/read me.txt": b"Nothing to see.\n",
    "/logo.svg": SVG,
}
"""Files that Imgwire does not store, by path."""


FIELDS = {"season": "spring", "price": 9.5, "sold": True, "old": None}


def fill(imgix: ImgixSandbox, source_id: str, count: int, *, prefix: str = "/photos") -> None:
    """Put small images with metadata into a source."""
    for number in range(count):
        imgix.add_file(
            source_id,
            f"{prefix}/{number:04} é.png",
            small_image(number + hash_of(source_id)),
            name=f"Photo {number}",
            description=None if number % 3 else f"The {number}th",
            categories=["shoes", "red, dark"] if number % 2 else None,
            tags={"beach": 0.98, "sea": 0.5} if number % 5 == 0 else None,
            custom_fields={
                "season": "spring",
                "price": 9.5,
                "sold": True,
                "old": None,
                "alt": f"Alt {number}",
            },
        )


def expected_metadata(source_id: str, path: str, number: int) -> dict[str, object]:
    """The expected metadata of an asset of `fill`, with `custom_fields.alt` as its alternative text."""
    expected: dict[str, object] = {
        "imgix_id": f"{source_id}{path}",
        "origin_path": path,
        "alt": f"Alt {number}",
        "name": f"Photo {number}",
        "custom_season": "spring",
        "custom_price": 9.5,
        "custom_sold": True,
        "custom_alt": f"Alt {number}",
    }
    if number % 3 == 0:
        expected["description"] = f"The {number}th"
    if number % 2:
        expected["categories"] = '["shoes", "red, dark"]'
    if number % 5 == 0:
        expected["tags"] = '{"beach": 0.98, "sea": 0.5}'
    return expected


def hash_of(source_id: str) -> int:
    """A number from which the images of a source are made, different for each source."""
    return int(source_id[:6], 16) * 100_000


def noise(side: int) -> bytes:
    """A PNG that does not compress."""
    pixels = random.Random(side).randbytes(side * side * 3)
    return bytes(pyvips.Image.new_from_memory(pixels, side, side, 3, "uchar").write_to_buffer(".png"))


def client_of(server: ImgixSandbox, **arguments: Any) -> AsyncImgixClient:
    """A client without rate limits."""
    return AsyncImgixClient(
        server.api_key, base_url=server.base_url, **{"rate_limits": UNLIMITED} | arguments
    )


async def migrate(
    imgix: AsyncImgixClient, imgwire: AsyncImgwireClient, server: ImgixSandbox, **arguments: Any
) -> tuple[list[Outcome], MigrationReport]:
    """Run a migration; returns all outcomes and the report."""
    options: dict[str, Any] = {"concurrency": 8, "rendering_base_url": server.base_url} | arguments
    async with migrate_from_imgix(imgix, imgwire, **options) as job:
        outcomes = [outcome async for outcome in job]
        return outcomes, job.report


def counts(report: MigrationReport) -> tuple[int, int, int, int]:
    return report.stored, report.already_stored, report.skipped, report.failed
