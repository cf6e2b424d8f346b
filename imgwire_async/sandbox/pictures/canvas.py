"""Helpers for pictures that may have an alpha band: RGB or RGBA, 8 bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import pyvips

from imgwire_async.sandbox.pictures.color import Color

_BLENDS = {
    "over": "over",
    "normal": "over",
    "multiply": "multiply",
    "screen": "screen",
    "overlay": "overlay",
    "darken": "darken",
    "lighten": "lighten",
    "color-dodge": "colour-dodge",
    "colour-dodge": "colour-dodge",
    "color-burn": "colour-burn",
    "colour-burn": "colour-burn",
    "hard-light": "hard-light",
    "soft-light": "soft-light",
    "difference": "difference",
    "exclusion": "exclusion",
    "add": "add",
    "atop": "atop",
    "xor": "xor",
}

_FACTORS = {"north": 0.0, "west": 0.0, "south": 1.0, "east": 1.0}

Axis = Literal["x", "y"]


def with_alpha(image: pyvips.Image) -> pyvips.Image:
    """RGBA."""
    return image if image.hasalpha() else image.addalpha()


def on_colors(image: pyvips.Image, change: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """The picture with its RGB changed and its alpha kept; `change` may give any numeric format."""
    colors = change(image[:3] if image.hasalpha() else image)
    colors = to_bytes(colors)
    return colors.bandjoin(image[3]) if image.hasalpha() else colors


def on_premultiplied(image: pyvips.Image, change: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """The picture changed by a filter that mixes neighbours, without colour from transparent pixels."""
    if not image.hasalpha():
        return to_bytes(change(image))
    return to_bytes(change(image.premultiply()).unpremultiply())


def resampled(image: pyvips.Image, width: int, height: int, kernel: str = "lanczos3") -> pyvips.Image:
    """The picture in another size, its centre staying the centre.

    libvips enlarges from the upper left corner, which moves pictures by up to half a pixel: one that is
    mirrored or turned around would then differ from the same picture that is mirrored afterwards.
    """
    across, down = width / image.width, height / image.height
    image = image.resize(min(across, 1), vscale=min(down, 1), kernel=kernel)
    if across > 1 or down > 1:
        across, down = width / image.width, height / image.height
        by = {"nearest": "nearest", "linear": "bilinear"}.get(kernel, "bicubic")
        image = image.affine(
            [across, 0, 0, down],
            interpolate=pyvips.Interpolate.new(by),
            extend="copy",
            oarea=[0, 0, width, height],
            idx=0 if by == "nearest" else 0.5 - 0.5 / across,
            idy=0 if by == "nearest" else 0.5 - 0.5 / down,
        )
    if (image.width, image.height) != (width, height):
        # libvips rounds the size itself and may miss by a pixel.
        image = image.embed(0, 0, width, height, extend="copy")
    return image


def to_bytes(image: pyvips.Image) -> pyvips.Image:
    """8 bits, rounded and clipped, as sRGB."""
    if image.format in {"float", "double"}:
        image = image.rint()
    return image.cast("uchar").copy(interpretation="srgb")


def filled(image: pyvips.Image, color: Color) -> pyvips.Image:
    """A canvas like `image` in one colour, with alpha."""
    return (
        image.new_from_image([*color.rgb, round(color.alpha * 255)]).cast("uchar").copy(interpretation="srgb")
    )


def over(below: pyvips.Image, above: pyvips.Image, blend: str = "over") -> pyvips.Image:
    """`above` laid on `below`; an opaque picture stays without alpha."""
    mixed = to_bytes(with_alpha(below).composite2(with_alpha(above), blend))
    return mixed if below.hasalpha() else mixed[:3]


def blend_mode(name: str) -> str | None:
    """The libvips name of a blend mode, or None for one that it lacks."""
    return _BLENDS.get(name.strip().lower().replace("_", "-"))


def on_background(image: pyvips.Image, color: Color) -> pyvips.Image:
    """The picture on a canvas; opaque if the colour is."""
    if not image.hasalpha():
        return image
    if color.alpha == 1:
        return image.flatten(background=color.rgb)
    return over(filled(image, color), image)


def embedded(
    image: pyvips.Image, left: int, top: int, width: int, height: int, color: Color | None
) -> pyvips.Image:
    """The picture on a larger canvas, whose new part is transparent or of a colour."""
    background = [0, 0, 0, 0] if color is None else [*color.rgb, round(color.alpha * 255)]
    if color is not None and color.alpha == 1 and not image.hasalpha():
        background = background[:3]
    else:
        image = with_alpha(image)
    return image.embed(left, top, width, height, extend="background", background=background)


def anchor(gravity: str, axis: Axis) -> float:
    """Where a gravity points: 0 is left or top, 1 is right or bottom."""
    names = ("north", "south") if axis == "y" else ("west", "east")
    return next((_FACTORS[name] for name in names if name in gravity), 0.5)


def pixelated(image: pyvips.Image, block: int) -> pyvips.Image:
    """Squares of `block` pixels, each in its average colour."""
    width = math.ceil(image.width / block) * block
    height = math.ceil(image.height / block) * block

    def average(premultiplied: pyvips.Image) -> pyvips.Image:
        whole = premultiplied.embed(0, 0, width, height, extend="copy")
        return whole.shrink(block, block).zoom(block, block).crop(0, 0, image.width, image.height)

    return on_premultiplied(image, average)
