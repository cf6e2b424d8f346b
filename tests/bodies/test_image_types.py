"""Image types are detected from the content: real files of every type, and arbitrary bytes."""

from __future__ import annotations

import io
import struct
import warnings
from importlib.resources import files

import pillow_heif
import pillow_jxl  # noqa: F401 - registers the format with Pillow
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgwire_async.bodies.image_types import EXTENSIONS, SNIFF_BYTES, extension_of, image_type_of
from imgwire_async.models import SupportedMimeType


def encoded(format: str, **options: object) -> bytes:
    pillow_heif.register_heif_opener()
    photograph = files("skimage") / "data" / "chelsea.png"
    image = Image.open(io.BytesIO(photograph.read_bytes())).convert("RGB").resize((48, 32))
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.save(buffer, format, **options)
    return buffer.getvalue()


def by_vips(suffix: str, **options: object) -> bytes:
    photograph = files("skimage") / "data" / "chelsea.png"
    image = pyvips.Image.new_from_buffer(photograph.read_bytes(), "")
    content: bytes = image.write_to_buffer(suffix, **options)
    return content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (lambda: encoded("JPEG"), "image/jpeg"),
        (lambda: encoded("JPEG", progressive=True), "image/jpeg"),
        (lambda: encoded("PNG"), "image/png"),
        (lambda: encoded("GIF"), "image/gif"),
        (lambda: encoded("WEBP"), "image/webp"),
        (lambda: encoded("WEBP", lossless=True), "image/webp"),
        (lambda: encoded("AVIF"), "image/avif"),
        (lambda: by_vips(".avif"), "image/avif"),
        (lambda: encoded("HEIF"), "image/heic"),
        (lambda: encoded("BMP"), "image/bmp"),
        (lambda: encoded("ICO"), "image/vnd.microsoft.icon"),
        (lambda: encoded("TIFF"), "image/tiff"),
        (lambda: by_vips(".tif", bigtiff=True), "image/tiff"),
        (lambda: encoded("JXL"), "image/jxl"),
        (lambda: encoded("JXL", use_container=True), "image/jxl"),
    ],
    ids=range(15),
)
def test_real_files_of_every_type_are_known_by_their_content(content: object, expected: str) -> None:
    assert callable(content)
    assert image_type_of(content()[:SNIFF_BYTES], "misleading.png") == expected


def box(major: bytes, *compatible: bytes) -> bytes:
    brands = b"".join(compatible)
    return struct.pack(">I", 16 + len(brands)) + b"ftyp" + major + b"\0\0\0\0" + brands


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"II*\0\x08\0\0\0", "image/tiff"),
        (b"MM\0*\0\0\0\x08", "image/tiff"),
        (b"II+\0\x08\0\0\0\x10", "image/tiff"),
        (b"MM\0+\0\x08\0\0\0", "image/tiff"),
        (b"\xff\x0a\x01\x02", "image/jxl"),
        (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ", "image/jxl"),
        *((box(brand, b"mif1"), "image/heic") for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc")),
        (box(b"mif1", b"mif1", b"heic"), "image/heic"),
        (box(b"mif1", b"mif1", b"avif", b"heic"), "image/avif"),
        (box(b"msf1", b"hevc"), "image/heic"),
        (box(b"avis", b"msf1"), "image/avif"),
        (box(b"mif1"), None),
        (box(b"isom", b"mp42"), None),
        (box(b"mif1", b"abcd") + b"heic", None),  # after the box
        (b"RIFF\0\0\0\0WAVE", None),
        (b"BM not a bitmap at all", None),
        (b"%PDF-1.7", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"", None),
    ],
    ids=range(23),
)
def test_signatures(head: bytes, expected: str | None) -> None:
    assert image_type_of(head, "unnamed") == expected


def test_the_name_decides_if_the_content_does_not_show_the_type() -> None:
    assert image_type_of(b"?", "PHOTO.JPEG") == "image/jpeg"
    assert image_type_of(b"?", "archive.tar.gz") is None
    assert image_type_of(b"?", "") is None


def test_every_supported_type_has_an_extension_and_no_other_type_has() -> None:
    assert set(EXTENSIONS.values()) == {str(member) for member in SupportedMimeType}
    assert extension_of("image/jpeg") == ".jpg"
    assert extension_of("text/plain") == ""


@given(
    st.binary(max_size=64)
    | st.builds(
        lambda length, rest: length + b"ftyp" + rest,
        st.binary(min_size=4, max_size=4),
        st.binary(max_size=40),
    ),
    st.text(max_size=20),
)
def test_detection_accepts_any_content_and_any_name(head: bytes, name: str) -> None:
    assert image_type_of(head, name) in {*EXTENSIONS.values(), None}
