"""From a stored image and its transformations to a file.

The service does not document the order of its operations. This is the sandbox's:

1.  decode, turn upright by EXIF, convert to sRGB (unless `color_profile=keep`);
2.  `crop`, in pixels of that source;
3.  `rotate`;
4.  `zoom`, then resizing to `width`, `height`, `min-width`, `min-height` by `resizing_type` (default
    `cover`), with `gravity` (default `center`), `enlarge` (default false) and `dpr`, so that the sizes asked
    for are those of the result; `contain` leaves transparent bars; then `flip`: a gravity names a side of the
    picture before it is mirrored;
5.  `normalize`, `brightness` and `adjust`, `contrast`, `lightness`, `saturation`, `hue`, `negate`,
    `monochrome`, `duotone`, `colorize`, `gradient`;
6.  `blur`, `sharpen`, `pixelate`;
7.  `extend_aspect_ratio`, `extend`, `padding`, then `background` under all that is transparent;
8.  `watermark`, then `watermark_text`, each with size, rotation, shadow, position;
9.  format, colour profile, `dpi`, metadata; white under transparent pixels where the format has none.

`dpr` also multiplies `extend`, `padding` and the lengths of watermarks, so that a layout looks the same at
each density.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pyvips

from imgwire_async.sandbox.imgwire.cdn.parameters import Transformations
from imgwire_async.sandbox.imgwire.rendering import colors, geometry, output, overlays
from imgwire_async.sandbox.imgwire.rendering.geometry import Memory, Target
from imgwire_async.sandbox.imgwire.rendering.output import Notes
from imgwire_async.sandbox.pictures import sources
from imgwire_async.sandbox.pictures.canvas import blend_mode, on_background
from imgwire_async.sandbox.pictures.color import Color

_WHITE = Color(255, 255, 255)
_LOOKS_AT_PICTURE = {"attention", "entropy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """The bytes of an image record."""

    path: Path
    mime_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One variant to render."""

    image: StoredImage
    transformations: Transformations
    accepted: tuple[str, ...]
    """AVIF and WebP if the client accepts them, most preferred first; for `format=auto`."""
    watermark: StoredImage | None
    maximum_pixels: int
    """Largest area of all frames of an animation together."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The result of a job."""

    format: str
    not_rendered: tuple[str, ...]
    """Names of transformations, and parts of them, that had no effect."""


def render(job: Job, target: Path, cancelled: Callable[[], bool]) -> Rendered:
    """Make a variant. Decoding and encoding block, so call it in a thread.

    Args:
        job: What to make.
        target: The new file; may be left incomplete when this raises.
        cancelled: Called repeatedly; once it returns true, the work ends with pyvips.Error.

    Raises:
        InvalidTransformationError: the transformations do not fit this image, or the result is too large.
        pyvips.Error: an image cannot be decoded or encoded.
    """
    t = job.transformations
    notes = _notes_on(t)
    source = sources.load(
        job.image.path,
        job.image.mime_type,
        keep_profile=t.color_profile == "keep",
        smallest=_smallest_source(t),
    )
    memory = Memory()
    first = _frame(source.frames[0], job, memory, notes)
    format = output.choose_format(t, job.accepted, source, first)
    frames = [first]
    if len(source.frames) > 1 and output.can_animate(format):
        if len(source.frames) * first.width * first.height > job.maximum_pixels:
            notes.add("animation")
        else:
            frames += [_frame(frame, job, memory, notes) for frame in source.frames[1:]]
    image = output.without_alpha_where_needed(_joined(frames, source), format)
    output.write(image, format, t, target, notes, cancelled)
    return Rendered(format, tuple(notes.names))


def _frame(image: pyvips.Image, job: Job, memory: Memory, notes: Notes) -> pyvips.Image:
    t = job.transformations
    image = geometry.crop(image, t, memory)
    if t.rotate is not None:
        image = geometry.rotated(image, t.rotate)
    image = geometry.resized(image, t, memory)
    image = geometry.mirrored(image, t)
    image = colors.recolored(image, t, memory)
    if t.gradient is not None:
        image = overlays.gradient(image, t.gradient)
    image = colors.filtered(image, t)
    image = geometry.extended(image, t)
    if t.background is not None or t.background_alpha is not None:
        background = t.background or _WHITE
        alpha = background.alpha if t.background_alpha is None else t.background_alpha
        image = on_background(image, replace(background, alpha=alpha))
    return _watermarked(image, job, memory, notes)


def _watermarked(image: pyvips.Image, job: Job, memory: Memory, notes: Notes) -> pyvips.Image:
    t = job.transformations
    if t.watermark is not None and job.watermark is not None:
        stored = job.watermark
        mark = memory.once("watermark", lambda: sources.load(stored.path, stored.mime_type).frames[0])
        image = overlays.marked(image, mark, t.watermark.placement, t)
    wanted = t.watermark_text
    if wanted is not None:
        width = image.width
        words = memory.once("watermark_text", lambda: overlays.text_mark(wanted, t, width))
        if words is None:
            notes.add("watermark_text")
        else:
            image = overlays.marked(image, words, wanted.placement, t)
    return image


def _joined(frames: list[pyvips.Image], source: sources.Source) -> pyvips.Image:
    if len(frames) == 1:
        image = frames[0].copy()
        for name in ("delay", "loop", "page-height", "n-pages"):
            if name in image.get_fields():
                image.remove(name)
        return image
    image = pyvips.Image.arrayjoin(frames, across=1).copy()
    image.set_type(pyvips.GValue.gint_type, "page-height", frames[0].height)
    image.set_type(pyvips.GValue.array_int_type, "delay", source.delays)
    image.set_type(pyvips.GValue.gint_type, "loop", source.loop)
    return image


def _smallest_source(t: Transformations) -> tuple[int, int] | None:
    """How much of a JPEG's resolution suffices, where that is plain to see."""
    if t.crop is not None or t.zoom is not None or t.rotate is not None:
        return None
    target = Target.of(t)
    if target.width is None and target.height is None:
        return None
    return max(target.width or 1, target.least_width), max(target.height or 1, target.least_height)


def _notes_on(t: Transformations) -> Notes:
    """The transformations that are known in advance to have no effect."""
    notes = Notes()
    if t.watermark_url is not None:
        # A local service must not fetch addresses that anybody may write into a URL.
        notes.add("watermark_url")
    if t.adjust is not None and t.adjust.color != 1:
        notes.add("adjust.color")
    if t.crop is not None and t.crop.mode == "cover":
        notes.add("crop.mode")
    if t.gradient is not None and blend_mode(t.gradient.blend) is None:
        notes.add("gradient.blend")
    marks = [mark.placement for mark in (t.watermark, t.watermark_text) if mark is not None]
    for placement in (overlays.merged(mark, t.watermark_position) for mark in marks):
        if placement.gravity in _LOOKS_AT_PICTURE:
            notes.add("watermark.gravity")
        if placement.blend is not None and blend_mode(placement.blend) is None:
            notes.add("watermark.blend")
    return notes
