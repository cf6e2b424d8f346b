"""CDN URLs: building, parsing and HTML, with transformations checked against one table. No I/O.

`cdn_url` documents the arguments; `reference()` lists every transformation.
"""

from imgwire_async.errors import InvalidTransformationError
from imgwire_async.imgwire.cdn.forms import (
    RGB,
    Adjust,
    Contrast,
    Crop,
    Duotone,
    Extend,
    ExtendAspectRatio,
    Flip,
    Format,
    Gradient,
    Gravity,
    Negate,
    Normalize,
    Padding,
    Preset,
    Rotate,
    Sharpen,
    Watermark,
    WatermarkPosition,
    WatermarkShadow,
    WatermarkSize,
    WatermarkText,
    Zoom,
)
from imgwire_async.imgwire.cdn.keywords import Transformations
from imgwire_async.imgwire.cdn.table import reference
from imgwire_async.imgwire.cdn.urls import CdnUrlParts, Transformation, cdn_url, parse_cdn_url
from imgwire_async.imgwire.image_urls import CdnUrls

# fmt: off
__all__ = [
    "RGB", "Adjust", "CdnUrlParts", "CdnUrls", "Contrast", "Crop", "Duotone", "Extend", "ExtendAspectRatio",
    "Flip", "Format", "Gradient", "Gravity", "InvalidTransformationError", "Negate", "Normalize", "Padding",
    "Preset", "Rotate", "Sharpen", "Transformation", "Transformations", "Watermark", "WatermarkPosition",
    "WatermarkShadow", "WatermarkSize", "WatermarkText", "Zoom", "cdn_url", "parse_cdn_url", "reference",
]
