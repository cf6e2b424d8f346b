"""Values of transformations in a URL: numbers, words, colours, gravities and JSON objects."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from imgwire_async.sandbox.pictures.color import Color

T = TypeVar("T")
Reader = Callable[[str], T]
"""Turns the text of a value into the value, or raises `RefusedError`."""

LARGEST_SIDE = 8192
"""Pixels: the largest width and height that a transformation may name or give."""
_SAFE_INTEGER = 2**53 - 1
_INTEGER = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_HEX_COLOR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")

GRAVITIES = {
    "center": "ce center",
    "north": "north n no",
    "south": "south s so",
    "east": "east e ea",
    "west": "west w we",
    "northeast": "northeast ne noea",
    "northwest": "northwest nw nowe",
    "southeast": "southeast se soea",
    "southwest": "southwest sw sowe",
    "attention": "attention",
    "entropy": "entropy",
}
"""Every gravity with its spellings."""
_GRAVITY_OF = {spelling: name for name, spellings in GRAVITIES.items() for spelling in spellings.split()}


class RefusedError(Exception):
    """A value that its transformation does not accept.

    Attributes:
        allowed: The accepted values, as the object of "expected …".
    """

    def __init__(self, allowed: str) -> None:
        super().__init__(allowed)
        self.allowed = allowed


def integer(lowest: int = -_SAFE_INTEGER, highest: int = _SAFE_INTEGER) -> Reader[int]:
    """A reader of whole numbers, written with digits only."""
    bounds = "" if lowest == -_SAFE_INTEGER else f" from {lowest} to {highest}"

    def read(text: str) -> int:
        # The length is checked first: converting thousands of digits is slow.
        if len(text) <= 20 and _INTEGER.fullmatch(text) and lowest <= (value := int(text)) <= highest:
            return value
        raise RefusedError(f"a whole number{bounds}")

    return read


def number(
    lowest: float = -math.inf, highest: float = math.inf, *, above: float = -math.inf
) -> Reader[float]:
    """A reader of finite decimal numbers; `above` is an exclusive lower bound."""
    bounds = f" above {above:g}" if above > -math.inf else ""
    if lowest > -math.inf:
        bounds = f" from {lowest:g} to {highest:g}"

    def read(text: str) -> float:
        if _NUMBER.fullmatch(text):
            value = float(text)
            if math.isfinite(value) and lowest <= value <= highest and value > above:
                return value + 0.0  # -0.0 and 0.0 are one value
        raise RefusedError(f"a number{bounds}")

    return read


def boolean(text: str) -> bool:
    """`true`, `t`, `1`, `false`, `f` or `0`, in any case."""
    word = text.lower()
    if word in {"true", "t", "1"}:
        return True
    if word in {"false", "f", "0"}:
        return False
    raise RefusedError("true or false")


def is_true(text: str) -> bool:
    """Whether `text` is `true` or `t`, in any case; a `1` may be a number."""
    return text.lower() in {"true", "t"}


def word(*words: str, **synonyms: str) -> Reader[str]:
    """A reader of fixed words, in any case; `synonyms` maps further words to one of them."""
    known = {**{item: item for item in words}, **{key.replace("_", "-"): to for key, to in synonyms.items()}}

    def read(text: str) -> str:
        found = known.get(text.strip().lower())
        if found is None:
            raise RefusedError("one of " + ", ".join(known))
        return found

    return read


def text(longest: int) -> Reader[str]:
    """A reader of any text from one character to `longest`."""

    def read(value: str) -> str:
        if not 1 <= len(value) <= longest:
            raise RefusedError(f"1 to {longest} characters")
        return value

    return read


def hex_color(value: str) -> Color:
    """3, 6 or 8 hexadecimal digits, with or without `#`."""
    match = _HEX_COLOR.fullmatch(value.strip())
    if match is None:
        raise RefusedError("a colour of 3, 6 or 8 hexadecimal digits")
    digits = match[1] if len(match[1]) > 3 else "".join(2 * digit for digit in match[1])
    red, green, blue, *alpha = bytes.fromhex(digits)
    return Color(red, green, blue, alpha[0] / 255 if alpha else 1.0)


_band = integer(0, 255)
_unit = number(0, 1)


def color(value: str) -> Color:
    """A hexadecimal colour, or `r:g:b[:alpha]`."""
    if ":" not in value:
        return hex_color(value)
    parts = value.strip().split(":")
    if len(parts) not in {3, 4}:
        raise RefusedError("a hexadecimal colour or r:g:b[:alpha]")
    red, green, blue = (_band(part) for part in parts[:3])
    return Color(red, green, blue, _unit(parts[3]) if len(parts) == 4 else 1.0)


def gravity(value: str) -> str:
    """The full name of a gravity."""
    found = _GRAVITY_OF.get(value.strip().lower())
    if found is None:
        raise RefusedError("a gravity: " + ", ".join(GRAVITIES) + ", or a short form such as ne")
    return found


def either(*readers: Reader[Any]) -> Reader[Any]:
    """A reader that returns the result of the first matching one of `readers`."""

    def read(value: str) -> Any:  # noqa: ANN401 - of the readers' types
        allowed = []
        for reader in readers:
            try:
                return reader(value)
            except RefusedError as refused:
                allowed.append(refused.allowed)
        raise RefusedError(", or ".join(dict.fromkeys(allowed)))

    return read


def slots(value: str, readers: Mapping[str, Reader[Any]], *, may_be_empty: str = "") -> dict[str, Any]:
    """Read `a:b:c` into named parts; later ones may be missing.

    Args:
        value: The text.
        readers: Name and reader of each part, in order.
        may_be_empty: Names of the parts that may be empty between their colons.
    """
    form = ":".join(readers)
    texts = value.split(":")
    if len(texts) > len(readers):
        raise RefusedError(f"{form}, with at most {len(readers)} parts")
    optional = may_be_empty.split()
    found = {}
    for (name, reader), part in zip(readers.items(), texts, strict=False):
        if part == "" and name in optional:
            continue
        try:
            found[name] = reader(part)
        except RefusedError as refused:
            raise RefusedError(f"{refused.allowed} as {name} of {form}") from None
    return found


def is_object(value: str) -> bool:
    """Whether a value is meant as a JSON object."""
    return value.startswith("{")


def json_object(value: str, readers: Mapping[str, Reader[Any]]) -> dict[str, Any]:
    """Read a JSON object of scalars and colours.

    Args:
        value: The JSON.
        readers: By key, or by alternative spellings of one key such as `image_id|imageId`; the first is the
            name in the result.
    """
    return members(_decode(value), readers)


def members(found: Mapping[str, object], readers: Mapping[str, Reader[Any]]) -> dict[str, Any]:
    """Read the members of a decoded JSON object; see `json_object`."""
    by_key = {
        key: (keys.partition("|")[0], reader) for keys, reader in readers.items() for key in keys.split("|")
    }
    if not found:
        raise RefusedError("an object with at least one of " + ", ".join(by_key))
    result = {}
    for key, member in found.items():
        if key not in by_key:
            raise RefusedError(
                f"an object with the keys {', '.join(by_key)}; {key[:40]!r} is not one of them"
            )
        name, reader = by_key[key]
        if name in result:
            raise RefusedError(f"an object with {name} given once")
        try:
            result[name] = reader(scalar_text(member))
        except RefusedError as refused:
            raise RefusedError(f"{refused.allowed} as {key}") from None
    return result


def _decode(value: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise RefusedError("a JSON object with every key once")
        return dict(pairs)

    def not_a_number(_: str) -> float:
        raise RefusedError("finite numbers")

    try:
        found = json.loads(value, object_pairs_hook=once, parse_constant=not_a_number)
    except (ValueError, RecursionError):
        raise RefusedError("a well-formed JSON object") from None
    if not isinstance(found, dict):
        raise RefusedError("a JSON object")
    return found


def scalar_text(member: object) -> str:
    """A JSON value in its text form; arrays are returned as JSON."""
    if isinstance(member, str):
        return member
    if isinstance(member, float):
        return str(int(member)) if member.is_integer() and abs(member) < _SAFE_INTEGER else repr(member)
    if isinstance(member, dict):
        return _color_text(member)
    if isinstance(member, bool | int | list):
        return json.dumps(member)
    raise RefusedError("no null")


def _color_text(member: Mapping[str, object]) -> str:
    if not {"r", "g", "b"} <= set(member) <= {"r", "g", "b", "alpha"}:
        raise RefusedError("a colour object with r, g, b and perhaps alpha")
    return ":".join(scalar_text(member[key]) for key in ("r", "g", "b", "alpha") if key in member)


def parts(
    value: str, readers: Mapping[str, Reader[Any]], *, in_text: str = "", may_be_empty: str = ""
) -> dict[str, Any]:
    """Read a JSON object, or the same parts as `a:b:c`.

    Args:
        value: The text.
        readers: As for `json_object`.
        in_text: Names of the parts that the text form has, in order; all if empty.
        may_be_empty: As for `slots`.
    """
    if is_object(value):
        return json_object(value, readers)
    by_name = {keys.partition("|")[0]: reader for keys, reader in readers.items()}
    return slots(
        value, {name: by_name[name] for name in in_text.split() or by_name}, may_be_empty=may_be_empty
    )


def form(
    kind: Callable[..., T],
    readers: Mapping[str, Reader[Any]],
    *,
    in_text: str = "",
    may_be_empty: str = "",
    required: str = "",
) -> Reader[T]:
    """A reader of both forms of one transformation, see `parts`; `required` names the parts it needs."""

    def read(value: str) -> T:
        found = parts(value, readers, in_text=in_text, may_be_empty=may_be_empty)
        missing = [name for name in required.split() if name not in found]
        if missing:
            raise RefusedError("a value with " + " and ".join(missing))
        if not found:
            raise RefusedError("at least one part")
        return kind(**found)

    return read
