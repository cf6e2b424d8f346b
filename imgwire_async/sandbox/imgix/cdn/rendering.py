"""Renders a file of an imgix source with the parameters of a URL.

The order is that of imgix's documentation: orientation, `rect`, size, `flip` and `rot`, colours, style,
`pad` and `border`, `bg`, output. Scales that imgix does not publish are this module's constants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyvips

from imgwire_async.sandbox.imgix.cdn import geometry
from imgwire_async.sandbox.imgix.cdn.geometry import Size, half_up
from imgwire_async.sandbox.imgix.cdn.parameters import Parameters, read_color
from imgwire_async.sandbox.pictures import sources
from imgwire_async.sandbox.pictures.canvas import on_background, on_colors, on_premultiplied, to_bytes
from imgwire_async.sandbox.pictures.color import Color
from imgwire_async.sandbox.pictures.sources import Source

DEFAULT_QUALITY: Final = 75
COMPRESSED_QUALITY: Final = 45
"""The quality of `auto=compress`."""
BLUR_PER_SIGMA: Final = 20.0
"""Units of `blur` in one pixel of sigma."""
SHARP_PER_SIGMA: Final = 50.0
_WHITE: Final = Color(255, 255, 255)

_SAVERS: Final = {
    "jpg": "jpegsave",
    "png": "pngsave",
    "webp": "webpsave",
    "avif": "heifsave",
    "gif": "gifsave",
}
MEDIA_TYPES: Final = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
}
_FORMATS: Final = {"jpg": "jpg", "jpeg": "jpg", "pjpg": "jpg", "png": "png", "png8": "png", "png32": "png"}
_NAMES: Final = {**_FORMATS, "webp": "webp", "avif": "avif", "gif": "gif"}
_ANIMATED: Final = frozenset({"gif", "webp"})
# EXIF orientations as clockwise turns, and whether the picture is mirrored afterwards.
_TURNS: Final = {
    1: (0, ""),
    2: (0, "h"),
    3: (180, ""),
    4: (0, "v"),
    5: (90, "h"),
    6: (90, ""),
    7: (270, "h"),
    8: (270, ""),
    90: (90, ""),
    180: (180, ""),
    270: (270, ""),
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """The result of a request."""

    format: str
    """One of the keys of `MEDIA_TYPES`."""
    width: int
    height: int
    not_rendered: tuple[str, ...]
    """Names of the parameters that had no effect."""


def render(
    path: Path,
    mime_type: str,
    p: Parameters,
    target: Path,
    *,
    accepted: tuple[str, ...] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Rendered:
    """Make a picture. Decoding and encoding block, so call it in a thread.

    Args:
        path: The original.
        mime_type: Its type.
        p: The requested parameters.
        target: The new file; may be left incomplete when this raises.
        accepted: `avif` and `webp` if the client accepts them, most preferred first; for `auto=format`.
        cancelled: Called repeatedly; once it returns true, the work ends with pyvips.Error.

    Raises:
        pyvips.Error: the file cannot be decoded, or the picture not be encoded.
    """
    orient = p.number("orient", 0, 359)
    turn = _TURNS.get(int(orient)) if orient is not None else None
    source = sources.load(path, mime_type, keep_profile=p.word("cs") == "origin", upright=turn is None)
    not_rendered = list(p.not_rendered)
    not_rendered += [f"auto={word}" for word in p.words("auto") if word not in {"format", "compress"}]
    if p.word("fill") not in {None, "solid"}:
        not_rendered.append("fill")
    if p.word("chromasub") not in {None, "420", "444"}:
        not_rendered.append("chromasub")
    format = _format(p, source, mime_type, accepted)
    if format is None:
        not_rendered.append("fm")
        format = _own_format(mime_type)
    frames = source.frames if format in _ANIMATED else source.frames[:1]
    made = [_frame(frame, p, turn) for frame in frames]
    image = made[0]
    if len(made) > 1:
        image = pyvips.Image.arrayjoin(made, across=1).copy()
        image.set_type(pyvips.GValue.gint_type, "page-height", made[0].height)
        image.set_type(pyvips.GValue.array_int_type, "delay", source.delays)
        image.set_type(pyvips.GValue.gint_type, "loop", source.loop)
    if format == "jpg":
        image = on_background(image, _WHITE)
    _write(image, format, p, target, cancelled)
    return Rendered(format, made[0].width, made[0].height, tuple(sorted(set(not_rendered))))


def _frame(image: pyvips.Image, p: Parameters, turn: tuple[int, str] | None) -> pyvips.Image:
    if turn is not None:
        angle, mirror = turn
        image = image.rot(f"d{angle}") if angle else image
        image = {"h": image.fliphor, "v": image.flipver}[mirror]() if mirror else image
    image = geometry.cut(image, p)
    pad, border, drawn = geometry.edges_of(p, geometry.density(p))
    image = geometry.resized(image, p, Size(pad.across + border.across, pad.down + border.down))
    image = geometry.turned(image, p)
    image = _styled(_adjusted(image, p), p)
    image = geometry.padded(image, pad, None)
    image = geometry.padded(image, border, drawn)
    background = p.color("bg")
    if background is None and (p.word("fit") in {"fill", "fillmax"} or any(pad)):
        background = _WHITE if any(pad) else None
    return image if background is None else on_background(image, background)


def _adjusted(image: pyvips.Image, p: Parameters) -> pyvips.Image:
    """`bri`, `exp`, `con`, `sat` and `invert`."""
    factor = 1 + (p.number("bri", -100, 100) or 0) / 100
    factor *= 2 ** ((p.number("exp", -100, 100) or 0) / 100)
    if factor != 1:
        image = on_colors(image, lambda rgb: rgb * factor)
    contrast = 1 + (p.number("con", -100, 100) or 0) / 100
    if contrast != 1:
        image = on_colors(image, lambda rgb: rgb.linear(contrast, 128 * (1 - contrast)))
    saturation = 1 + (p.number("sat", -100, 100) or 0) / 100
    if saturation != 1:

        def change(rgb: pyvips.Image) -> pyvips.Image:
            changed = rgb.colourspace("lch").linear([1, saturation, 1], [0, 0, 0])
            return changed.copy(interpretation="lch").colourspace("srgb")

        image = on_colors(image, change)
    return on_colors(image, lambda rgb: rgb.invert()) if p.flag("invert") else image


def _styled(image: pyvips.Image, p: Parameters) -> pyvips.Image:
    """`sharp`, `blur`, `px`, `monochrome` and `duotone`."""
    if sharp := p.number("sharp", 0, 100):
        sigma = 0.5 + sharp / SHARP_PER_SIGMA
        image = on_colors(image, lambda rgb: rgb.sharpen(sigma=sigma, m1=1.0, m2=2.0))
    tint = p.color("monochrome")
    if tint is not None:
        image = _blended(image, _ramp(image, Color(0, 0, 0), tint), tint.alpha)
    parts = [read_color(part) for part in p.words("duotone")]
    if len(parts) == 2 and parts[0] is not None and parts[1] is not None:
        image = _ramp(image, parts[0], parts[1])
    if blur := p.number("blur", 0, 2000):
        image = on_premultiplied(image, lambda whole: whole.gaussblur(blur / BLUR_PER_SIGMA))
    if (block := int(p.number("px", 0, 100) or 0)) > 1:
        image = _pixelated(image, block)
    return image


def _ramp(image: pyvips.Image, dark: Color, light: Color) -> pyvips.Image:
    """The picture's lightness in the colours between two."""
    steps = pyvips.Image.identity().cast("float") / 255
    bands = [steps * (to - start) + start for start, to in zip(dark.rgb, light.rgb, strict=True)]
    table = to_bytes(bands[0].bandjoin(bands[1:]))
    return on_colors(image, lambda rgb: rgb.colourspace("b-w")[0].maplut(table))


def _blended(below: pyvips.Image, above: pyvips.Image, opacity: float) -> pyvips.Image:
    if opacity == 1:
        return above
    return to_bytes(below * (1 - opacity) + above * opacity)


def _pixelated(image: pyvips.Image, block: int) -> pyvips.Image:
    width, height = -(-image.width // block) * block, -(-image.height // block) * block

    def average(whole: pyvips.Image) -> pyvips.Image:
        whole = whole.embed(0, 0, width, height, extend="copy")
        return whole.shrink(block, block).zoom(block, block).crop(0, 0, image.width, image.height)

    return on_premultiplied(image, average)


def _own_format(mime_type: str) -> str:
    own = {kind: name for name, kind in MEDIA_TYPES.items()}
    return own.get(mime_type, "jpg")


def _format(p: Parameters, source: Source, mime_type: str, accepted: tuple[str, ...]) -> str | None:
    """The format of the result, or None if `fm` requests one that is not supported here."""
    if "format" in p.words("auto"):
        animated = len(source.frames) > 1
        for name in accepted:
            if not (animated and name == "avif"):
                return name
    wanted = p.word("fm")
    return _own_format(mime_type) if wanted is None else _NAMES.get(wanted)


def _write(
    image: pyvips.Image, format: str, p: Parameters, target: Path, cancelled: Callable[[], bool]
) -> None:
    options: dict[str, object] = {"keep": 8 if p.word("cs") in {"origin", "srgb"} else 0}
    quality = p.number("q", 0, 100)
    if quality is None:
        quality = COMPRESSED_QUALITY if "compress" in p.words("auto") else DEFAULT_QUALITY
    if format in {"jpg", "webp", "avif"}:
        options["Q"] = max(1, half_up(quality))
    if format == "jpg":
        options["interlace"] = p.word("fm") == "pjpg"
    if format in {"jpg", "avif"}:
        # libvips would stop subsampling at a quality of 90; imgix's default is 4:2:0 at any.
        options["subsample_mode"] = "off" if p.word("chromasub") == "444" else "on"
    if format == "avif":
        options.update(compression="av1", effort=1)
    if format == "webp" and p.flag("lossless"):
        options["lossless"] = True
    if format == "png" and p.word("fm") == "png8":
        options["palette"] = True
    if p.word("cs") == "srgb":
        options["profile"] = "srgb"
    image = image.copy()
    resolution = p.number("dpi", 1, 65_535)
    if resolution is not None and format in {"jpg", "png"}:
        image = image.copy(xres=resolution / 25.4, yres=resolution / 25.4)
        if format == "jpg":
            # libvips writes the resolution of a JPEG into EXIF, which must then contain nothing else.
            for name in image.get_fields():
                if name.startswith("exif-"):
                    image.remove(name)
            options["keep"] = int(str(options["keep"])) | 1
    image.set_progress(True)
    image.signal_connect("eval", lambda whole, _: whole.set_kill(True) if cancelled() else None)
    getattr(image, _SAVERS[format])(str(target), **options)
