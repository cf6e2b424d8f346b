"""Kinds of values: which values each allows, and how they become canonical. A kind is built from a type.

A value may be any object, and a subclass can misreport its value, so `plain` copies it to a built-in type.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from numbers import Real
from operator import index
from typing import Any, Literal, SupportsIndex, get_args, get_origin, get_type_hints, is_typeddict

SAFE_INTEGER = 2**53 - 1
LARGEST_FLOAT = sys.float_info.max
INTEGER = re.compile(r"-?[0-9]{1,4000}")
DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
KEY_ALIASES = {  # alternative object keys that a vendor client accepts
    "imageId": "image_id",
    "aspectRatio": "ratio",
    "aspect_ratio": "ratio",
    "shadow_color": "shadowColor",
    "highlight_color": "highlightColor",
    "bg": "background",
}


@dataclass(eq=False)
class RefusedError(Exception):
    """A value that its kind does not allow; `precise` if only a part of it is wrong."""

    allowed: str
    suggestion: str | None = None
    precise: bool = False

    def within(self, part: str) -> RefusedError:
        """The same error, for a part of the whole value."""
        return RefusedError(f"{part} being {self.allowed}", self.suggestion, precise=True)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value.

    `read(value, strict)` takes a plain value and returns the canonical one, or None to omit it, or raises
    RefusedError. `types` are the types in the public signature. As a slot of a colon form, where a value
    cannot contain a colon, `slot` replaces the kind if it is set.
    """

    allowed: str
    read: Callable[[Any, bool], Any]
    types: tuple[Any, ...]
    slot: Kind | None = None

    def __call__(self, value: object, strict: bool) -> Any:  # noqa: ANN401 - JSON of any shape
        """Read any value."""
        return self.read(plain(value), strict)


def plain(value: object) -> object:
    """A copy as a built-in type, text without surrounding whitespace; None if it is not data."""
    kind = type(value)
    if kind in (int, float, bool):
        return value
    if issubclass(kind, str):
        return str.strip(value)  # type: ignore[arg-type]
    if issubclass(kind, int):
        return int.__int__(value)  # type: ignore[arg-type]
    if issubclass(kind, float):
        return float.__float__(value)  # type: ignore[arg-type]
    if issubclass(kind, Mapping):
        try:
            return dict(value)  # type: ignore[call-overload]
        except Exception as error:  # a mapping runs the caller's code, which can raise anything
            raise RefusedError("a mapping that can be read", precise=True) from error
    return list(value) if kind in (list, tuple) else _plain_number(value)  # type: ignore[call-overload]


def _plain_number(value: object) -> object:
    """Convert a number of another library, such as numpy, to a built-in one; None if it is not a number."""
    try:
        if isinstance(value, SupportsIndex):
            return index(value)
        if isinstance(value, Real):
            return float(value)
        # numpy's booleans are not Python numbers.
        if getattr(value, "shape", None) == () and isinstance(one := value.item(), bool):  # type: ignore[attr-defined]
            return one
    except Exception:  # noqa: BLE001 - code of any class
        return None
    return None


def as_text(value: object) -> str:
    """A copy of text as a plain `str`; empty for anything else."""
    return str.__str__(value) if issubclass(type(value), str) else ""


def closest(word: str, words: Iterable[str]) -> str | None:
    """The most similar of `words`, if any is similar."""
    found = difflib.get_close_matches(word.lower(), words, 1, 0.5) if len(word) <= 40 else ()
    return next(iter(found), None)


def render(value: object) -> str:
    """Format plain data, before percent-encoding: `true`, `800`, `0.5`, compact JSON with sorted keys."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):  # a whole number was read as an int; 1e-07 is written out
        return format(Decimal(repr(value)), "f")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def number(low: float = -LARGEST_FLOAT, high: float = LARGEST_FLOAT, allowed: str = "") -> Kind:
    """A finite decimal number; a whole one is read as an int, so `90.0` is written `90`."""
    return _numeric(float, DECIMAL, low, high, high < LARGEST_FLOAT, allowed or "a number")


def integer(low: int = -SAFE_INTEGER, high: int = SAFE_INTEGER) -> Kind:
    """A whole number: an int, digits with an optional `-`, or a float without a fraction."""
    return _numeric(int, INTEGER, low, high, high < SAFE_INTEGER, "an integer")


def _numeric(
    convert: type[int | float], spelling: re.Pattern[str], low: float, high: float, bounded: bool, name: str
) -> Kind:
    allowed = f"{name} from {low} to {high}" if bounded else f"{name} of 0 or more" if low == 0 else name

    def read(value: Any, _strict: bool) -> float:  # noqa: ANN401 - plain data of any shape
        if type(value) is str and spelling.fullmatch(value):
            value = convert(value)
        if type(value) not in (int, float) or value != value:  # NaN
            raise RefusedError(allowed)
        if not low <= value <= high:  # exact, so integers too large for a float and infinity end here
            raise RefusedError(allowed, str(min(max(value, low), high)) if bounded else None)
        if convert is int and value != int(value):
            raise RefusedError(allowed)
        found = convert(value)
        return int(found) if found == int(found) else found

    return Kind(allowed, read, (convert,))


def choice(allowed: str, spellings: Mapping[str, object], python_type: object = bool) -> Kind:
    """One of some words in any case, with the value of each; native true is `true`, native 1 is `1`."""

    def read(value: object, _strict: bool) -> object:
        native = type(value) is bool or (type(value) is int and 0 <= value <= 1)
        word = str(value).lower() if native or type(value) is str else ""
        if word not in spellings:
            raise RefusedError(allowed, closest(word, spellings))
        return spellings[word]

    return Kind(allowed, read, (python_type,))


def words(literal: object, aliases: Mapping[str, str] | None = None, allowed: str = "") -> Kind:
    """One of the words of a `Literal`; an alias is replaced by its word."""
    spellings = {word: word for word in get_args(literal)} | dict(aliases or {})
    return choice(allowed or ", ".join(f"`{word}`" for word in spellings), spellings, literal)


# The vendor's clients disagree on yes, on, no and off; those are rejected.
FLAGS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
flag = choice("true or false", FLAGS)
switch = choice("true or false", {word: on or None for word, on in FLAGS.items()})  # false is no change
_only_true = choice("true", {"true": True, "t": True}, Literal[True])


def _read_only_true(value: object, strict: bool) -> object:
    # The text "1" is true in all of the vendor's clients, even where a number is allowed.
    return _only_true.read("true" if value == "1" and not strict else value, strict)


only_true = replace(_only_true, read=_read_only_true)


def text(allowed: str, pattern: str, finish: Callable[[str], str] = str) -> Kind:
    """Text that fully matches `pattern`; `finish` makes it canonical."""
    matches = re.compile(pattern, re.DOTALL).fullmatch

    def read(value: object, _strict: bool) -> str:
        if type(value) is not str or not matches(value):
            raise RefusedError(allowed)
        return finish(value)

    return Kind(allowed, read, (str,))


def _bare(color: str) -> str:
    return color.removeprefix("#").lower()


_HEX = "#?(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})"
hex_color = text("a hex colour of 3, 6 or 8 digits", _HEX, _bare)


def kind_of(alternative: Any) -> Kind:  # noqa: ANN401 - a type or a kind
    """The kind of a type: a TypedDict, a `Literal`, or the kind in `Annotated[..., kind]`."""
    if isinstance(alternative, Kind):
        return alternative
    if is_typeddict(alternative):
        return form(alternative)
    if get_origin(alternative) is Literal:
        return words(alternative)
    return kind_of(get_args(alternative)[-1])  # of Annotated, Required and NotRequired


def fields_of(cls: type) -> dict[str, Kind]:
    """The kinds of the keys of a TypedDict."""
    return {name: kind_of(hint) for name, hint in get_type_hints(cls, include_extras=True).items()}


def one_of(*alternatives: Any, finish: Callable[..., object] = dict) -> Kind:  # noqa: ANN401 - types and kinds
    """A value of the first of several types and kinds that accepts it.

    Text is the grammar of a colon form of the preceding TypedDict. `finish` is as in `form` and `slots`.
    """
    kinds: list[Kind] = []
    fields: dict[str, Kind] = {}
    for alternative in alternatives:
        if isinstance(alternative, str):
            kinds.append(slots(alternative, fields, finish))
        elif is_typeddict(alternative):
            fields = fields_of(alternative)
            kinds.append(form(alternative, finish))
        else:
            kinds.append(kind_of(alternative))
    allowed = "; or ".join(kind.allowed for kind in kinds)

    def read(value: object, strict: bool) -> object:
        suggestions = []
        for kind in kinds:
            try:
                return kind.read(value, strict)
            except RefusedError as refused:
                if refused.precise:
                    raise
                suggestions.append(refused.suggestion)
        raise RefusedError(allowed, next(filter(None, suggestions), None))

    return Kind(allowed, read, tuple(dict.fromkeys(name for kind in kinds for name in kind.types)))


def slots(grammar: str, fields: Mapping[str, Kind], finish: Callable[..., object] = dict) -> Kind:
    """A colon form such as `image_id[:gravity?[:x?]]`: slots in brackets may be omitted at the end.

    A slot with `?` may be empty, and is kept as empty: otherwise the next slot would take its place.
    `finish` gets the slots by name and returns text, or the slots to be joined again.
    """
    names = re.findall(r"(\w+)(\??)", grammar)
    kinds = [fields[name].slot or fields[name] for name, _ in names]
    required = grammar.partition("[")[0].count(":") + 1
    grammar = grammar.replace("?", "")
    parts = (
        f"{name}: {kind.allowed}{' or nothing' if blank else ''}"
        for (name, blank), kind in zip(names, kinds, strict=True)
    )
    allowed = f"`{grammar}` ({', '.join(parts)})"

    def read(value: object, strict: bool) -> object:
        given = value.split(":") if isinstance(value, str) else [value]
        if not required <= len(given) <= len(names):
            raise RefusedError(allowed)
        found: dict[str, object] = {}
        for (name, blank), kind, item in zip(names, kinds, map(plain, given), strict=False):
            try:
                found[name] = "" if blank and item == "" else kind.read(item, strict)
            except RefusedError as refused:
                if len(given) == 1:
                    raise RefusedError(allowed, refused.suggestion) from None
                raise refused.within(f"`{grammar}` with {name}") from None
        if all(part == "" for part in found.values()):
            raise RefusedError(allowed)
        done = finish(**found)
        return joined(**done) if isinstance(done, dict) else done

    return Kind(allowed, read, (str,))


def joined(**parts: object) -> str:
    """Join the parts that are set to a colon form."""
    return ":".join(map(render, parts.values()))


def form(cls: Any, finish: Callable[..., object] = dict) -> Kind:  # noqa: ANN401 - no type for a TypedDict
    """An object form: a mapping, or its JSON text, with the keys of a TypedDict.

    A key that is None counts as missing; at least one is required. `finish` gets the keys, in the order of
    the TypedDict, and returns text, or the object that is written as JSON.
    """
    fields = fields_of(cls)
    required: frozenset[str] = cls.__required_keys__
    allowed = f"an object of {', '.join(name if name in required else f'{name}?' for name in fields)}"

    def read(value: object, strict: bool) -> object:
        given: dict[str, object] = {}
        for key, item in _object(value, allowed).items():
            name = as_text(key)
            name = name if name in fields else KEY_ALIASES.get(name, name)
            if name in given or (strict and name not in fields):
                raise RefusedError(f"{allowed}; each once and no other", closest(name, fields), precise=True)
            if name in fields and item is not None:
                given[name] = item
        found: dict[str, object] = {}
        for name, kind in fields.items():
            if name in given:
                try:
                    found[name] = kind(given[name], strict)
                except RefusedError as refused:
                    raise refused.within(f"an object with {name}") from None
        if not found or not required <= found.keys():
            raise RefusedError(allowed, precise=True)
        return finish(**found)

    return Kind(allowed, read, (cls,))


def _object(value: object, allowed: str) -> dict[object, object]:
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise RefusedError("a well-formed JSON object", precise=True) from error
    if not isinstance(value, dict):
        raise RefusedError(allowed)
    return value
