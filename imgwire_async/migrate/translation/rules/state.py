"""The state of one translation, which the rows of the table write to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from urllib.parse import unquote

from imgwire_async.migrate.translation.records import Asset, Assets, ExifOrientation, Finding, Judgement
from imgwire_async.migrate.translation.rules.values import half_up, number


class State:
    """Parameters by canonical name, what is known of the source, and what has come out so far."""

    __slots__ = (
        "approximate",
        "asked",
        "assets",
        "exif_orientation",
        "fit",
        "given",
        "height",
        "host",
        "hosts",
        "ignored",
        "judgement",
        "mime_type",
        "out",
        "source",
        "unsupported",
        "width",
    )

    def __init__(
        self,
        given: Mapping[str, str],
        *,
        width: int | None,
        height: int | None,
        mime_type: str | None,
        exif_orientation: ExifOrientation,
        hosts: Collection[str],
        assets: Assets,
        judgement: Judgement,
    ) -> None:
        self.given = given
        self.width = width
        self.height = height
        self.mime_type = mime_type
        self.exif_orientation = exif_orientation
        self.hosts = hosts
        self.assets = assets
        self.judgement = judgement
        self.source = (width, height)
        """Width and height of the file, before anything is turned or cut."""
        self.out: dict[str, str] = {}
        self.approximate: list[Finding] = []
        self.unsupported: list[Finding] = []
        self.ignored: list[Finding] = []
        self.host = ""
        """Host of the URL: a mark without one is a file of the same source."""
        self.fit = ""
        """The `fit` that has an effect, if any."""
        self.asked: tuple[int | None, int | None] = (None, None)
        """Width and height of the whole."""

    def approximates(self, name: str, reason: str) -> None:
        """Report that a parameter becomes something similar."""
        self.approximate.append(Finding(name, reason))

    def lacks(self, name: str, reason: str) -> None:
        """Report that a parameter cannot be expressed."""
        self.unsupported.append(Finding(name, reason))

    def ignores(self, name: str, reason: str) -> None:
        """Report that a parameter has no effect."""
        self.ignored.append(Finding(name, reason))

    def limited(self, name: str, low: float, high: float) -> float | None:
        """A number of the parameters, limited; None and a report if it is not a number."""
        found = number(self.given[name])
        if found is None:
            self.approximates(name, "not a number: left out")
        elif not low <= found <= high:
            self.approximates(name, f"limited to ±{high}" if low == -high else f"limited to {low} to {high}")
            return min(max(found, low), high)
        return found

    def whole(self, name: str, low: int, high: int) -> int | None:
        """`limited`, rounded to a whole number."""
        found = self.limited(name, low, high)
        if found is None or isinstance(found, int):
            return found
        self.approximates(name, "rounded to a whole number")
        return half_up(found)


Rule = Callable[[State], None]


def find_asset(assets: Assets, host: str, path: str | None, origin_url: str | None = None) -> Asset | None:
    """The stored image of a file, by the host and path, the path, or its own URL."""
    if not assets:
        return None
    found: str | Asset | None
    if path is None:
        found = assets.get(origin_url or "")
    else:
        found = assets.get(host + path)
        if found is None:
            found = assets.get(path)
    return Asset(found) if isinstance(found, str) else found


def image_id(asset: Asset) -> str:
    """The id of a stored image."""
    return unquote(asset.image.partition("?")[0].partition("#")[0].rpartition("/")[2])
