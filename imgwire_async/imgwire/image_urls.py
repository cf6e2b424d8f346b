"""URLs and HTML of one image, as methods of its record.

The table of transformations is loaded on the first call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

from imgwire_async.errors import InvalidTransformationError

if TYPE_CHECKING:
    from imgwire_async.imgwire.cdn.forms import Format, Preset
    from imgwire_async.imgwire.cdn.keywords import Transformations

_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9:_.-]*")


class CdnUrls:
    """Mixin for image records: builds URLs and HTML from `cdn_url` and transformations."""

    __slots__ = ()
    cdn_url: str

    def url(
        self,
        /,
        preset: Preset | None = None,
        *,
        strict: bool = True,
        **transformations: Unpack[Transformations],
    ) -> str:
        """The URL of the image with a preset and transformations; see `imgwire_async.imgwire.cdn.cdn_url`.

        Raises:
            InvalidTransformationError: an argument or transformation is not allowed.
        """
        from imgwire_async.imgwire.cdn.urls import build

        return build(self.cdn_url, preset, transformations.items(), strict=strict)

    def srcset(
        self,
        /,
        *,
        widths: Sequence[int] | None = None,
        densities: Sequence[float] | None = None,
        preset: Preset | None = None,
        strict: bool = True,
        **transformations: Unpack[Transformations],
    ) -> str:
        """The value of a `srcset` attribute, not yet escaped for HTML.

        Args:
            widths: Widths in pixels; each becomes a candidate with `width=`, such as `320w`. Or:
            densities: Pixel densities; each becomes a candidate with `dpr=`, such as `2x`.
            preset: As in `url`.
            strict: As in `url`; widths and densities are always checked.
            transformations: As in `url`, for every candidate.

        Raises:
            InvalidTransformationError: a transformation is not allowed, or both or neither of `widths` and
                `densities` were given.
        """
        if widths is None and densities is None:
            raise InvalidTransformationError("srcset", None, "either widths or densities")
        pairs = tuple(transformations.items())
        return ", ".join(_candidates(self.cdn_url, preset, pairs, widths, densities, strict))

    def picture(
        self,
        /,
        alt: str,
        *,
        widths: Sequence[int] | None = None,
        densities: Sequence[float] | None = None,
        sizes: str | None = None,
        fallback: Format = "auto",
        attributes: Mapping[str, str] | None = None,
        preset: Preset | None = None,
        strict: bool = True,
        **transformations: Unpack[Transformations],
    ) -> str:
        """A `<picture>` element with AVIF, WebP and a fallback, everything escaped.

        Args:
            alt: Alternative text; empty for decorative images.
            widths: As in `srcset`; the last one is the `src` of the fallback.
            densities: As in `srcset`; the first one is the `src` of the fallback.
            sizes: The `sizes` attribute, for `widths`.
            fallback: Format of the `<img>`. `auto` leaves it to the service, which keeps transparency.
            attributes: More attributes of the `<img>`, such as `{"loading": "lazy"}`; they cannot replace
                those above.
            preset: As in `url`.
            strict: As in `url`.
            transformations: As in `url`, except `format`.

        Raises:
            InvalidTransformationError: an argument or transformation is not allowed.
        """
        from imgwire_async.imgwire.cdn.kinds import as_text

        def candidates(image_format: Format) -> list[str]:
            pairs = (*transformations.items(), ("format", image_format))
            return _candidates(self.cdn_url, preset, pairs, widths, densities, strict)

        common = {} if sizes is None else {"sizes": sizes}
        lines = ["<picture>"]
        for better in ("avif", "webp"):
            srcset = ", ".join(candidates(better))
            lines.append(_tag("source", {"type": f"image/{better}", "srcset": srcset, **common}))
        last = candidates(fallback)
        source = last[0 if widths is None else -1].partition(" ")[0]
        image = {"src": source, "srcset": ", ".join(last), **common, "alt": alt}
        more = {as_text(name).lower(): value for name, value in (attributes or {}).items()}
        return "\n".join([*lines, _tag("img", more | image), "</picture>"])


def _candidates(
    base: str,
    preset: Preset | None,
    pairs: Sequence[tuple[str, object]],
    widths: Sequence[int] | None,
    densities: Sequence[float] | None,
    strict: bool,
) -> list[str]:
    """The image candidates of a `srcset`, or just the URL when there are neither widths nor densities."""
    from imgwire_async.imgwire.cdn.urls import build, encode_pair

    if widths is not None and densities is not None:
        raise InvalidTransformationError("srcset", None, "either widths or densities")
    name, unit, wanted = ("width", "w", widths) if widths is not None else ("dpr", "x", densities)
    if wanted is None:
        return [build(base, preset, pairs, strict=strict)]
    if not issubclass(type(wanted), Sequence) or issubclass(type(wanted), str | bytes) or not wanted:
        raise InvalidTransformationError("srcset", wanted, "at least one width or density")
    urls = {}
    for value in wanted:
        descriptor = encode_pair(name, value, strict=True).removeprefix(f"{name}=") + unit
        urls[descriptor] = build(base, preset, (*pairs, (name, value)), strict=strict)
    return [f"{url} {descriptor}" for descriptor, url in urls.items()]


def _tag(name: str, attributes: Mapping[str, str]) -> str:
    """An HTML start tag."""
    import html

    from imgwire_async.imgwire.cdn.kinds import as_text

    parts = [name]
    for attribute, value in attributes.items():
        if not _ATTRIBUTE.fullmatch(attribute):
            raise InvalidTransformationError("attributes", attribute, "names of HTML attributes")
        if not issubclass(type(value), str):
            raise InvalidTransformationError("attributes", {attribute: value}, "text as value")
        parts.append(f'{attribute}="{html.escape(as_text(value))}"')
    return f"<{' '.join(parts)}>"
