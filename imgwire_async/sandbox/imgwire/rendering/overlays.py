"""Overlays of a picture: gradients, and watermarks of images and of text."""

from __future__ import annotations

import math
import re
from html import escape

import pyvips

from imgwire_async.sandbox.imgwire.cdn.forms import Gradient
from imgwire_async.sandbox.imgwire.cdn.parameters import InvalidTransformationError, Transformations
from imgwire_async.sandbox.imgwire.cdn.values import LARGEST_SIDE
from imgwire_async.sandbox.imgwire.cdn.watermark_forms import Placement, Shadow, WatermarkText
from imgwire_async.sandbox.imgwire.rendering.geometry import check_size, pixels, rotated
from imgwire_async.sandbox.pictures.canvas import anchor, blend_mode, over, to_bytes, with_alpha
from imgwire_async.sandbox.pictures.color import Color

_TEXT_SIZE = 32
_WHITE = Color(255, 255, 255)
_FONT_NAME = re.compile(r"[A-Za-z0-9 -]{1,64}")
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def gradient(image: pyvips.Image, wanted: Gradient) -> pyvips.Image:
    """Lay colours over the picture, evenly spread along a line.

    The angle is CSS's: 0 runs upwards, 90 to the right, 180 (the default) downwards. The line is as long as
    the picture is in that direction, so that the corners have the outer colours.
    """
    angle = math.radians(wanted.angle)
    right, down = math.sin(angle), -math.cos(angle)
    length = abs(image.width * right) + abs(image.height * down)
    position = pyvips.Image.xyz(image.width, image.height)
    along = (position[0] - (image.width - 1) / 2) * right + (position[1] - (image.height - 1) / 2) * down
    index = to_bytes((along / length + 0.5) * 255)
    layer = index.maplut(_color_table(wanted.colors, wanted.opacity)).copy(interpretation="srgb")
    mode = blend_mode(wanted.blend) or "over"
    # Transparent parts stay transparent.
    return over(image, layer, "atop" if mode == "over" else mode)


def _color_table(colors: tuple[Color, ...], opacity: float) -> pyvips.Image:
    rows = []
    for step in range(256):
        at = step / 255 * (len(colors) - 1)
        first, second = colors[int(at)], colors[min(int(at) + 1, len(colors) - 1)]
        rest = at - int(at)
        bands = zip((*first.rgb, first.alpha * 255), (*second.rgb, second.alpha * 255), strict=True)
        *rgb, alpha = (a + (b - a) * rest for a, b in bands)
        rows.append(bytes(round(band) for band in (*rgb, alpha * opacity)))
    return pyvips.Image.new_from_memory(b"".join(rows), 256, 1, 4, "uchar")


def text_mark(wanted: WatermarkText, t: Transformations, canvas_width: int) -> pyvips.Image | None:
    """Words as a picture; None if there is nothing to see or no font for it.

    Raises:
        InvalidTransformationError: so many and so large that the limit of pixels is exceeded.
    """
    size = pixels(wanted.size or _TEXT_SIZE, t)
    width = min(canvas_width if wanted.width is None else pixels(wanted.width, t), LARGEST_SIDE)
    words = _CONTROL_CHARACTERS.sub("", wanted.text)
    lines = words.count("\n") + 1 + 2 * math.ceil(len(words) / max(1, width // size))
    if lines * size * 1.5 * max(width, size) > LARGEST_SIDE**2:
        raise InvalidTransformationError(
            "watermark_text", wanted.text, f"watermark_text is too long for letters of {size} pixels."
        )
    family = wanted.font if wanted.font and _FONT_NAME.fullmatch(wanted.font) else "sans"
    options = {} if wanted.height is None else {"height": min(pixels(wanted.height, t), LARGEST_SIDE)}
    if not words.strip():
        return None
    # libvips reads markup; at 72 dpi a point is a pixel. A given height makes it fit the letters itself.
    font = family if options else f"{family} {size}"
    try:
        mask = pyvips.Image.text(escape(words), font=font, dpi=72, width=width, **options)
    except pyvips.Error:
        return None
    return _colored(mask, wanted.color or _WHITE)


def _colored(mask: pyvips.Image, color: Color) -> pyvips.Image:
    rgb = mask.new_from_image(color.rgb).cast("uchar")
    return rgb.bandjoin(to_bytes(mask * color.alpha)[0]).copy(interpretation="srgb")


def marked(
    image: pyvips.Image, mark: pyvips.Image, own_placement: Placement, t: Transformations
) -> pyvips.Image:
    """Lay a watermark on the picture, with `watermark_size`, `_rotate`, `_shadow` and `_position`."""
    mark = _sized(with_alpha(mark), t, image.width, image.height)
    if t.watermark_rotate is not None:
        mark = with_alpha(rotated(mark, t.watermark_rotate))
    place = merged(own_placement, t.watermark_position)
    gravity = place.gravity or "center"
    left = round((image.width - mark.width) * anchor(gravity, "x")) + pixels(place.x or 0, t)
    top = round((image.height - mark.height) * anchor(gravity, "y")) + pixels(place.y or 0, t)
    left = left if place.left is None else pixels(place.left, t)
    top = top if place.top is None else pixels(place.top, t)
    if t.watermark_shadow is not None:
        mark, margin = _shadowed(mark, t.watermark_shadow, t)
        left, top = left - margin, top - margin
    if place.opacity is not None:
        mark = mark[:3].bandjoin(to_bytes(mark[3] * place.opacity)[0])
    mode = blend_mode(place.blend or "over") or "over"
    if left >= image.width or top >= image.height or left + mark.width <= 0 or top + mark.height <= 0:
        return image
    return over(image, mark.embed(left, top, image.width, image.height), mode)


def merged(own: Placement, common: Placement | None) -> Placement:
    """A watermark's own placement, where `watermark_position` says nothing else."""
    if common is None:
        return own
    names = ("gravity", "x", "y", "left", "top", "opacity", "blend")
    given = {name: getattr(common, name) for name in names}
    return Placement(
        **{name: getattr(own, name) if value is None else value for name, value in given.items()}
    )


def _sized(mark: pyvips.Image, t: Transformations, canvas_width: int, canvas_height: int) -> pyvips.Image:
    """A mark fits its box in its own proportions; without a box it is only kept inside the canvas."""
    size = t.watermark_size
    if size is None:
        scale = min(1.0, canvas_width / mark.width, canvas_height / mark.height)
    else:
        boxes = ((size.width, mark.width), (size.height, mark.height))
        ratios = [pixels(side, t) / own for side, own in boxes if side is not None]
        scale = min(ratios, default=(t.dpr or 1.0)) * (size.scale or 1.0)
    width, height = max(1, round(mark.width * scale)), max(1, round(mark.height * scale))
    check_size("watermark_size", width, height)
    if scale == 1:
        return mark
    resized = mark.premultiply().resize(width / mark.width, vscale=height / mark.height)
    return to_bytes(resized.unpremultiply())


def _shadowed(mark: pyvips.Image, shadow: Shadow, t: Transformations) -> tuple[pyvips.Image, int]:
    """The mark on its shadow, and how far its own corner moved."""
    x, y = pixels(shadow.x, t), pixels(shadow.y, t)
    margin = math.ceil(3 * shadow.blur) + max(abs(x), abs(y))
    width, height = mark.width + 2 * margin, mark.height + 2 * margin
    check_size("watermark_shadow", width, height)
    mask = mark[3].embed(margin + x, margin + y, width, height).gaussblur(shadow.blur)
    return over(_colored(mask, shadow.color), mark.embed(margin, margin, width, height)), margin
