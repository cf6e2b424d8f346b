"""Transformations that change the position or number of pixels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import pyvips

from imgwire_async.sandbox.imgwire.cdn.forms import Edges, Rotate
from imgwire_async.sandbox.imgwire.cdn.parameters import InvalidTransformationError, Transformations
from imgwire_async.sandbox.imgwire.cdn.values import LARGEST_SIDE
from imgwire_async.sandbox.pictures.canvas import (
    anchor,
    embedded,
    on_background,
    on_premultiplied,
    resampled,
)

T = TypeVar("T")


class Box(NamedTuple):
    """A part of a picture."""

    left: int
    top: int
    width: int
    height: int


@dataclass(slots=True)
class Memory:
    """Choices made for the first frame of an animation, which the others follow."""

    choices: dict[str, Any] = field(default_factory=dict)

    def once(self, step: str, choose: Callable[[], T]) -> T:
        """The result of `choose` when this step was first taken."""
        if step not in self.choices:
            self.choices[step] = choose()
        found: T = self.choices[step]
        return found


def _box(memory: Memory, step: str, image: pyvips.Image, width: int, height: int, gravity: str) -> Box:
    """The position of a part of the given size."""
    if gravity in {"attention", "entropy"}:

        def find() -> Box:
            found = image.smartcrop(width, height, interesting=gravity)
            return Box(-found.xoffset, -found.yoffset, width, height)

        return memory.once(step, find)
    left = round((image.width - width) * anchor(gravity, "x"))
    top = round((image.height - height) * anchor(gravity, "y"))
    return Box(left, top, width, height)


def crop(image: pyvips.Image, t: Transformations, memory: Memory) -> pyvips.Image:
    """`crop`: in pixels of the upright source; a part that reaches beyond it is cut at its edge."""
    if t.crop is None:
        return image
    wanted = t.crop
    if wanted.x is not None or wanted.y is not None:
        left, top = wanted.x or 0, wanted.y or 0
        if left >= image.width or top >= image.height:
            raise InvalidTransformationError(
                "crop",
                f"{left}:{top}",
                f"crop begins at {left}:{top}, outside the picture of {image.width} × {image.height} pixels.",
            )
        return image.crop(
            left, top, min(wanted.width, image.width - left), min(wanted.height, image.height - top)
        )
    mode = wanted.mode if wanted.mode in {"attention", "entropy"} else None
    gravity = wanted.gravity or mode or t.gravity or "center"
    size = min(wanted.width, image.width), min(wanted.height, image.height)
    return image.crop(*_box(memory, "crop", image, *size, gravity))


def rotated(image: pyvips.Image, turn: Rotate) -> pyvips.Image:
    """The picture turned clockwise; the canvas grows, and its corners are transparent or coloured."""
    angle = turn.angle % 360
    if angle % 90 == 0:
        return image if angle == 0 else image.rot(f"d{angle}")

    def by_angle(premultiplied: pyvips.Image) -> pyvips.Image:
        return premultiplied.similarity(angle=angle, background=[0] * premultiplied.bands)

    found = on_premultiplied(image if image.hasalpha() else image.addalpha(), by_angle)
    return found if turn.background is None else on_background(found, turn.background)


def mirrored(image: pyvips.Image, t: Transformations) -> pyvips.Image:
    """`flip`."""
    if t.flip is not None and t.flip.horizontal:
        image = image.fliphor()
    if t.flip is not None and t.flip.vertical:
        image = image.flipver()
    return image


class Target(NamedTuple):
    """The size requested by `width`, `height` and the other parameters, in pixels of the result."""

    width: int | None
    height: int | None
    least_width: int
    least_height: int
    largest_scale: float
    """How much a picture may be enlarged; 1 is not at all."""

    @classmethod
    def of(cls, t: Transformations) -> Target:
        """With `dpr` applied, and `zoom`, which permits as much enlargement as it asks for."""
        zoom = t.zoom.factor if t.zoom is not None else 1.0
        return cls(
            None if t.width is None else pixels(t.width, t),
            None if t.height is None else pixels(t.height, t),
            pixels(t.min_width or 1, t),
            pixels(t.min_height or 1, t),
            math.inf if t.enlarge else zoom,
        )

    def least_scale(self, image: pyvips.Image) -> float:
        """How far a picture may be reduced; a side of 1 pixel is kept and does not limit the reduction."""
        sides = ((self.least_width, image.width), (self.least_height, image.height))
        return max((least / own for least, own in sides if least > 1), default=0.0)


def pixels(length: int, t: Transformations) -> int:
    """A length of the layout in pixels of the result: multiplied by `dpr`, at least 1 unless 0."""
    return max(1, round(length * (t.dpr or 1.0))) if length > 0 else -round(-length * (t.dpr or 1.0))


def resized(image: pyvips.Image, t: Transformations, memory: Memory) -> pyvips.Image:
    """`zoom`, `width`, `height`, `min-width`, `min-height`, `resizing_type`, `enlarge` and `dpr`."""
    target = Target.of(t)
    if t.zoom is not None and t.zoom.factor > 1:
        before = image
        part = max(1, round(image.width / t.zoom.factor)), max(1, round(image.height / t.zoom.factor))
        image = image.crop(*_box(memory, "zoom", image, *part, t.zoom.gravity))
        if target.width is None and target.height is None:
            fit = min(1.0, LARGEST_SIDE / max(before.width, before.height))
            target = target._replace(width=round(before.width * fit), height=round(before.height * fit))
    width, height = target.width, target.height
    kind = t.resizing_type or "cover"
    if width is None or height is None or kind in {"inside", "outside"}:
        return _scaled_whole(image, t, target, max if kind == "outside" else min)
    width, height = max(width, target.least_width), max(height, target.least_height)
    check_size("width and height", width, height)
    if kind == "fill":
        limits = _enlarged(image.width, target), _enlarged(image.height, target)
        return _scaled(
            image,
            max(min(width, limits[0]), target.least_width),
            max(min(height, limits[1]), target.least_height),
            t,
        )
    least = target.least_scale(image)
    ratios = width / image.width, height / image.height
    gravity = t.gravity or "center"
    if kind == "contain":
        scale = min(*ratios, target.largest_scale)
        image = _scaled(image, round(image.width * scale), round(image.height * scale), t)
        left = round((width - image.width) * anchor(gravity, "x"))
        top = round((height - image.height) * anchor(gravity, "y"))
        return embedded(image, left, top, width, height, None)
    scale = max(min(max(ratios), target.largest_scale), least)
    width = min(width, round(image.width * scale))
    height = min(height, round(image.height * scale))
    # Cutting to the shape first saves the work of scaling what is cut off.
    part = (
        min(image.width, max(1, round(width / scale))),
        min(image.height, max(1, round(height / scale))),
    )
    if part != (image.width, image.height):
        image = image.crop(*_box(memory, "cover", image, *part, gravity))
    return _scaled(image, width, height, t)


def _enlarged(length: int, target: Target) -> int:
    """The most that a side may become."""
    return round(min(length * target.largest_scale, 2 * LARGEST_SIDE))


def _scaled_whole(
    image: pyvips.Image, t: Transformations, target: Target, choose: Callable[[list[float]], float]
) -> pyvips.Image:
    """The whole picture in its own proportions."""
    ratios = []
    if target.width is not None:
        ratios.append(target.width / image.width)
    if target.height is not None:
        ratios.append(target.height / image.height)
    if ratios:
        scale = min(choose(ratios), target.largest_scale)
    else:
        # No size was requested, so a source over the limit is reduced instead of rejected.
        scale = min(1.0, LARGEST_SIDE / max(image.width, image.height))
    scale = max(scale, target.least_scale(image))
    return _scaled(image, round(image.width * scale), round(image.height * scale), t)


def _scaled(image: pyvips.Image, width: int, height: int, t: Transformations) -> pyvips.Image:
    width, height = max(1, width), max(1, height)
    check_size("the resizing", width, height)
    if (width, height) == (image.width, image.height):
        return image

    def resize(premultiplied: pyvips.Image) -> pyvips.Image:
        return resampled(premultiplied, width, height, t.resizing_algorithm or "lanczos3")

    return on_premultiplied(image, resize)


def extended(image: pyvips.Image, t: Transformations) -> pyvips.Image:
    """`extend_aspect_ratio`, `extend` and `padding`: more canvas, in this order."""
    if t.extend_aspect_ratio is not None:
        width = max(image.width, round(image.height * t.extend_aspect_ratio))
        height = max(image.height, round(image.width / t.extend_aspect_ratio))
        check_size("extend_aspect_ratio", width, height)
        left = round((width - image.width) * anchor(t.gravity or "center", "x"))
        top = round((height - image.height) * anchor(t.gravity or "center", "y"))
        image = embedded(image, left, top, width, height, None)
    for name, edges in (("extend", t.extend), ("padding", t.padding)):
        if edges is not None:
            image = _with_edges(name, image, edges, t)
    return image


def _with_edges(name: str, image: pyvips.Image, edges: Edges, t: Transformations) -> pyvips.Image:
    top, right, bottom, left = (
        pixels(edge, t) for edge in (edges.top, edges.right, edges.bottom, edges.left)
    )
    width, height = left + image.width + right, top + image.height + bottom
    check_size(name, width, height)
    return embedded(image, left, top, width, height, edges.background)


def check_size(name: str, width: int, height: int) -> None:
    """Reject a picture that is too large.

    Raises:
        InvalidTransformationError: a side is over 8192 pixels.
    """
    if width > LARGEST_SIDE or height > LARGEST_SIDE:
        raise InvalidTransformationError(
            name,
            None,
            f"{name} would give {width} × {height} pixels; at most {LARGEST_SIDE} on a side are allowed.",
        )
