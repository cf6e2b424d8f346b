"""Comparing two pictures by their pixels (extra: `migrate`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from imgwire_async.core.log_of_pyvips import keep_above_debug
from imgwire_async.errors import ConfigurationError

if TYPE_CHECKING:
    import pyvips

MEAN_TOLERANCE: Final = 1.5
WORST_TOLERANCE: Final = 4.0
"""Levels of 255. The two local services, which share one image library, stay below 0.65 and 2 for all exact
translations of ten photographs; more is left for the decoders and resampling filters of others."""
MEAN_TOLERANCE_OFF_BY_ONE: Final = 8.0
WORST_TOLERANCE_OFF_BY_ONE: Final = 32.0
"""The same if a side differs by one pixel, because half a pixel may be rounded up or down: details are then
moved by up to half a pixel. The local services stay below 5.2 and 15."""
_TILE: Final = 16
_AMPLIFIED: Final = 8
_MOST_PIXELS: Final = 100_000_000
"""Maximum pixels of a picture to decode. A few kilobytes can contain billions."""
_THUMBNAIL: Final = 360
"""Largest side of the pictures in a report, in pixels."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How two pictures differ.

    Attributes:
        old_size: Width and height of the first in pixels.
        new_size: Width and height of the second.
        mean: Mean difference of all channels in levels from 0 to 255, in the area that both cover; colours
            are weighted by opacity. None if the sizes differ by more than a pixel.
        worst: The same for the tile of 16 × 16 pixels that differs most.
    """

    old_size: tuple[int, int]
    new_size: tuple[int, int]
    mean: float | None
    worst: float | None

    def is_within(self, mean: float = MEAN_TOLERANCE, worst: float = WORST_TOLERANCE) -> bool:
        """Whether the difference is within tolerances, which are raised if a side differs by a pixel."""
        if self.mean is None or self.worst is None:
            return False
        if self.old_size != self.new_size:
            mean = max(mean, MEAN_TOLERANCE_OFF_BY_ONE)
            worst = max(worst, WORST_TOLERANCE_OFF_BY_ONE)
        return self.mean <= mean and self.worst <= worst


def check_pictures() -> None:
    """Check that pictures can be compared.

    Raises:
        ConfigurationError: the extra is missing.
    """
    try:
        import pyvips  # noqa: F401 - only whether it is there
    except (ModuleNotFoundError, OSError):
        raise ConfigurationError(
            "comparing pictures needs libvips: pip install 'imgwire-async[migrate]'"
        ) from None


def measure(old: bytes, new: bytes) -> Measured:
    """Compare two encoded pictures.

    Raises:
        ValueError: one cannot be decoded.
    """
    first, second = _decoded(old), _decoded(new)
    sizes = (first.width, first.height), (second.width, second.height)
    if abs(first.width - second.width) > 1 or abs(first.height - second.height) > 1:
        return Measured(*sizes, None, None)
    difference = _difference(first, second)
    tiles = difference.bandmean().shrink(min(_TILE, difference.width), min(_TILE, difference.height))
    return Measured(*sizes, round(difference.avg(), 3), round(tiles.max(), 3))


def pictures_of(old: bytes, new: bytes) -> tuple[bytes, bytes, bytes | None]:
    """Both pictures and their difference as small WebP for a report; no difference if the sizes differ."""
    first, second = _decoded(old), _decoded(new)
    difference = None
    if abs(first.width - second.width) <= 1 and abs(first.height - second.height) <= 1:
        amplified = _difference(first, second).linear([_AMPLIFIED], [0])
        difference = amplified[:3].cast("uchar").copy(interpretation="srgb")
    return _small(first), _small(second), None if difference is None else _small(difference)


def _decoded(data: bytes) -> pyvips.Image:
    import pyvips

    keep_above_debug()
    try:
        image = pyvips.Image.new_from_buffer(data, "")
        if image.width * image.height > _MOST_PIXELS:
            raise ValueError(f"{image.width:,} × {image.height:,} pixels are too many to compare")
        if image.get_typeof("icc-profile-data") and image.interpretation != "b-w":
            image = image.icc_transform("srgb", embedded=True)
        image = image.colourspace("srgb").cast("uchar")
        return image.copy_memory()
    except pyvips.Error as error:
        reason = str(error).strip().splitlines()
        raise ValueError(reason[0] if reason else "it cannot be decoded") from error


def _difference(first: pyvips.Image, second: pyvips.Image) -> pyvips.Image:
    """Absolute difference of three channels, or of four if one of the pictures has transparency."""
    width, height = min(first.width, second.width), min(first.height, second.height)
    if first.hasalpha() or second.hasalpha():
        first, second = (image if image.hasalpha() else image.addalpha() for image in (first, second))
        first, second = first.premultiply(), second.premultiply()
    return (first.crop(0, 0, width, height) - second.crop(0, 0, width, height)).abs()


def _small(image: pyvips.Image) -> bytes:
    if max(image.width, image.height) > _THUMBNAIL:
        image = image.thumbnail_image(_THUMBNAIL, height=_THUMBNAIL)
    data: bytes = image.webpsave_buffer(Q=80)
    return data
