"""Reading stored images of every type into libvips: upright, in sRGB, 8 bits, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyvips
from PIL import Image

from imgwire_async.sandbox.pictures.inspection import PILLOW_READERS
from imgwire_async.sandbox.pictures.types import SupportedMimeType

_ANIMATED = {SupportedMimeType.GIF, SupportedMimeType.WEBP}
_LOSSLESS = {SupportedMimeType.PNG, SupportedMimeType.GIF, SupportedMimeType.BMP, SupportedMimeType.ICO}
_JPEG_SHRINKS = (8, 4, 2)


@dataclass(frozen=True, slots=True)
class Source:
    """A decoded image."""

    frames: list[pyvips.Image]
    """RGB or RGBA, 8 bits; more than one only for an animation."""
    delays: list[int]
    """Milliseconds that each frame of an animation stays."""
    loop: int
    """How often an animation repeats; 0 is endless."""
    lossless: bool
    """Whether the type suggests drawings rather than photographs."""


def load(
    path: Path,
    mime_type: str,
    *,
    keep_profile: bool = False,
    smallest: tuple[int, int] | None = None,
    upright: bool = True,
) -> Source:
    """Read an image file.

    Args:
        path: The file.
        mime_type: Its type, as processing found it.
        keep_profile: Whether an embedded RGB profile stays instead of being converted to sRGB.
        smallest: Width and height that suffice, which lets JPEG be decoded at a half, a quarter or an eighth
            where that leaves the proportions exactly as they are, and at least twice as many pixels, as the
            decoder's own way of reducing is a rough one.
        upright: Whether the picture is turned by its EXIF orientation.

    Raises:
        pyvips.Error: the file cannot be decoded.
    """
    kind = SupportedMimeType(mime_type)
    lossless = kind in _LOSSLESS
    if kind in PILLOW_READERS:
        image = _load_with_pillow(path, kind)
        return Source([_to_srgb(image, keep_profile=keep_profile)], [], 0, lossless)
    options = {"n": -1} if kind in _ANIMATED else {}
    image = pyvips.Image.new_from_file(str(path), **options)
    if kind is SupportedMimeType.JPEG and smallest is not None:
        shrink = _shrink(image, smallest)
        if shrink > 1:
            image = pyvips.Image.new_from_file(str(path), shrink=shrink)
    fields = image.get_fields()
    height = image.get("page-height") if "page-height" in fields else image.height
    count = image.height // height if kind in _ANIMATED else 1
    if count == 1:
        image = image.autorot() if upright else image
        return Source([_to_srgb(image, keep_profile=keep_profile)], [], 0, lossless)
    image = _to_srgb(image, keep_profile=keep_profile)
    frames = [image.crop(0, at * height, image.width, height) for at in range(count)]
    delays = image.get("delay") if "delay" in fields else []
    loop = image.get("loop") if "loop" in fields else 0
    return Source(frames, (delays + [100] * count)[:count], loop, lossless)


def _shrink(image: pyvips.Image, smallest: tuple[int, int]) -> int:
    width, height = image.width, image.height
    if "orientation" in image.get_fields() and image.get("orientation") >= 5:
        width, height = height, width
    for shrink in _JPEG_SHRINKS:
        whole = width % shrink == 0 and height % shrink == 0
        if whole and width // shrink >= 2 * smallest[0] and height // shrink >= 2 * smallest[1]:
            return shrink
    return 1


def _load_with_pillow(path: Path, kind: SupportedMimeType) -> pyvips.Image:
    # These readers turn the picture upright themselves where the type wants it.
    with path.open("rb") as file, PILLOW_READERS[kind](file) as source:
        source.load()
        transparent = source.has_transparency_data
        decoded: Image.Image = source.convert("RGBA" if transparent else "RGB")
        image = pyvips.Image.new_from_memory(
            decoded.tobytes(), decoded.width, decoded.height, 4 if transparent else 3, "uchar"
        ).copy(interpretation="srgb")
        for name, field in (("exif", "exif-data"), ("icc_profile", "icc-profile-data")):
            if isinstance(value := source.info.get(name), bytes) and value:
                image.set_type(pyvips.GValue.blob_type, field, value)
    return image


def _to_srgb(image: pyvips.Image, *, keep_profile: bool) -> pyvips.Image:
    has_profile = "icc-profile-data" in image.get_fields()
    if image.interpretation == "cmyk":
        image = image.icc_transform("srgb", embedded=True, input_profile="cmyk")
    elif has_profile and not keep_profile:
        try:
            image = image.icc_transform("srgb", embedded=True)
        except pyvips.Error:
            # A profile that does not match the pixels is ignored.
            image = image.copy()
            image.remove("icc-profile-data")
    if image.interpretation == "multiband":
        image = image.copy(interpretation="srgb" if image.bands > 2 else "b-w")
    image = image.colourspace("srgb")
    if image.bands > 4:
        image = image[:4]
    return image.cast("uchar")
