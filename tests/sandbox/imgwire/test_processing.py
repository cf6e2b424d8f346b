"""Processing of stored bytes."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import pyvips
from PIL import Image

from imgwire_async.sandbox import SandboxSettings
from imgwire_async.sandbox.imgwire.storage import processing
from imgwire_async.sandbox.server.runtime import IMAGE_THREADS
from tests.sandbox.imgwire.support import PUBLIC, Api, encode, eventually, photograph, sha256

FORMATS = [
    ("JPEG", "a.jpg", "image/jpeg", True),
    ("PNG", "a.png", "image/png", True),
    ("WEBP", "a.webp", "image/webp", True),
    ("AVIF", "a.avif", "image/avif", True),
    ("GIF", "a.gif", "image/gif", True),
    ("HEIF", "a.heic", "image/heic", False),
    ("TIFF", "a.tif", "image/tiff", False),
    ("BMP", "a.bmp", "image/bmp", False),
    ("ICO", "a.ico", "image/vnd.microsoft.icon", False),
    ("JXL", "a.jxl", "image/jxl", False),
]


@pytest.mark.parametrize(("format", "name", "mime_type", "deliverable"), FORMATS)
def test_every_supported_type_becomes_ready(
    api: Api, format: str, name: str, mime_type: str, deliverable: bool
) -> None:
    options = {"sizes": [(120, 80)]} if format == "ICO" else {}
    data = encode(format, (120, 80), **options)

    image = api.upload(data, file_name=name)

    assert (image["status"], image["width"], image["height"]) == ("READY", 120, 80)
    assert (image["mime_type"], image["extension"]) == (mime_type, name.partition(".")[2])
    assert image["is_directly_deliverable"] is deliverable
    assert image["hash_sha256"] == sha256(data)
    delivered = PUBLIC.get(image["cdn_url"])
    assert delivered.content == data
    assert delivered.headers["content-type"] == mime_type


@pytest.mark.parametrize(("format", "name"), [(row[0], row[1]) for row in FORMATS])
def test_truncated_images_are_quarantined(api: Api, format: str, name: str) -> None:
    data = encode(format, (300, 200))

    image = api.upload(data[: len(data) * 6 // 10], file_name=name)

    assert image["status"] == "QUARANTINE"
    assert PUBLIC.get(image["cdn_url"]).status_code == 404


@pytest.mark.parametrize(("format", "name"), [(row[0], row[1]) for row in FORMATS])
def test_a_header_followed_by_rubbish_is_quarantined(api: Api, format: str, name: str) -> None:
    data = encode(format)

    image = api.upload(data[:32] + b"rubbish" * 100, file_name=name)

    assert image["status"] == "QUARANTINE"


@pytest.mark.parametrize(
    "data",
    [b"", b"not an image", b"<svg xmlns='http://www.w3.org/2000/svg'/>", encode("PNG"), photograph()[::-1]],
    ids=["empty", "text", "svg", "png", "reversed"],
)
def test_bytes_declared_as_jpeg_that_are_not_one_are_quarantined(api: Api, data: bytes) -> None:
    assert api.upload(data, file_name="a.jpg")["status"] == "QUARANTINE"


def test_exif_is_extracted_and_the_size_is_the_stored_one(api: Api) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = 6  # rotated by 90 degrees

    image = api.upload(encode("JPEG", (120, 80), exif=exif), file_name="a.jpg")

    assert image["exif_data"]["Make"] == "Maker"
    assert image["exif_data"]["Orientation"] == 6
    assert (image["width"], image["height"]) == (120, 80)


def test_an_animation_shows_the_size_of_one_frame(api: Api) -> None:
    frames = [Image.new("RGB", (60, 40), color) for color in ("red", "green", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])

    image = api.upload(buffer.getvalue(), file_name="a.gif")

    assert (image["status"], image["width"], image["height"]) == ("READY", 60, 40)


def test_all_frames_count_towards_the_pixel_limit(start_api: Callable[..., Api]) -> None:
    frames = [Image.new("RGB", (60, 40), color) for color in ("red", "green", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    api = start_api(maximum_pixels=60 * 40 * 2)

    assert api.upload(buffer.getvalue(), file_name="a.gif")["status"] == "QUARANTINE"
    assert api.upload(encode("GIF", (60, 40)), file_name="a.gif")["status"] == "READY"


def png_of(width: int, height: int) -> bytes:
    """A small PNG that declares a huge area."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


def test_more_than_250_megapixels_are_quarantined_without_decoding(api: Api) -> None:
    assert api.upload(png_of(25_001, 10_000), file_name="a.png")["status"] == "QUARANTINE"


def test_photographs_of_pyvips_are_accepted(api: Api) -> None:
    vips = pyvips.Image.new_from_buffer(photograph("chelsea.png"), "").thumbnail_image(100)

    for suffix in (".jpg", ".png", ".webp", ".tif", ".gif", ".avif"):
        assert api.upload(vips.write_to_buffer(suffix), file_name=f"a{suffix}")["status"] == "READY"


def test_a_wrong_declared_hash_ends_in_quarantine(api: Api) -> None:
    data = photograph()

    assert api.upload(data, hash_sha256="0" * 64)["status"] == "QUARANTINE"
    assert api.upload(data, hash_sha256=sha256(data).upper())["status"] == "READY"
    assert api.upload(data, hash_sha256="not a hash")["status"] == "READY"


def test_a_wrong_declared_hash_can_be_ignored(start_api: Callable[..., Api]) -> None:
    api = start_api(hash_mismatch="ignore")

    assert api.upload(photograph(), hash_sha256="0" * 64)["status"] == "READY"


def test_processing_can_be_delayed(start_api: Callable[..., Api]) -> None:
    api = start_api(processing_delay=2.0)
    data = photograph()
    created = api.create(data)
    PUBLIC.put(created["upload_url"], content=data, headers={"Content-Type": "image/jpeg"})

    image = api.retrieve(created["image"]["id"])

    assert (image["status"], image["can_upload"], image["size_bytes"]) == ("PROCESSING", False, len(data))
    assert api.settled(image["id"])["status"] == "READY"


def test_other_requests_are_answered_while_a_large_image_is_decoded(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, enough, inspect = 0, threading.Event(), processing._inspect

    def inspect_until_enough(*arguments: Any) -> Any:
        found = inspect(*arguments)
        enough.wait(60)
        return found

    monkeypatch.setattr(processing, "_inspect", inspect_until_enough)
    large = Image.new("RGB", (8000, 6000), "red")
    buffer = io.BytesIO()
    large.save(buffer, "PNG", compress_level=1)
    created = api.create(buffer.getvalue(), file_name="large.png")
    PUBLIC.put(created["upload_url"], content=buffer.getvalue(), headers={"Content-Type": "image/png"})
    image_id = created["image"]["id"]

    def ready() -> bool:
        nonlocal answered
        answered += 1
        if answered > 5:
            enough.set()
        return bool(api.retrieve(image_id)["status"] == "READY")

    eventually(ready)

    assert answered > 5


def stored(api: Api) -> str:
    data = photograph()
    created = api.create(data)
    PUBLIC.put(created["upload_url"], content=data, headers={"Content-Type": "image/jpeg"})
    return str(created["image"]["id"])


def test_processing_can_end_after_a_number_of_reads(start_api: Callable[..., Api]) -> None:
    api = start_api(processing_reads=2)
    image_id = stored(api)

    statuses = [api.retrieve(image_id)["status"] for _ in range(4)]

    assert statuses == ["PROCESSING", "PROCESSING", "READY", "READY"]


def test_a_delay_counts_on_the_clock_of_the_settings(start_api: Callable[..., Api]) -> None:
    now = 1_000_000.0
    api = start_api(processing_delay=3600, clock=lambda: now)
    image_id = stored(api)

    before = api.retrieve(image_id)["status"]
    now += 3600

    assert (before, api.retrieve(image_id)["status"]) == ("PROCESSING", "READY")


def test_a_negative_number_of_reads_is_rejected() -> None:
    with pytest.raises(ValueError, match="processing_reads"):
        SandboxSettings(processing_reads=-1)


def test_pictures_being_rendered_do_not_delay_uploads(api: Api) -> None:
    end = threading.Event()
    renders = [
        api.sandbox._running.runtime.rendering_threads.submit(end.wait, 60) for _ in range(2 * IMAGE_THREADS)
    ]
    try:
        image = api.upload(encode("PNG"), file_name="a.png")
        assert image["status"] == "READY"
        assert not any(render.done() for render in renders)
    finally:
        end.set()
