"""Transformations that change colours and sharpness, but neither size nor canvas."""

from __future__ import annotations

import pyvips

from imgwire_async.sandbox.imgwire.cdn.forms import Adjust, Contrast, Duotone, Normalize, Sharpen
from imgwire_async.sandbox.imgwire.cdn.parameters import Transformations
from imgwire_async.sandbox.imgwire.rendering.geometry import Memory
from imgwire_async.sandbox.pictures.canvas import on_colors, on_premultiplied, pixelated, to_bytes
from imgwire_async.sandbox.pictures.color import Color

COLORIZE_OPACITY = 0.5
"""How strong `colorize` is when its colour has no alpha of its own."""
_SHARPEN_SIGMAS = 1e-6, 10.0
"""The smallest and the largest that libvips takes."""
_MILD_SHARPEN = [[-1, -1, -1], [-1, 32, -1], [-1, -1, -1]]


def recolored(image: pyvips.Image, t: Transformations, memory: Memory) -> pyvips.Image:
    """All transformations of colour, in a fixed order; see `rendering`."""
    if t.normalize is not None:
        image = _normalized(image, t.normalize, memory)
    adjust = t.adjust or Adjust()
    brightness = (t.brightness or 1.0) * adjust.brightness
    if brightness != 1:
        image = on_colors(image, lambda rgb: rgb * brightness)
    if t.contrast is not None:
        image = _contrasted(image, t.contrast)
    image = _in_lch(image, t.lightness or 1.0, (t.saturation or 1.0) * adjust.saturation, t.hue or 0.0)
    if t.negate is not None:
        image = image.invert() if t.negate.alpha else on_colors(image, lambda rgb: rgb.invert())
    if t.monochrome is not None:
        image = _monochrome(image, None if t.monochrome is True else t.monochrome)
    if t.duotone is not None:
        image = _duotone(image, t.duotone)
    if t.colorize is not None:
        image = _colorized(image, t.colorize)
    return image


def filtered(image: pyvips.Image, t: Transformations) -> pyvips.Image:
    """`blur`, `sharpen` and `pixelate`."""
    sigma = t.blur
    if sigma is not None:
        image = on_premultiplied(image, lambda whole: whole.gaussblur(sigma))
    if t.sharpen is not None:
        image = _sharpened(image, t.sharpen)
    return image if t.pixelate is None else pixelated(image, t.pixelate)


def _normalized(image: pyvips.Image, wanted: Normalize, memory: Memory) -> pyvips.Image:
    def limits() -> tuple[int, int]:
        gray = (image[:3] if image.hasalpha() else image).colourspace("b-w")
        return gray.percent(wanted.lower), gray.percent(wanted.upper)

    low, high = memory.once("normalize", limits)
    if high <= low:
        return image
    factor = 255 / (high - low)
    return on_colors(image, lambda rgb: rgb.linear(factor, -low * factor))


def _contrasted(image: pyvips.Image, wanted: Contrast) -> pyvips.Image:
    offset = wanted.pivot * (1 - wanted.multiplier)
    return on_colors(image, lambda rgb: rgb.linear(wanted.multiplier, offset))


def _in_lch(image: pyvips.Image, lightness: float, saturation: float, hue: float) -> pyvips.Image:
    if (lightness, saturation, hue % 360) == (1, 1, 0):
        return image

    def change(rgb: pyvips.Image) -> pyvips.Image:
        factors, offsets = [lightness, saturation, 1], [0, 0, hue % 360]
        return rgb.colourspace("lch").linear(factors, offsets).copy(interpretation="lch").colourspace("srgb")

    return on_colors(image, change)


def _monochrome(image: pyvips.Image, tint: Color | None) -> pyvips.Image:
    def change(rgb: pyvips.Image) -> pyvips.Image:
        if tint is None:
            return rgb.colourspace("b-w").colourspace("srgb")
        # The picture's lightness in the hue and saturation of the tint.
        tinted = rgb.new_from_image(tint.rgb).cast("uchar").copy(interpretation="srgb").colourspace("lab")
        mixed = rgb.colourspace("lab")[0].bandjoin([tinted[1], tinted[2]])
        return mixed.copy(interpretation="lab").colourspace("srgb")

    return on_colors(image, change)


def _duotone(image: pyvips.Image, wanted: Duotone) -> pyvips.Image:
    ramp = pyvips.Image.identity().cast("float") / 255
    pairs = zip(wanted.shadow.rgb, wanted.highlight.rgb, strict=True)
    first, *others = [ramp * (highlight - shadow) + shadow for shadow, highlight in pairs]
    table = to_bytes(first.bandjoin(others))
    return on_colors(image, lambda rgb: rgb.colourspace("b-w")[0].maplut(table))


def _colorized(image: pyvips.Image, color: Color) -> pyvips.Image:
    opacity = color.alpha if color.alpha < 1 else COLORIZE_OPACITY
    layer = [band * opacity for band in color.rgb]
    return on_colors(image, lambda rgb: rgb.linear([1 - opacity] * 3, layer))


def _sharpened(image: pyvips.Image, wanted: Sharpen) -> pyvips.Image:
    given = {
        name: value
        for name in ("sigma", "m1", "m2", "x1", "y2", "y3")
        if (value := getattr(wanted, name)) is not None
    }
    if not given:
        kernel = pyvips.Image.new_from_array(_MILD_SHARPEN, scale=24)
        return on_colors(image, lambda rgb: rgb.conv(kernel))
    smallest, largest = _SHARPEN_SIGMAS
    given["sigma"] = min(max(given.get("sigma", 1.0), smallest), largest)
    return on_colors(image, lambda rgb: rgb.sharpen(**{"m1": 1.0, "m2": 2.0, **given}))
