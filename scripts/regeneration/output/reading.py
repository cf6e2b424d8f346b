"""The statements with which a generated model reads one field.

They are straight-line code, without a call where the JSON value is the Python value.

What a missing or null field means depends on the kind of the field. A service may come to send null where the
schema declares none. An old client must survive that, so such a null reads as None whatever the annotation
says, except in fields that are of no use without a value.
"""

from __future__ import annotations

from enum import Enum

from regeneration.output.text import literal

_PLAIN = {
    "parse_bool": "bool",
    "parse_float": "float",
    "parse_int": "int",
    "parse_map": "dict",
    "parse_str": "str",
}
"""Parsers that return values of these classes as they are; JSON gives no subclasses."""


class Presence(Enum):
    """What a missing or null field means."""

    REQUIRED = "missing is an error, null reads as None"
    ESSENTIAL = "missing and null are errors"
    NULLABLE = "missing and null read as None"
    DEFAULTED = "missing and null read as the default, itself in JSON"
    COLLECTION = "missing is an error, null reads as empty"
    OPTIONAL = "missing and null read as UNSET"
    OPTIONAL_NULLABLE = "missing reads as UNSET, null as None"


def reading(
    name: str, variable: str, parser: str, presence: Presence, default: str = "", members: str | None = None
) -> list[str]:
    """Lines that read the field `name` of the JSON object into `variable`.

    Args:
        name: the field.
        variable: a local variable of its own. Another one, `value`, holds what it was read from.
        parser: expression for the function that reads a value.
        presence: what a missing or null field means.
        default: literal of what a null reads as, where `presence` says so.
        members: expression for the members of the enumeration by value, if the value is one.
    """
    taken = f"{variable} = value = take(at := {literal(name)}"
    parsed = f"{variable} = {parser}({variable})"
    if members is not None:
        parsed = f"{variable} = {members}.get({variable}) or {parser}({variable})"
    if parser == "parse_any":
        parsed = "pass"
    unlike = f"{variable}.__class__ is not {_PLAIN[parser]}" if parser in _PLAIN else ""
    match presence:
        case Presence.ESSENTIAL:
            return [f"{taken})", *_guarded(unlike, parsed)]
        case Presence.REQUIRED | Presence.NULLABLE:
            end = ")" if presence is Presence.REQUIRED else ", None)"
            return [f"{taken}{end}", *_guarded(_all(unlike, f"{variable} is not None"), parsed)]
        case Presence.DEFAULTED | Presence.COLLECTION:
            end = ")" if presence is Presence.COLLECTION else ", None)"
            lines = [f"{taken}{end}", f"if {variable} is None:", f"    {variable} = {default}"]
            return [*lines, *_guarded(unlike, parsed)]
        case Presence.OPTIONAL:
            lines = [f"{taken}, None)", f"if {variable} is None:", f"    {variable} = UNSET"]
            if parsed == "pass":
                return lines
            return [*lines, f"elif {unlike}:" if unlike else "else:", f"    {parsed}"]
        case Presence.OPTIONAL_NULLABLE:
            there = f"{variable} is not None and {variable} is not UNSET"
            return [f"{taken}, UNSET)", *_guarded(_all(unlike, there), parsed)]


def _all(*conditions: str) -> str:
    return " and ".join(filter(None, conditions))


def _guarded(condition: str, statement: str) -> list[str]:
    if statement == "pass":
        return []
    return [f"if {condition}:", f"    {statement}"] if condition else [statement]
