"""Translating one URL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, cast

from imgwire_async.migrate.translation.records import (
    JUDGED,
    Asset,
    Assets,
    DefaultParams,
    ExifOrientation,
    Finding,
    Judgement,
    Status,
    Translation,
)
from imgwire_async.migrate.translation.rules.state import State, find_asset
from imgwire_async.migrate.translation.rules.table import IN_ORDER, NAMES, ORDER, WITHOUT_BASE64
from imgwire_async.migrate.translation.urls import (
    ascii_host,
    decoded_base64,
    is_imgix,
    is_imgix_video,
    pairs_of,
    signature_of,
    source_of,
    split_url,
)

if TYPE_CHECKING:
    from imgwire_async.cdn import Transformations

_MALFORMED = Translation("malformed")
_NOT_IMGIX = Translation("not_imgix")
_VIDEO = Translation("unsupported", unsupported=(Finding("host", "a video, which Imgwire does not store"),))
_TYPESETTING = Finding("path", "the typesetting endpoint has no counterpart")
_OUTPUT = ORDER["fm"]
_NO_ASSETS: Mapping[str, str | Asset] = {}


def translate_url(
    url: str,
    *,
    width: int | None = None,
    height: int | None = None,
    mime_type: str | None = None,
    exif_orientation: ExifOrientation = "unknown",
    token: str | None = None,
    hosts: Collection[str] = (),
    default_params: DefaultParams | None = None,
    assets: Assets | None = None,
    judgement: Judgement = JUDGED,
) -> Translation:
    """Translate a rendering URL of imgix. Accepts any text and makes no request.

    The more is known about the source, the more can be translated exactly. Arguments take precedence over the
    attributes of the URL's `Asset`.

    Args:
        url: The URL, not escaped for HTML or JSON.
        width: Width of the source in pixels.
        height: Height of the source in pixels.
        mime_type: MIME type of the source, such as `image/jpeg`.
        exif_orientation: EXIF orientation of the source, None if it has none. Default: unknown.
        token: `secure_url_token` of the source, to check the signature.
        hosts: Custom domains of imgix sources; `*.imgix.net` is always one.
        default_params: Default parameters of the source.
        assets: The images that are stored on Imgwire: for the new URL and for watermarks.
        judgement: The numbers that no document gives.

    Raises:
        InvalidTransformationError: the `cdn_url` of the asset is not a URL.
    """
    parts = split_url(url)
    if parts is None:
        return _MALFORMED
    host = parts.host
    if not is_imgix(host, hosts):
        # Hosts are compared in their DNS form, however the caller spells them.
        if hosts and host in {ascii_host(name) for name in hosts}:
            hosts = {ascii_host(name) for name in hosts}
        else:
            return _VIDEO if is_imgix_video(host) else _NOT_IMGIX
    source = source_of(parts)
    if source is None:
        return _MALFORMED
    signature = None if token is None else signature_of(parts, token)
    if source.path == "/~text":
        return Translation("unsupported", unsupported=(_TYPESETTING,), source=source, signature=signature)
    assets = _NO_ASSETS if assets is None else assets
    asset = find_asset(assets, source.host, source.path, source.origin_url) or _UNKNOWN_ASSET
    state = State(
        {},
        width=_pixels(asset.width if width is None else width),
        height=_pixels(asset.height if height is None else height),
        mime_type=asset.mime_type if mime_type is None else mime_type,
        exif_orientation=asset.exif_orientation if exif_orientation == "unknown" else exif_orientation,
        hosts=hosts,
        assets=assets,
        judgement=judgement,
    )
    state.host = source.host
    unknown = _read(state, pairs_of(parts.query) if parts.query else (), default_params)
    _run(state)
    status: Status = "unsupported" if state.unsupported else "approximate" if state.approximate else "exact"
    transformations = cast("Transformations", state.out)
    return Translation(
        status,
        transformations,
        tuple(state.approximate),
        tuple(state.unsupported),
        tuple(state.ignored),
        unknown,
        source,
        signature,
        _new_url(asset, transformations) if "/" in asset.image else None,
    )


_UNKNOWN_ASSET = Asset("")


def _read(
    state: State, pairs: Iterable[tuple[str, str]], default_params: DefaultParams | None
) -> tuple[Finding, ...]:
    """Fill in the parameters by canonical name. Returns the names that are not imgix parameters."""
    given: dict[str, str] = {}
    seen: set[str] = set()
    unknown: dict[str, None] = {}
    _collect(state, pairs, given, seen, unknown)
    if default_params:
        defaults: dict[str, str] = {}
        fresh = State(
            {},
            width=None,
            height=None,
            mime_type=None,
            exif_orientation=None,
            hosts=(),
            assets={},
            judgement=state.judgement,
        )
        written = [(name, _as_text(value)) for name, value in default_params.items() if value is not None]
        _collect(fresh, written, defaults, set(), unknown)
        state.unsupported += fresh.unsupported
        for name, value in defaults.items():
            if name == "auto" and "auto" in given:
                given["auto"] += f",{value}"
            elif name not in seen:
                given[name] = value
    state.given = given
    return tuple([Finding(name, "not a parameter of imgix") for name in unknown]) if unknown else ()


def _collect(
    state: State,
    pairs: Iterable[tuple[str, str]],
    given: dict[str, str],
    seen: set[str],
    unknown: dict[str, None],
) -> None:
    for spelled, written in pairs:
        name = NAMES.get(spelled)
        value = written
        if name is None:
            name = NAMES.get(spelled[:-2]) if spelled.endswith("64") else None
            if name is None or name in WITHOUT_BASE64:
                unknown[spelled] = None
                continue
            seen.add(name)
            if written:
                decoded = decoded_base64(written)
                if decoded is None:
                    state.lacks(spelled, "not URL-safe base64 of UTF-8")
                    continue
                value = decoded
        seen.add(name)
        if not value:
            state.ignores(name, "empty value")
        elif name not in given or given[name] == value:
            given[name] = value
        elif name == "auto":
            given["auto"] += f",{value}"
        else:
            if not any(found.name == name for found in state.approximate):
                state.approximates(name, "given more than once with different values: the last one is taken")
            given[name] = value


def _run(state: State) -> None:
    due = {ORDER[name] for name in state.given}
    due.add(_OUTPUT)  # even without parameters, the format of the source is kept
    for index in sorted(due):
        IN_ORDER[index](state)


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple):
        return ",".join(map(_as_text, value))
    return str(value)


def _pixels(value: int | None) -> int | None:
    return value if value is not None and value > 0 else None


def _new_url(asset: Asset, transformations: Transformations) -> str:
    from imgwire_async.cdn import cdn_url  # takes longer to load than all of this

    return cdn_url(asset.image, **transformations)
