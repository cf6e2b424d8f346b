"""The table of imgix parameters, one row each: its names, and the rule that reads and converts it.

Rules run in the order of the table, whatever the order of the URL. Rows that share a rule are read together.
Names and aliases are those of imgix-url-params 11.36.0. The conversions are inferred from the documents of
both services: no picture of either was compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from imgwire_async.migrate.translation.rules.adjustments import (
    background,
    blur,
    brightness,
    chosen,
    contrast,
    differing,
    duotone,
    hue,
    invert,
    lacking,
    pixelate,
    rotation,
    saturation,
    sharpness,
    tint,
    without_effect,
)
from imgwire_async.migrate.translation.rules.geometry import size
from imgwire_async.migrate.translation.rules.output import output, resolution
from imgwire_async.migrate.translation.rules.overlay import overlay
from imgwire_async.migrate.translation.rules.state import Rule, State


class Row(NamedTuple):
    """A parameter."""

    name: str
    aliases: str
    """Other names, with blanks between."""
    rule: Rule


def of_border(name: str) -> Rule:
    """A detail of `border`, which cannot be expressed."""

    def rule(state: State) -> None:
        if "border" in state.given:
            state.lacks(name, "borders are plain")
        else:
            state.ignores(name, "only with border")

    return rule


_Choices = Mapping[str, tuple[tuple[str, str] | None, str, str]]
_FILL = "detail of a fill that has no counterpart"
_BLEND = "no blending of pictures or colours"
_DATA = "data, not a picture"
_ANIMATION = "no animation control"
_VIDEO = "a video"
_AI = "no AI operations"
_MASK = "no masks or rounded corners"
_CHROMA: _Choices = {
    "444": (("chroma_subsampling", "4:4:4"), "exact", ""),
    "422": (("chroma_subsampling", "4:2:2"), "exact", ""),
    "420": (None, "ignored", "the default"),
}
_COLOR_SPACES: _Choices = {
    "srgb": (("color_profile", "srgb"), "exact", ""),
    "strip": (("strip_color_profile", "true"), "exact", ""),
    "origin": (("color_profile", "keep"), "exact", ""),
    "tinysrgb": (("color_profile", "srgb"), "approximate", "tinysrgb: sRGB with its full profile"),
    "adobergb1998": (None, "unsupported", "adobergb1998: no such profile"),
}
_METADATA: _Choices = {
    "allow": (("keep_copyright", "true"), "approximate", "keeps other metadata as well"),
    "block": (("strip_metadata", "true"), "approximate", "removes all metadata"),
}

TABLE: Final = (
    # Size
    Row("rect", "", size),
    Row("w", "width", size),
    Row("h", "height", size),
    Row("ar", "", size),
    Row("max-w", "max-width", size),
    Row("max-h", "max-height", size),
    Row("min-w", "min-width", size),
    Row("min-h", "min-height", size),
    Row("fit", "f", size),
    Row("crop", "", size),
    Row("fp-x", "", size),
    Row("fp-y", "", size),
    Row("fp-z", "", size),
    Row("fp-debug", "", size),
    Row("facepad", "", size),
    Row("faceindex", "", size),
    Row("dpr", "", size),
    Row("pad", "", size),
    Row("pad-top", "", size),
    Row("pad-right", "", size),
    Row("pad-bottom", "", size),
    Row("pad-left", "", size),
    Row("border", "", size),
    Row("border-top", "", size),
    Row("border-right", "", size),
    Row("border-bottom", "", size),
    Row("border-left", "", size),
    Row("ch", "", differing("ch", "client hints are not read; the sizes of the URL apply")),
    Row("border-radius", "", of_border("border-radius")),
    Row("border-radius-inner", "", of_border("border-radius-inner")),
    Row("border-stroke-color", "", of_border("border-stroke-color")),
    Row("border-stroke-size", "", of_border("border-stroke-size")),
    # Background
    Row("bg", "", background),
    Row("fill", "", background),
    Row("fill-color", "fillcolor", background),
    Row("fill-gen-fallback", "fill-generative-fallback", without_effect("fill-gen-fallback", _FILL)),
    Row(
        "fill-gen-neg-prompt", "fill-generative-negative-prompt", without_effect("fill-gen-neg-prompt", _FILL)
    ),
    Row("fill-gen-pos", "fill-generative-position", without_effect("fill-gen-pos", _FILL)),
    Row("fill-gen-prompt", "fill-generative-prompt", without_effect("fill-gen-prompt", _FILL)),
    Row("fill-gen-seed", "fill-generative-seed", without_effect("fill-gen-seed", _FILL)),
    Row("fill-gradient-cs", "", without_effect("fill-gradient-cs", _FILL)),
    Row("fill-gradient-linear", "", without_effect("fill-gradient-linear", _FILL)),
    Row("fill-gradient-linear-direction", "", without_effect("fill-gradient-linear-direction", _FILL)),
    Row("fill-gradient-radial", "", without_effect("fill-gradient-radial", _FILL)),
    Row("fill-gradient-radial-radius", "", without_effect("fill-gradient-radial-radius", _FILL)),
    Row("fill-gradient-radial-x", "", without_effect("fill-gradient-radial-x", _FILL)),
    Row("fill-gradient-radial-y", "", without_effect("fill-gradient-radial-y", _FILL)),
    Row("fill-gradient-type", "", without_effect("fill-gradient-type", _FILL)),
    Row("grid-colors", "", without_effect("grid-colors", _FILL)),
    Row("grid-size", "", without_effect("grid-size", _FILL)),
    Row("transparency", "", lacking("transparency", "no chequered background", switched=True)),
    # Rotation
    Row("rot", "", rotation),
    Row("rot-type", "rott rottype", rotation),
    Row("orient", "or", rotation),
    Row("flip", "", rotation),
    # Adjustments and style
    Row("bri", "", brightness),
    Row("exp", "", brightness),
    Row("con", "", contrast),
    Row("sat", "", saturation),
    Row("hue", "", hue),
    Row("invert", "inv", invert),
    Row("sharp", "", sharpness),
    Row("usm", "", sharpness),
    Row("usmrad", "", sharpness),
    Row("blur", "", blur),
    Row("px", "", pixelate),
    Row("sepia", "", tint),
    Row("monochrome", "mono", tint),
    Row("duotone", "", duotone),
    Row("duotone-alpha", "", duotone),
    Row("gam", "", lacking("gam", "no tone curves", switched=True)),
    Row("high", "", lacking("high", "no tone curves", switched=True)),
    Row("shad", "", lacking("shad", "no tone curves", switched=True)),
    Row("vib", "", lacking("vib", "no vibrance", switched=True)),
    Row("nr", "", lacking("nr", "no noise reduction", switched=True)),
    Row("nrs", "", lacking("nrs", "no noise reduction", switched=True)),
    Row("htn", "", lacking("htn", "no halftone", switched=True)),
    Row("hue-set", "", lacking("hue-set", "no fixed hue")),
    Row("gradient-map", "", lacking("gradient-map", "no map of several colours")),
    # Overlays
    Row("mark", "m", overlay),
    Row("mark-align", "ma markalign", overlay),
    Row("mark-alpha", "malph markalpha", overlay),
    Row("mark-base", "markbase mb", overlay),
    Row("mark-fit", "markfit mf", overlay),
    Row("mark-h", "markh mh", overlay),
    Row("mark-if-min-height", "", overlay),
    Row("mark-if-min-width", "", overlay),
    Row("mark-pad", "markpad mp", overlay),
    Row("mark-rot", "", overlay),
    Row("mark-scale", "markscale ms", overlay),
    Row("mark-tile", "marktile mtile", overlay),
    Row("mark-w", "markw mw", overlay),
    Row("mark-x", "markx mx", overlay),
    Row("mark-y", "marky my", overlay),
    Row("txt", "t", overlay),
    Row("txt-align", "ta txtalign", overlay),
    Row("txt-clip", "tcl txtclip", overlay),
    Row("txt-color", "tc txt-clr txtclr txtcolor", overlay),
    Row("txt-fit", "txtfit", overlay),
    Row("txt-font", "tf txtfont", overlay),
    Row("txt-lead", "txtlead", overlay),
    Row("txt-line", "tl txtline", overlay),
    Row("txt-line-color", "txt-line-clr txtlineclr txtlinecolor", overlay),
    Row("txt-pad", "tp txtpad", overlay),
    Row("txt-shad", "tsh txtshad", overlay),
    Row("txt-size", "tsz txtsize", overlay),
    Row("txt-track", "tt txttrack", overlay),
    Row("txt-width", "txtwidth", overlay),
    Row("txt-x", "txtx", overlay),
    Row("txt-y", "txty", overlay),
    Row("blend", "b", lacking("blend", _BLEND)),
    Row("blend-align", "ba blendalign", lacking("blend-align", _BLEND)),
    Row("blend-alpha", "balph blendalpha", lacking("blend-alpha", _BLEND)),
    Row("blend-color", "blend-clr blendclr blendcolor", lacking("blend-color", _BLEND)),
    Row("blend-crop", "bc blendcrop", lacking("blend-crop", _BLEND)),
    Row("blend-fit", "bf blendfit", lacking("blend-fit", _BLEND)),
    Row("blend-h", "bh blendh", lacking("blend-h", _BLEND)),
    Row("blend-mode", "blendmode bm", lacking("blend-mode", _BLEND)),
    Row("blend-pad", "blendpad bp", lacking("blend-pad", _BLEND)),
    Row("blend-size", "blendsize bs", lacking("blend-size", _BLEND)),
    Row("blend-w", "blendw bw", lacking("blend-w", _BLEND)),
    Row("blend-x", "blendx bx", lacking("blend-x", _BLEND)),
    Row("blend-y", "blendy by", lacking("blend-y", _BLEND)),
    # Output
    Row("fm", "", output),
    Row("auto", "", output),
    Row("q", "", output),
    Row("lossless", "", output),
    Row("jpg-progressive", "jpeg-progressive", output),
    Row("chromasub", "", chosen("chromasub", _CHROMA)),
    Row("cs", "", chosen("cs", _COLOR_SPACES)),
    Row("dpi", "", resolution),
    Row("iptc", "", chosen("iptc", _METADATA)),
    Row("colorquant", "", lacking("colorquant", "no choice of colours")),
    Row("palette", "", lacking("palette", _DATA)),
    Row("colors", "", lacking("colors", _DATA)),
    Row("faces", "", lacking("faces", _DATA)),
    Row("prefix", "", lacking("prefix", _DATA)),
    Row("page", "", lacking("page", "documents are not stored")),
    Row("frame", "", lacking("frame", "no choice of frames")),
    Row("fps", "", lacking("fps", _ANIMATION)),
    Row("loop", "", lacking("loop", _ANIMATION)),
    Row("interval", "", lacking("interval", _ANIMATION)),
    Row("skip", "", lacking("skip", _ANIMATION)),
    Row("reverse", "", lacking("reverse", _ANIMATION)),
    Row("video-bitrate", "", lacking("video-bitrate", _VIDEO)),
    Row("video-clip-duration", "", lacking("video-clip-duration", _VIDEO)),
    Row("video-clip-end", "", lacking("video-clip-end", _VIDEO)),
    Row("video-clip-start", "", lacking("video-clip-start", _VIDEO)),
    Row("video-codec", "", lacking("video-codec", _VIDEO)),
    Row("video-generate-subtitles", "", lacking("video-generate-subtitles", _VIDEO)),
    Row("video-renditions", "", lacking("video-renditions", _VIDEO)),
    Row("video-spritesheet-columns", "", lacking("video-spritesheet-columns", _VIDEO)),
    Row("video-spritesheet-format", "", lacking("video-spritesheet-format", _VIDEO)),
    Row("video-spritesheet-h", "", lacking("video-spritesheet-h", _VIDEO)),
    Row("video-spritesheet-interval", "", lacking("video-spritesheet-interval", _VIDEO)),
    Row("video-spritesheet-smart-crop", "", lacking("video-spritesheet-smart-crop", _VIDEO)),
    Row("video-spritesheet-w", "", lacking("video-spritesheet-w", _VIDEO)),
    Row("video-subtitle-translations", "", lacking("video-subtitle-translations", _VIDEO)),
    Row("video-thumbnail", "", lacking("video-thumbnail", _VIDEO)),
    Row("video-wave", "", lacking("video-wave", _VIDEO)),
    Row("video-wave-align", "", lacking("video-wave-align", _VIDEO)),
    Row("video-wave-amplitude", "", lacking("video-wave-amplitude", _VIDEO)),
    Row("video-wave-bg-color", "", lacking("video-wave-bg-color", _VIDEO)),
    Row("video-wave-color", "", lacking("video-wave-color", _VIDEO)),
    Row("video-wave-h", "", lacking("video-wave-h", _VIDEO)),
    Row("video-wave-mode", "", lacking("video-wave-mode", _VIDEO)),
    Row("video-wave-pad", "", lacking("video-wave-pad", _VIDEO)),
    Row("video-wave-scale", "", lacking("video-wave-scale", _VIDEO)),
    Row("video-wave-split", "", lacking("video-wave-split", _VIDEO)),
    Row("video-wave-thickness", "", lacking("video-wave-thickness", _VIDEO)),
    Row("video-wave-w", "", lacking("video-wave-w", _VIDEO)),
    Row("video-wave-x", "", lacking("video-wave-x", _VIDEO)),
    Row("video-wave-y", "", lacking("video-wave-y", _VIDEO)),
    # Artificial intelligence, detection and shapes
    Row("bg-remove", "background-remove", lacking("bg-remove", _AI, switched=True)),
    Row("bg-remove-fallback", "", lacking("bg-remove-fallback", _AI, switched=True)),
    Row("bg-remove-fg-type", "", lacking("bg-remove-fg-type", _AI, switched=True)),
    Row(
        "bg-remove-semi-transparency",
        "background-removal-semi-transparency",
        lacking("bg-remove-semi-transparency", _AI, switched=True),
    ),
    Row(
        "bg-remove-transparency-threshold",
        "",
        lacking("bg-remove-transparency-threshold", _AI, switched=True),
    ),
    Row("bg-replace", "background-replace", lacking("bg-replace", _AI, switched=True)),
    Row("bg-replace-fallback", "", lacking("bg-replace-fallback", _AI, switched=True)),
    Row(
        "bg-replace-neg-prompt",
        "background-replace-negative-prompt",
        lacking("bg-replace-neg-prompt", _AI, switched=True),
    ),
    Row("object-removal-negative-prompt", "", lacking("object-removal-negative-prompt", _AI, switched=True)),
    Row("object-removal-prompt", "", lacking("object-removal-prompt", _AI, switched=True)),
    Row("object-removal-rect", "", lacking("object-removal-rect", _AI, switched=True)),
    Row("object-removal-seed", "", lacking("object-removal-seed", _AI, switched=True)),
    Row("upscale", "", lacking("upscale", _AI, switched=True)),
    Row("upscale-fallback", "", lacking("upscale-fallback", _AI, switched=True)),
    Row("face-blur", "", lacking("face-blur", "no face detection", switched=True)),
    Row("face-pixel", "face-pixelate", lacking("face-pixel", "no face detection", switched=True)),
    Row("lp-blur", "license-plate-blur", lacking("lp-blur", "no detection of licence plates", switched=True)),
    Row("trim", "", lacking("trim", "no trimming")),
    Row("trim-alpha", "", lacking("trim-alpha", "no trimming")),
    Row("trim-color", "trimcolor", lacking("trim-color", "no trimming")),
    Row("trim-md", "trimmd", lacking("trim-md", "no trimming")),
    Row("trim-pad", "trimpad", lacking("trim-pad", "no trimming")),
    Row("trim-sd", "trimsd", lacking("trim-sd", "no trimming")),
    Row("trim-tol", "trimtol", lacking("trim-tol", "no trimming")),
    Row("mask", "", lacking("mask", _MASK)),
    Row("mask-bg", "maskbg", lacking("mask-bg", _MASK)),
    Row("corner-radius", "", lacking("corner-radius", _MASK)),
    Row("fill-max", "", lacking("fill-max", "no such rule")),
    Row("svg-sanitize", "", without_effect("svg-sanitize", "not for raster pictures")),
    Row("rasterize-bypass", "", without_effect("rasterize-bypass", "not for raster pictures")),
    Row("pdf-annotation", "annotation", without_effect("pdf-annotation", "not for raster pictures")),
    # Delivery
    Row("s", "", without_effect("s", "signature; Imgwire URLs are public")),
    Row("ixlib", "", without_effect("ixlib", "library mark")),
    Row("ixid", "", without_effect("ixid", "tracking mark")),
    Row("expires", "", lacking("expires", "delivery URLs do not expire")),
    Row("dl", "", lacking("dl", "delivery cannot force a download")),
)

NAMES: Final = {spelling: row.name for row in TABLE for spelling in (row.name, *row.aliases.split())}
"""The canonical name of each name and alias."""
RULES: Final = {row.name: row.rule for row in TABLE}
_order = list(dict.fromkeys([size, *RULES.values()]))
ORDER: Final = {row.name: _order.index(row.rule) for row in TABLE}
"""When the rule of a parameter runs."""
IN_ORDER: Final = tuple(_order)
WITHOUT_BASE64: Final = frozenset({"auto", "ch"})
