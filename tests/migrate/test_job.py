"""Moving images from imgix to Imgwire, from one local service to the other."""

from __future__ import annotations

import json
from pathlib import Path

from imgwire_async import (
    AsyncImgwireClient,
    Skipped,
)
from imgwire_async.imgix import AsyncImgixClient
from imgwire_async.sandbox import ImgixSandbox, Sandbox
from tests.ingest.support import server_images
from tests.migrate.support import NO_IMAGES, counts, fill, migrate

IMAGES = 56


async def test_every_asset_becomes_one_image_with_its_metadata_or_is_skipped_with_its_reason(
    imgix: AsyncImgixClient,
    client: AsyncImgwireClient,
    sandbox: Sandbox,
    server: ImgixSandbox,
    tmp_path: Path,
) -> None:
    source_id = server.add_source("shop")
    fill(server, source_id, IMAGES)
    for path, data in NO_IMAGES.items():
        server.add_file(source_id, path, data)

    outcomes, report = await migrate(
        imgix, client, server, journal=tmp_path / "j", on_alt_text="custom_fields.alt"
    )

    assert counts(report) == (IMAGES, 0, len(NO_IMAGES), 0)
    skipped = {outcome.key: outcome for outcome in outcomes if isinstance(outcome, Skipped)}
    assert {key.partition("/")[2] for key in skipped} == {path[1:] for path in NO_IMAGES}
    assert skipped[f"{source_id}/docs/terms.pdf"].detail == "application/pdf: a document"
    assert skipped[f"{source_id}/clips/intro.mp4"].detail == "video/mp4: a video"

    images = {str(image.custom_metadata["origin_path"]): image for image in await server_images(client)}
    assert len(images) == IMAGES
    for number in range(IMAGES):
        image = images[path := f"/photos/{number:04} é.png"]
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
            expected["categories"] = json.dumps(["shoes", "red, dark"])
        if number % 5 == 0:
            expected["tags"] = json.dumps({"beach": 0.98, "sea": 0.5})
        found = dict(image.custom_metadata)
        assert found.pop("date_created")
        assert found == expected
        assert image.original_filename == f"{number:04} é.png"
        assert (image.status, image.mime_type) == ("READY", "image/png")

    sandbox.requests.clear()
    _, again = await migrate(imgix, client, server, journal=tmp_path / "j", on_alt_text="custom_fields.alt")
    assert counts(again) == (0, IMAGES, len(NO_IMAGES), 0)
    assert not [request for request in sandbox.requests if request.method != "GET"]
