"""Which pixels an imgix picture has, and how many: `rect`, sizes, `fit`, `crop`, `dpr`, `pad`, `rot`.

imgix publishes no formulas. This follows the descriptions of its rendering API: sizes of at most 1 are shares
of the source, sides that follow from a ratio are rounded half up, and `pad` and `border` lie inside a size.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final, NamedTuple

import pyvips

from imgwire_async.sandbox.imgix.cdn.parameters import Parameters, read_color
from imgwire_async.sandbox.pictures.canvas import embedded, on_premultiplied, resampled, with_alpha
from imgwire_async.sandbox.pictures.color import Color

LARGEST_SIDE: Final = 8192
"""Pixels."""

_FITS: Final = frozenset({"clip", "clamp", "crop", "facearea", "fill", "fillmax", "max", "min", "scale"})
_WORDS: Final = {"left": 0.0, "top": 0.0, "center": 0.5, "middle": 0.5, "right": 1.0, "bottom": 1.0}


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


class Edges(NamedTuple):
    """Pixels around a picture."""

    top: int
    right: int
    bottom: int
    left: int

    @property
    def across(self) -> int:
        """Left and right together."""
        return self.left + self.right

    @property
    def down(self) -> int:
        """Top and bottom together."""
        return self.top + self.bottom


def half_up(value: float) -> int:
    """Rounded to the nearest whole number, halves upwards."""
    return math.floor(value + 0.5)


def cut(image: pyvips.Image, p: Parameters) -> pyvips.Image:
    """`rect`: a part of the source, in pixels, shares or words; cut at the edge of the source."""
    parts = [part.strip() for part in p.values.get("rect", "").lower().split(",")]
    if len(parts) != 4:
        return image
    width = _length(parts[2], image.width)
    height = _length(parts[3], image.height)
    if width is None or height is None:
        return image
    left = _offset(parts[0], image.width, width)
    top = _offset(parts[1], image.height, height)
    if left is None or top is None or left >= image.width or top >= image.height:
        return image
    return image.crop(left, top, min(width, image.width - left), min(height, image.height - top))


def edges_of(p: Parameters, dpr: float) -> tuple[Edges, Edges, Color | None]:
    """`pad`, and the width and colour of `border`."""
    every = p.number("pad", 0, LARGEST_SIDE) or 0
    sides = (p.number(f"pad-{side}", 0, LARGEST_SIDE) for side in ("top", "right", "bottom", "left"))
    pad = Edges(*(half_up((every if side is None else side) * dpr) for side in sides))
    width, _, color = p.values.get("border", "").partition(",")
    drawn = read_color(color) if width.strip().isdecimal() else None
    border = min(half_up(int(width) * dpr), LARGEST_SIDE) if drawn is not None else 0
    return pad, Edges(border, border, border, border), drawn


def density(p: Parameters) -> float:
    """`dpr`, which applies only with `w` or `h`."""
    if p.number("w", 0, LARGEST_SIDE) is None and p.number("h", 0, LARGEST_SIDE) is None:
        return 1.0
    value = p.number("dpr", 0, 5)
    return value or 1.0


def resized(image: pyvips.Image, p: Parameters, taken: Size) -> pyvips.Image:
    """`w`, `h`, `fit`, `crop`, `ar`, `max-*`, `min-*` and `dpr`.

    Args:
        image: The source, upright, after `rect`.
        p: The parameters.
        taken: The part of the requested size that `pad` and `border` take.
    """
    fit = next(iter(p.words("fit")), "clip")
    fit = fit if fit in _FITS else "clip"
    width, height = _side(p, "w", image.width), _side(p, "h", image.height)
    ratio = _ratio(p) if fit in {"crop", "fill"} else None
    if ratio is not None and width is None and height is None:
        return _shaped(image, ratio, fit, p)
    if ratio is not None and width is None and height is not None:
        width = _limited(height * ratio)
    elif ratio is not None and height is None and width is not None:
        height = _limited(width / ratio)
    if fit == "crop":
        width, height = _bounded(image, p, width, height)
    if width is None and height is None:
        return _reduced(image)
    scale = density(p)
    target = (
        None if width is None else max(1, _limited(width * scale) - taken.width),
        None if height is None else max(1, _limited(height * scale) - taken.height),
    )
    return _fitted(image, fit, target, p)


def padded(image: pyvips.Image, edges: Edges, color: Color | None) -> pyvips.Image:
    """The picture with edges, transparent without a colour."""
    if not any(edges):
        return image
    size = image.width + edges.across, image.height + edges.down
    return _on_canvas(image, edges.left, edges.top, *size, color)


def turned(image: pyvips.Image, p: Parameters) -> pyvips.Image:
    """`flip`, and `rot`: counter-clockwise in the same frame, enlarged until it covers the frame."""
    flip = p.word("flip") or ""
    if "h" in flip:
        image = image.fliphor()
    if "v" in flip:
        image = image.flipver()
    angle = (p.number("rot", -360, 360) or 0) % 360
    if angle == 0:
        return image
    if angle == 180:
        return image.rot180()
    width, height = image.width, image.height
    radians = math.radians(angle)
    sine, cosine = abs(math.sin(radians)), abs(math.cos(radians))
    scale = max(cosine + height / width * sine, cosine + width / height * sine)

    def turn(whole: pyvips.Image) -> pyvips.Image:
        whole = whole.similarity(angle=-angle, scale=scale)
        return whole.crop((whole.width - width) // 2, (whole.height - height) // 2, width, height)

    return on_premultiplied(image, turn)


def scaled(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """The picture in another size."""
    width, height = max(1, width), max(1, height)
    if (width, height) == (image.width, image.height):
        return image

    return on_premultiplied(image, lambda whole: resampled(whole, width, height))


def _fitted(
    image: pyvips.Image, fit: str, target: tuple[int | None, int | None], p: Parameters
) -> pyvips.Image:
    width, height = target
    if width is None or height is None:
        scale = width / image.width if width is not None else (height or 1) / image.height
        whole = Size(
            width if width is not None else _limited(image.width * scale),
            height if height is not None else _limited(image.height * scale),
        )
        if fit == "fillmax" and scale > 1:
            return _centred(image, whole, _bars(p))
        return _reduced(image) if fit in {"max", "min"} and scale > 1 else scaled(image, *whole)
    frame = Size(width, height)
    ratios = width / image.width, height / image.height
    match fit:
        case "scale":
            return scaled(image, width, height)
        case "crop" | "facearea":
            return _covering(image, frame, p, "attention" if fit == "facearea" else None)
        case "min":
            part = min(Fraction(1), Fraction(image.width, width), Fraction(image.height, height))
            frame = Size(max(1, math.floor(width * part)), max(1, math.floor(height * part)))
            return _covering(image, frame, p, "centre")
        case "fill" | "fillmax" | "clamp":
            scale = min(*ratios, 1.0) if fit == "fillmax" else min(ratios)
            inside = scaled(image, half_up(image.width * scale), half_up(image.height * scale))
            if fit == "clamp":
                left, top = (width - inside.width) // 2, (height - inside.height) // 2
                return inside.embed(left, top, width, height, extend="copy")
            return _centred(inside, frame, _bars(p))
        case _:
            scale = min(*ratios, 1.0) if fit == "max" else min(ratios)
            return scaled(image, half_up(image.width * scale), half_up(image.height * scale))


def _covering(image: pyvips.Image, frame: Size, p: Parameters, found_by: str | None) -> pyvips.Image:
    """The picture cut to the shape of a frame, then scaled to it."""
    scale = max(frame.width / image.width, frame.height / image.height)
    width = min(image.width, max(1, round(frame.width / scale)))
    height = min(image.height, max(1, round(frame.height / scale)))
    words = [] if found_by == "centre" else p.words("crop")
    first = next((word for word in words if word in {"faces", "entropy", "edges", "focalpoint"}), None)
    if found_by == "attention" or first in {"faces", "edges"}:
        image = image.smartcrop(width, height, interesting="attention")
    elif first == "entropy":
        image = image.smartcrop(width, height, interesting="entropy")
    elif first == "focalpoint":
        # A window of whole pixels rarely has exactly the shape of the frame; nothing is stretched for that.
        return _covering(_around_point(image, frame, p), frame, p, "centre")
    else:
        left = round((image.width - width) * _anchor(words, "left", "right"))
        top = round((image.height - height) * _anchor(words, "top", "bottom"))
        image = image.crop(left, top, width, height)
    return scaled(image, *frame)


def _around_point(image: pyvips.Image, frame: Size, p: Parameters) -> pyvips.Image:
    """The window around the focal point, which stops at the edges."""
    across, down, zoom = (p.number(name, least, most) for name, least, most in _POINT)
    scale = max(frame.width / image.width, frame.height / image.height)
    zoom = 1.0 if zoom is None else zoom
    width = max(1, half_up(min(image.width, frame.width / scale) / zoom))
    height = max(1, half_up(min(image.height, frame.height / scale) / zoom))
    left = half_up(image.width * (0.5 if across is None else across) - width / 2)
    top = half_up(image.height * (0.5 if down is None else down) - height / 2)
    return image.crop(
        min(max(0, left), image.width - width), min(max(0, top), image.height - height), width, height
    )


_POINT: Final = (("fp-x", 0.0, 1.0), ("fp-y", 0.0, 1.0), ("fp-z", 1.0, 100.0))


def _shaped(image: pyvips.Image, ratio: float, fit: str, p: Parameters) -> pyvips.Image:
    """The largest frame of a ratio inside the source: cut to it, or the whole picture within it."""
    frame = Size(
        min(image.width, max(1, half_up(image.height * ratio))),
        min(image.height, max(1, half_up(image.width / ratio))),
    )
    return _covering(image, frame, p, None) if fit == "crop" else _fitted(image, "fill", frame, p)


def _bounded(
    image: pyvips.Image, p: Parameters, width: int | None, height: int | None
) -> tuple[int | None, int | None]:
    """`max-w`, `max-h`, `min-w` and `min-h`; a side that they change is cut to."""
    derived = Size(
        width or (_limited(height * image.width / image.height) if height else image.width),
        height or (_limited(width * image.height / image.width) if width else image.height),
    )
    wide = _between(derived.width, p, "w")
    tall = _between(derived.height, p, "h")
    if width is None and height is None and (wide, tall) != derived:
        return wide, tall  # the size of the source, bounded
    return (
        wide if width is not None or wide != derived.width else None,
        tall if height is not None or tall != derived.height else None,
    )


def _between(side: int, p: Parameters, name: str) -> int:
    least, most = p.number(f"min-{name}", 1, LARGEST_SIDE), p.number(f"max-{name}", 1, LARGEST_SIDE)
    side = side if most is None else min(side, int(most))
    return side if least is None else max(side, int(least))


def _centred(image: pyvips.Image, frame: Size, color: Color | None) -> pyvips.Image:
    left, top = round((frame.width - image.width) * 0.5), round((frame.height - image.height) * 0.5)
    return _on_canvas(image, left, top, *frame, color)


def _on_canvas(
    image: pyvips.Image, left: int, top: int, width: int, height: int, color: Color | None
) -> pyvips.Image:
    if color is None:
        return embedded(image, left, top, width, height, None)
    opaque = color.alpha == 1 and not image.hasalpha()
    below = color.rgb if opaque else [*color.rgb, half_up(color.alpha * 255)]
    image = image if opaque else with_alpha(image)
    return image.embed(left, top, width, height, extend="background", background=below)


def _bars(p: Parameters) -> Color | None:
    """The colour of the bars beside a picture, or None for bars that `bg` fills."""
    if p.word("fill") == "solid":
        return p.color("fill-color") or Color(255, 255, 255)
    return None


def _reduced(image: pyvips.Image) -> pyvips.Image:
    """No larger than the largest side."""
    scale = min(1.0, LARGEST_SIDE / max(image.width, image.height))
    return image if scale == 1 else scaled(image, half_up(image.width * scale), half_up(image.height * scale))


def _side(p: Parameters, name: str, source: int) -> int | None:
    value = p.number(name, 0, LARGEST_SIDE)
    if not value:
        return None
    return max(1, half_up(value * source)) if value <= 1 else half_up(value)


def _ratio(p: Parameters) -> float | None:
    width, _, height = p.values.get("ar", "").partition(":")
    try:
        ratio = float(width) / float(height)
    except (ValueError, ZeroDivisionError):
        return None
    return ratio if 0 < ratio < math.inf else None


def _length(text: str, source: int) -> int | None:
    if text == "full":
        return source
    value = _number(text)
    if value is None or value <= 0:
        return None
    return max(1, half_up(value * source)) if "." in text and value <= 1 else half_up(value)


def _offset(text: str, source: int, length: int) -> int | None:
    if text in _WORDS:
        return max(0, half_up((source - length) * _WORDS[text]))
    value = _number(text)
    if value is None or value < 0:
        return None
    return half_up(value * source) if "." in text and value <= 1 else half_up(value)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _anchor(words: list[str], first: str, second: str) -> float:
    found = next((word for word in words if word in {first, second}), None)
    return 0.5 if found is None else float(found == second)


def _limited(side: float) -> int:
    return min(LARGEST_SIDE, max(1, half_up(side)))
