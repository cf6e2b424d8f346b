"""The one overlay that Imgwire has: a watermark, or else a text."""

from __future__ import annotations

import base64
import json
from typing import NamedTuple
from urllib.parse import unquote

from imgwire_async.migrate.translation.rules.state import State, find_asset, image_id
from imgwire_async.migrate.translation.rules.values import (
    FARTHEST,
    LARGEST_SIDE,
    color,
    compass,
    fraction,
    half_up,
    switch,
    words,
    written,
)
from imgwire_async.migrate.translation.urls import is_imgix, pairs_of, source_of, split_url

_LONGEST_TEXT = 2048
_SILENT_FITS = ("clip", "max")
_SWITCHED_OFF = ("txt-line", "txt-lead", "txt-track")
_LACKING_TEXT = ("txt-line", "txt-line-color", "txt-clip", "txt-fit", "txt-lead", "txt-track")


class _Mark(NamedTuple):
    name: str
    value: str
    width: int | None = None
    height: int | None = None


def overlay(state: State) -> None:
    """Translate `mark` and `txt`. The mark wins, unless it cannot be expressed."""
    given = state.given
    marked = "mark" in given and _watermark(state)
    for name in given:
        if name.startswith("mark-") and "mark" not in given:
            state.ignores(name, "only with mark")
        elif name.startswith("txt-") and "txt" not in given:
            state.ignores(name, "only with txt")
    if "txt" in given:
        if marked:
            state.lacks("txt", "one overlay for each URL: the watermark is kept")
        else:
            _text(state)


def _watermark(state: State) -> bool:
    mark = _stored_or_public(state)
    if mark is None:
        return False
    given, out = state.given, state.out
    out[mark.name] = mark.value
    if "dpr" in out:
        state.approximates("mark", "whether imgix multiplies its size and distance by dpr is not published")
    parts: dict[str, object] = _placement(state, "mark", 5)
    if "mark-alpha" in given:
        alpha = state.limited("mark-alpha", 0, 100)
        if alpha is not None and alpha != 100:
            parts["opacity"] = round(alpha / 100, 4)
    if "left" in parts or "top" in parts:
        name = "mark-x" if "mark-x" in given else "mark-y"
        state.approximates(name, "counted from the left and upper edge")
        out["watermark_position"] = _json(parts)
    else:
        opacity = parts.get("opacity")
        tail = "" if opacity is None else f":{written(float(str(opacity)))}"
        out["watermark_position"] = f"{parts['gravity']}:{parts['x']}:{parts['y']}{tail}"
    _mark_size(state, mark)
    if "mark-fit" in given and given["mark-fit"].strip().lower() not in _SILENT_FITS:
        state.approximates("mark-fit", "the watermark keeps its shape within its size")
    if "mark-rot" in given and (angle := state.whole("mark-rot", -FARTHEST, FARTHEST)) is not None:
        if angle % 360:
            out["watermark_rotate"] = str(-angle % 360)
            state.approximates("mark-rot", "the direction of imgix is not published")
        else:
            state.ignores("mark-rot", "0 changes nothing")
    if "mark-tile" in given:
        state.lacks("mark-tile", "no tiling")
    for name in ("mark-if-min-width", "mark-if-min-height"):
        if name in given:
            state.lacks(name, "no conditions")
    return True


def _stored_or_public(state: State) -> _Mark | None:
    """The transformation that shows the mark; None and a report if there is none."""
    mark = state.given["mark"].strip()
    base = state.given.get("mark-base", "").strip()
    if base and not mark.lower().startswith(("http://", "https://", "//")):
        mark = f"{base.rstrip('/')}/{mark.lstrip('/')}"
    mark = mark.replace(" ", "%20") if "//" in mark else mark  # blanks of a URL that was encoded once
    scheme = mark.partition("//")[0].lower()
    if scheme not in ("http:", "https:", "") or (scheme == "" and not mark.startswith("//")):
        path, _, query = mark.partition("?")
        return _stored(state, state.host, "/" + path.lstrip("/"), query)
    url = split_url(mark)
    if url is not None and is_imgix(url.host, state.hosts):
        source = source_of(url)
        if source is None:
            state.lacks("mark", "not a URL")
            return None
        return _stored(state, source.host, source.path, url.query or "", source.origin_url)
    if scheme == "http:":
        state.lacks("mark", "only https addresses")
        return None
    encoded = _encodable(mark)
    if url is None or encoded is None:
        state.lacks("mark", "not a URL")
        return None
    address = encoded if scheme else b"https:" + encoded
    return _Mark("watermark_url", base64.b64encode(address).decode())


def _stored(
    state: State, host: str, path: str | None, query: str, origin_url: str | None = None
) -> _Mark | None:
    asset = find_asset(state.assets, host, path, origin_url)
    if asset is None and path is not None:
        asset = find_asset(state.assets, host, unquote(path))
    found = "" if asset is None else image_id(asset)
    if not found or ":" in found or found != found.strip() or _encodable(found) is None:
        state.lacks("mark", "served by imgix: the picture must be stored and its id known")
        return None
    sides: dict[str, int] = {}
    for name, text in pairs_of(query):
        value = fraction(text)
        if name in ("w", "h") and value is not None and value.denominator == 1 < value <= LARGEST_SIDE:
            sides[name] = value.numerator
        elif name not in ("s", "ixlib", "ixid"):
            state.approximates("mark", "of its own parameters only width and height are carried over")
    return _Mark("watermark", found, sides.get("w"), sides.get("h"))


def _mark_size(state: State, mark: _Mark) -> None:
    given = state.given
    width = _mark_side(state, "mark-w", state.asked[0]) if "mark-w" in given else mark.width
    height = _mark_side(state, "mark-h", state.asked[1]) if "mark-h" in given else mark.height
    if "mark-scale" in given:
        if width is not None or height is not None:
            state.ignores("mark-scale", "the mark has a size")
        elif state.asked[0] is None:
            state.lacks("mark-scale", "needs a width")
        else:
            scale = fraction(given["mark-scale"])
            if scale is None or not 0 < scale <= 100:
                state.approximates("mark-scale", "not a percentage from 1 to 100: left out")
            else:
                width = max(half_up(state.asked[0] * scale / 100), 1)
                state.approximates("mark-scale", "taken as a share of the requested width")
    if width is not None or height is not None:
        tail = "" if height is None else f":{height}"
        state.out["watermark_size"] = f"{'' if width is None else width}{tail}"


def _mark_side(state: State, name: str, asked: int | None) -> int | None:
    value = fraction(state.given[name])
    if value is None or value <= 0:
        state.approximates(name, "not a size: left out")
        return None
    if value <= 1:
        if asked is None:
            state.lacks(name, "a share needs a size of the whole")
            return None
        state.approximates(name, "taken as a share of the requested size")
        return max(half_up(value * asked), 1)
    if value > LARGEST_SIDE:
        state.approximates(name, f"limited to {LARGEST_SIDE}")
    elif value.denominator != 1:
        state.approximates(name, "rounded to a whole pixel")
    return min(half_up(value), LARGEST_SIDE)


def _placement(state: State, kind: str, padding: int) -> dict[str, object]:
    """Gravity and distances inwards: north and west are positive. `left` and `top` replace the distances."""
    given = state.given
    align = f"{kind}-align"
    found = compass(words(given.get(align, "bottom,right")))
    if found.contradiction:
        state.approximates(align, "opposite directions: the first is taken")
    for word in found.unknown:
        state.approximates(align, f"unknown value {word}: left out")
    if f"{kind}-pad" in given:
        distance = state.whole(f"{kind}-pad", 0, LARGEST_SIDE)
        padding = padding if distance is None else distance
    gravity = found.gravity
    parts: dict[str, object] = {"gravity": gravity}
    for axis, name, plus, minus in (("x", "left", "west", "east"), ("y", "top", "north", "south")):
        place = state.whole(f"{kind}-{axis}", -FARTHEST, FARTHEST) if f"{kind}-{axis}" in given else None
        if place is not None:
            parts[name] = place
        else:
            parts[axis] = padding if plus in gravity else -padding if minus in gravity else 0
    return parts


def _text(state: State) -> None:
    given = state.given
    text = given["txt"].strip()
    if not text or len(text) > _LONGEST_TEXT or _encodable(text) is None:
        state.lacks("txt", f"text must have 1 to {_LONGEST_TEXT} characters of Unicode")
        return
    state.approximates("txt", "fonts and line breaks differ")
    parts: dict[str, object] = {"text": text, "size": 12, "color": "#000000", **_placement(state, "txt", 10)}
    if "txt-size" in given and (size := state.whole("txt-size", 1, LARGEST_SIDE)) is not None:
        parts["size"] = size
    if "txt-width" in given and (width := state.whole("txt-width", 1, LARGEST_SIDE)) is not None:
        parts["width"] = width
    if "txt-color" in given:
        paint = color(given["txt-color"])
        if paint is None:
            state.approximates("txt-color", "not a colour: left out")
        else:
            parts["color"] = f"#{paint.rgb}"
            if paint.alpha != 1:
                parts["opacity"] = paint.alpha
    font = given.get("txt-font", "").partition(",")[0].strip()
    if font and _encodable(font) is not None:
        parts["font"] = font
    state.out["watermark_text"] = _json(parts)
    if "txt-shad" in given and (shadow := state.limited("txt-shad", 0, 10)) is not None:
        if shadow > 0:
            state.out["watermark_shadow"] = "true"
            state.approximates("txt-shad", "one kind of shadow")
        else:
            state.ignores("txt-shad", "0 changes nothing")
    for name in _LACKING_TEXT:
        if name in given:
            if name in _SWITCHED_OFF and switch(given[name]) is False:
                state.ignores(name, "0 changes nothing")
            else:
                state.lacks(name, "no such setting for text")


def _encodable(text: str) -> bytes | None:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _json(parts: dict[str, object]) -> str:
    whole = {key: int(v) if isinstance(v, float) and v.is_integer() else v for key, v in parts.items()}
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
