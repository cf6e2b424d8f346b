"""The inputs and results of a translation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, cast

if TYPE_CHECKING:
    from imgwire_async.cdn import Transformations

Status: TypeAlias = Literal["exact", "approximate", "unsupported", "malformed", "not_imgix"]
Signature: TypeAlias = Literal["valid", "invalid", "missing"]
ExifOrientation: TypeAlias = int | Literal["unknown"] | None
"""1 to 8, None for a source without EXIF orientation, or `"unknown"`."""
DefaultParams: TypeAlias = Mapping[str, object]


MISREAD: Final = (": left out", "unknown value: clip is taken")
"""Endings of the reasons for values that cannot be read."""


class Finding(NamedTuple):
    """A parameter and the result of its translation."""

    name: str
    """Canonical name of the imgix parameter; for `unknown`, as spelled in the URL."""
    reason: str


class ImgixSource(NamedTuple):
    """The file that an imgix URL shows."""

    host: str
    """Host name in lower case."""
    path: str | None
    """Decoded path of the file at the origin, with its leading slash; None for a web proxy."""
    origin_url: str | None = None
    """The image's own URL, if the source is a web proxy."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A stored image and the known properties of its picture.

    Attributes:
        image: Its `cdn_url`, or only its id: enough for a watermark, but not for a new URL.
        width: Width in pixels.
        height: Height in pixels.
        mime_type: MIME type of the source, such as `image/jpeg`.
        exif_orientation: EXIF orientation of the source.
    """

    image: str
    width: int | None = None
    height: int | None = None
    mime_type: str | None = None
    exif_orientation: ExifOrientation = "unknown"


Assets: TypeAlias = Mapping[str, str | Asset]
"""Stored images by origin path (`/a.jpg`), by host and origin path (`shop.imgix.net/a.jpg`, which takes
precedence), or, for a web proxy source, by the image's own URL. A text is the `image` of an `Asset`."""


@dataclass(frozen=True, slots=True)
class Translation:
    """The translation of an imgix URL for Imgwire.

    Attributes:
        status: `exact`, `approximate`, `unsupported` (part of it cannot be expressed; the rest is
            translated), `malformed` (not a URL) or `not_imgix` (leave it alone).
        transformations: Canonical Imgwire transformations as text, ready for `image.url(**transformations)`.
        approximate: Parameters translated to something similar.
        unsupported: Parameters that cannot be expressed. `host`, `path` if the URL as a whole cannot.
        ignored: Parameters without effect on imgix, or that only concern delivery.
        unknown: Names that are not imgix parameters.
        source: The file that is shown; None if the URL is not an imgix URL.
        signature: Whether `s` is valid; None if no token was passed.
        url: The new URL, if the `cdn_url` of the image is known.
    """

    status: Status
    transformations: Transformations = field(default_factory=lambda: cast("Transformations", {}))
    approximate: tuple[Finding, ...] = ()
    unsupported: tuple[Finding, ...] = ()
    ignored: tuple[Finding, ...] = ()
    unknown: tuple[Finding, ...] = ()
    source: ImgixSource | None = None
    signature: Signature | None = None
    url: str | None = None

    @property
    def is_misread(self) -> bool:
        """Whether a value is not one that imgix documents: a mistake, or text after the URL."""
        return any(found.reason.endswith(MISREAD) for found in self.approximate)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The numbers that no document specifies. They are estimates, so pass your own if you know better.

    Attributes:
        blur_divisor: Sigma of the blur = `blur` / this.
        sharp_base: Sigma of the sharpening at `sharp=0`.
        sharp_divisor: Sigma of the sharpening = base + `sharp` / this.
        usm_radius: Default `usmrad`.
        usm_limits: Minimum and maximum sigma for an unsharp mask.
        tone_divisor: Factor of `bri`, `con` and `sat` = 1 + value / this.
        exposure_divisor: Factor of `exp` = 2 to the power of value / this.
        compress_quality: Quality for `auto=compress` without `q`.
        lossless_quality: Quality for `lossless=true`.
        sepia: Colour for `sepia`, six hex digits.
    """

    blur_divisor: float = 20
    sharp_base: float = 0.5
    sharp_divisor: float = 50
    usm_radius: float = 2.5
    usm_limits: tuple[float, float] = (0.3, 10)
    tone_divisor: float = 100
    exposure_divisor: float = 100
    compress_quality: int = 45
    lossless_quality: int = 100
    sepia: str = "704214"


JUDGED = Judgement()
