"""Kinds of values: what each allows, its Python type, and how a value becomes canonical.

A value may be any object, so no method of a foreign one is called: `type()` tells types apart (an object can
lie about its `__class__`), and subclasses of `str`, `int` and `float` are read through the base class.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Required, TypeGuard, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

SAFE_INTEGER = 2**53 - 1
LARGEST_FLOAT = sys.float_info.max
INTEGER = re.compile(r"-?[0-9]{1,4000}")
DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
HEX_COLOR = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8})")
TRUE: dict[str, object] = {"true": True, "t": True}
KEY_ALIASES = {  # other spellings of object keys that a vendor client accepts
    "imageId": "image_id",
    "aspectRatio": "ratio",
    "aspect_ratio": "ratio",
    "shadow_color": "shadowColor",
    "highlight_color": "highlightColor",
    "bg": "background",
}


class RefusedError(Exception):
    """A value its kind does not allow; `precise` when it had the right shape but a wrong part."""

    def __init__(self, allowed: str, suggestion: str | None = None, *, precise: bool = False) -> None:
        super().__init__(allowed)
        self.allowed = allowed
        self.suggestion = suggestion
        self.precise = precise

    def within(self, part: str) -> RefusedError:
        """The same refusal, told about a part of the whole value."""
        return RefusedError(f"{part} being {self.allowed}", self.suggestion, precise=True)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value may be.

    `read(value, strict)` returns plain data, or None for "leave out", or raises RefusedError.
    """

    allowed: str
    types: tuple[str, ...]
    read: Callable[[object, bool], Any]

    def __or__(self, other: Kind) -> Kind:
        """A value of this kind or else of the other."""
        allowed = f"{self.allowed}; or {other.allowed}"

        def read(value: object, strict: bool) -> object:
            suggestions = []
            for kind in (self, other):
                try:
                    return kind.read(value, strict)
                except RefusedError as refused:
                    if refused.precise:
                        raise
                    suggestions.append(refused.suggestion)
            raise RefusedError(allowed, next(filter(None, suggestions), None))

        return Kind(allowed, tuple(dict.fromkeys(self.types + other.types)), read)


def is_a(value: object, kind: type[T]) -> TypeGuard[T]:
    """Like isinstance, but `value` has no say in it."""
    return issubclass(type(value), kind)


def stripped(value: object) -> str | None:
    """Text without surrounding blanks, None for anything that is not text."""
    return str.strip(value) if is_a(value, str) else None


def closest(word: str, words: Iterable[str]) -> str | None:
    """The most similar of `words`, if any is similar."""
    return (
        next(iter(difflib.get_close_matches(word.lower(), words, 1, 0.5)), None) if len(word) <= 40 else None
    )


def render(value: object) -> str:
    """Text of plain data, before percent-encoding: `true`, `800`, `0.5`, compact JSON with sorted keys."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):  # a whole number was read as an int; 1e-07 is written out
        return format(Decimal(repr(value)), "f")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def number(low: float = -LARGEST_FLOAT, high: float = LARGEST_FLOAT, *, above_zero: bool = False) -> Kind:
    """A finite decimal number; a whole one is read as an int, so `90.0` is written `90`."""
    bounds = f" from {low} to {high}" if high < LARGEST_FLOAT else f" of {low} or more" if low == 0 else ""
    return _numeric("a number above 0" if above_zero else f"a number{bounds}", "float", low, high, above_zero)


def integer(low: int = -SAFE_INTEGER, high: int = SAFE_INTEGER) -> Kind:
    """A whole number: an int, digits with an optional `-`, or a float without a fraction."""
    bounds = f" from {low} to {high}" if high < SAFE_INTEGER else f" of {low} or more" if low == 0 else ""
    return _numeric(f"an integer{bounds}", "int", low, high)


def _numeric(allowed: str, type_name: str, low: float, high: float, above_zero: bool = False) -> Kind:
    spelling, convert = (INTEGER, int) if type_name == "int" else (DECIMAL, float)

    def read(value: object, _strict: bool) -> float:
        found: float | None = None
        if (digits := stripped(value)) is not None:
            found = convert(digits) if spelling.fullmatch(digits) else None
        elif is_a(value, float) and math.isfinite(value):
            found = float.__float__(value)
        elif is_a(value, int) and not is_a(value, bool):
            found = int.__int__(value)
        if found is None or (convert is int and found != int(found)) or (above_zero and found <= 0):
            raise RefusedError(allowed)
        if not low <= found <= high:  # the comparison is exact, so an integer too big for a float ends here
            raise RefusedError(allowed, str(min(max(found, low), high)) if high < LARGEST_FLOAT else None)
        found = convert(found)
        return int(found) if found == int(found) else found

    return Kind(allowed, (type_name,), read)


def choice(allowed: str, type_name: str, spellings: Mapping[str, object]) -> Kind:
    """One of some words in any case, each with what it is read as; native true is `true`, native 1 is `1`."""

    def read(value: object, _strict: bool) -> object:
        word = str.lower(stripped(value) or "")
        if type(value) is bool or (type(value) is int and 0 <= value <= 1):
            word = str(value).lower()
        if word not in spellings:
            raise RefusedError(allowed, closest(word, spellings))
        return spellings[word]

    return Kind(allowed, (type_name,), read)


def words(
    type_name: str, literal: object, aliases: Mapping[str, str] | None = None, allowed: str = ""
) -> Kind:
    """One of the words of a `Literal`; an alias becomes the word it stands for."""
    spellings = {word: word for word in get_args(literal)} | dict(aliases or {})
    return choice(allowed or ", ".join(f"`{word}`" for word in spellings), type_name, spellings)


only_true = choice("true", "Literal[True]", TRUE)
# The vendor's clients disagree on yes, on, no and off; those are refused.
flag = choice("true or false", "bool", TRUE | {"1": True, "false": False, "f": False, "0": False})
switch = choice("true or false", "bool", TRUE | {"1": True, "false": None, "f": None, "0": None})


def text(allowed: str, pattern: str, finish: Callable[[str], str] | None = None) -> Kind:
    """Text that matches `pattern` once surrounding blanks are gone."""
    matches = re.compile(pattern, re.DOTALL).fullmatch

    def read(value: object, _strict: bool) -> str:
        found = stripped(value)
        if not found or not matches(found):
            raise RefusedError(allowed)
        return finish(found) if finish else found

    return Kind(allowed, ("str",), read)


def _read_hex(value: object, _strict: bool) -> str:
    match = HEX_COLOR.fullmatch((stripped(value) or "").lower())
    if match is None:
        raise RefusedError(hex_color.allowed)
    return match[1]


hex_color = Kind("a hex colour of 3, 6 or 8 digits", ("str",), _read_hex)


def blank(kind: Kind) -> Kind:
    """A slot that may be empty, and then stays empty: without it the next slot would move up."""
    return Kind(
        f"{kind.allowed} or nothing", kind.types, lambda v, s: "" if stripped(v) == "" else kind.read(v, s)
    )


def slots(grammar: str, *kinds: Kind, finish: Callable[..., object] | None = None) -> Kind:
    """A colon form such as `width:height[:gravity]`; what is in brackets may be missing at the end.

    `finish` gets the slots that were read and returns the value; by default they are joined again.
    """
    names = re.findall(r"\w+", grammar)
    required = len(re.findall(r"\w+", grammar.partition("[")[0]))
    parts = (f"{name}: {kind.allowed}" for name, kind in zip(names, kinds, strict=True))
    allowed = f"`{grammar}` ({', '.join(parts)})"

    def read(value: object, strict: bool) -> object:
        given = str.split(value, ":") if is_a(value, str) else [value]
        if not required <= len(given) <= len(names):
            raise RefusedError(allowed)
        found = []
        for name, kind, item in zip(names, kinds, given, strict=False):
            try:
                found.append(kind.read(item, strict))
            except RefusedError as refused:
                if len(given) == 1:
                    raise RefusedError(allowed, refused.suggestion) from None
                raise refused.within(f"`{grammar}` with {name}") from None
        return finish(*found) if finish else ":".join(map(render, found))

    return Kind(allowed, (*kinds[0].types, "str") if required == 1 else ("str",), read)


def as_mapping(value: object) -> dict[object, object] | None:
    """A copy of a mapping or of the JSON object in text that begins with `{`; None for anything else."""
    source = stripped(value)
    if source is not None and source.startswith("{"):
        try:
            parsed: dict[object, object] = json.loads(source)
        except (ValueError, RecursionError) as error:
            raise RefusedError("a well-formed JSON object", precise=True) from error
        return parsed
    if source is not None or not issubclass(type(value), Mapping):
        return None
    try:
        return dict(value)  # type: ignore[call-overload, no-any-return]
    except Exception as error:  # a mapping runs its owner's code, which can fail in any way
        raise RefusedError("a mapping that can be read", precise=True) from error


def form(cls: Any, finish: Callable[..., object] | None = None) -> Kind:  # noqa: ANN401 - no type for a TypedDict
    """An object form: a mapping, or JSON text, with the keys of a TypedDict whose types carry their kinds.

    A key that is None counts as missing; at least one must be there. `finish` gets the keys as arguments and
    returns the value; by default it is the object itself, written as JSON.
    """
    fields = {name: _kind_of(hint) for name, hint in get_type_hints(cls, include_extras=True).items()}
    required: frozenset[str] = cls.__required_keys__
    allowed = f"an object of {', '.join(name if name in required else f'{name}?' for name in fields)}"

    def read(value: object, strict: bool) -> object:
        given = as_mapping(value)
        if given is None:
            raise RefusedError(allowed)
        found: dict[str, object] = {}
        for key, item in given.items():
            name = str.__str__(key) if is_a(key, str) else ""
            name = name if name in fields else KEY_ALIASES.get(name, name)
            if (name not in fields and strict) or name in found:
                raise RefusedError(f"{allowed}; each once and no other", closest(name, fields), precise=True)
            if name in fields and item is not None:
                try:
                    found[name] = fields[name].read(item, strict)
                except RefusedError as refused:
                    raise refused.within(f"an object with {name}") from None
        if not found or not required <= found.keys():
            raise RefusedError(allowed, precise=True)
        return finish(**found) if finish else found

    return Kind(allowed, (cls.__name__,), read)


def _kind_of(hint: object) -> Kind:
    annotated = get_args(hint)[0] if get_origin(hint) is Required else hint
    kind = get_args(annotated)[-1]
    if not isinstance(kind, Kind):
        raise TypeError(f"{hint!r} carries no kind")
    return kind
