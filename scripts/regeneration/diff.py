"""Judges what a changed document means to users of a client generated from the old one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from regeneration.contract.document import Json, Node, operations, resolve
from regeneration.contract.operations import FREE_QUERY, RATE_CLASS, REPLAY, SLASHES
from regeneration.contract.selection import AUTH, PAGINATION, full_name

Position = Literal["request", "response"]

_COMPONENT = "#/components/schemas/"
_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_OTHER_CONSTRAINTS = ("pattern", "multipleOf", "uniqueItems")
_MARKS = (
    (AUTH, "auth class"),
    (PAGINATION, "pagination"),
    (REPLAY, "meaning of a repeat"),
    (RATE_CLASS, "rate class"),
)
_NO_SHAPE = ("title", "description", "summary", "example", "examples")


class Kind(IntEnum):
    """What a change requires of users, from nothing to a change of their code."""

    COMPATIBLE = 1
    """Programs written before the change continue to work and to type-check."""
    BEHAVIOURAL = 2
    """Nothing fails at once, but the same call may do or need something else."""
    BREAKING = 3
    """A program that used this part fails, or no longer type-checks."""


@dataclass(frozen=True, order=True)
class Change:
    """One difference between two documents."""

    place: str
    what: str
    kind: Kind
    positions: tuple[Position, ...] = ()
    """The direction in which the changed schema is sent; empty if that does not matter."""

    def __str__(self) -> str:
        where = f" ({' and '.join(self.positions)})" if self.positions else ""
        return f"{self.kind.name.lower()}: {self.place}: {self.what}{where}"


def compare(old: Node, new: Node) -> list[Change]:
    """The differences between two documents of the pipeline, the gravest first."""
    comparison = _Comparison(old, new)
    comparison.run()
    return sorted(comparison.changes.values(), key=lambda change: (-change.kind, change.place, change.what))


@dataclass
class _Comparison:
    old: Node
    new: Node
    changes: dict[tuple[str, str], Change] = field(default_factory=dict)
    seen: set[tuple[str, str, Position]] = field(default_factory=set)

    def add(self, kind: Kind, place: str, what: str, position: Position | None = None) -> None:
        """Keep a change; the same one in the other direction is the same change, as grave as the graver."""
        known = self.changes.get((place, what))
        positions = {*(known.positions if known else ()), *([position] if position else [])}
        self.changes[place, what] = Change(
            place, what, max(kind, known.kind) if known else kind, tuple(sorted(positions))
        )

    def run(self) -> None:
        before = {full_name(item): (path, method, item) for path, method, item in operations(self.old)}
        after = {full_name(item): (path, method, item) for path, method, item in operations(self.new)}
        for name in before.keys() - after.keys():
            path, method, _ = before[name]
            self.add(Kind.BREAKING, name, f"operation removed, was {method.upper()} {path}")
        for name in after.keys() - before.keys():
            path, method, _ = after[name]
            self.add(Kind.COMPATIBLE, name, f"new operation, {method.upper()} {path}")
        for name in before.keys() & after.keys():
            if before[name][:2] != after[name][:2]:
                was, now = (f"{method.upper()} {path}" for path, method, _ in (before[name], after[name]))
                self.add(Kind.BREAKING, name, f"moved from {was} to {now}")
            self.operation(name, before[name][2], after[name][2])

    def operation(self, name: str, old: Node, new: Node) -> None:
        for mark, meaning in _MARKS:
            if old.get(mark) != new.get(mark):
                self.add(Kind.BEHAVIOURAL, name, f"{meaning} changed from {old.get(mark)} to {new.get(mark)}")
        if old.get(FREE_QUERY) != new.get(FREE_QUERY):
            gone = new.get(FREE_QUERY) is not True
            self.add(
                Kind.BREAKING if gone else Kind.COMPATIBLE,
                name,
                f"{'no longer' if gone else 'now'} takes query parameters of any name",
            )
        self.parameters(name, old, new)
        self.body(name, old, new)
        self.responses(name, old, new)

    def parameters(self, name: str, old: Node, new: Node) -> None:
        before, after = self._by_name(self.old, old), self._by_name(self.new, new)
        for key in before.keys() - after.keys():
            self.add(Kind.BREAKING, f"{name} {' '.join(key)}", "parameter removed", "request")
        for key in after.keys() - before.keys():
            required = after[key].get("required") is True
            kind, word = (Kind.BREAKING, "required") if required else (Kind.COMPATIBLE, "optional")
            self.add(kind, f"{name} {' '.join(key)}", f"new {word} parameter", "request")
        for key in before.keys() & after.keys():
            place = f"{name} {' '.join(key)}"
            self._required(
                place, before[key].get("required") is True, after[key].get("required") is True, "request"
            )
            if before[key].get(SLASHES) != after[key].get(SLASHES):
                how = "kept" if after[key].get(SLASHES) is True else "encoded"
                self.add(Kind.BEHAVIOURAL, place, f"slashes are {how} now", "request")
            self.schema(before[key].get("schema", {}), after[key].get("schema", {}), place, "request")

    @staticmethod
    def _by_name(document: Node, operation: Node) -> dict[tuple[str, str], Node]:
        found = (resolve(document, parameter) for parameter in operation.get("parameters", []))
        return {(item["in"], item["name"]): item for item in found}

    def body(self, name: str, old: Node, new: Node) -> None:
        place = f"{name} body"
        before = resolve(self.old, old.get("requestBody", {}))
        after = resolve(self.new, new.get("requestBody", {}))
        if not before or not after:
            if after:
                kind = Kind.BREAKING if after.get("required") is True else Kind.COMPATIBLE
                self.add(kind, place, "new body", "request")
            elif before:
                self.add(Kind.BREAKING, place, "body removed", "request")
            return
        self._required(place, before.get("required") is True, after.get("required") is True, "request")
        self.content(before, after, place, "request")

    def responses(self, name: str, old: Node, new: Node) -> None:
        before = {status: item for status, item in old.get("responses", {}).items() if status.startswith("2")}
        after = {status: item for status, item in new.get("responses", {}).items() if status.startswith("2")}
        if before.keys() != after.keys():
            was, now = (", ".join(sorted(statuses)) or "none" for statuses in (before, after))
            self.add(Kind.BEHAVIOURAL, f"{name} response", f"success status changed from {was} to {now}")
        for was_status, now_status in zip(sorted(before), sorted(after), strict=False):
            first, second = resolve(self.old, before[was_status]), resolve(self.new, after[now_status])
            was_headers = {header.lower(): header for header in first.get("headers", {})}
            now_headers = {header.lower(): header for header in second.get("headers", {})}
            for key in was_headers.keys() - now_headers.keys():
                self.add(Kind.BREAKING, f"{name} response", f"header {was_headers[key]} removed")
            for key in now_headers.keys() - was_headers.keys():
                self.add(Kind.COMPATIBLE, f"{name} response", f"new header {now_headers[key]}")
            self.content(first, second, f"{name} response", "response")

    def content(self, old: Node, new: Node, place: str, position: Position) -> None:
        before, after = old.get("content", {}), new.get("content", {})
        for media_type in before.keys() - after.keys():
            self.add(Kind.BREAKING, place, f"media type {media_type} removed", position)
        for media_type in after.keys() - before.keys():
            self.add(Kind.COMPATIBLE, place, f"new media type {media_type}", position)
        for media_type in before.keys() & after.keys():
            self.schema(
                before[media_type].get("schema", {}), after[media_type].get("schema", {}), place, position
            )

    def schema(self, old: Node, new: Node, place: str, position: Position) -> None:
        """Compare two schemas; a component is compared once per direction, under its own name."""
        self._default(old, new, place, position)
        old, old_null = _without_null(old)
        new, new_null = _without_null(new)
        if old_null != new_null:
            wider = new_null == (position == "request")
            what = "may now be null" if new_null else "may no longer be null"
            self.add(Kind.COMPATIBLE if wider else Kind.BREAKING, place, what, position)
        names = _component(old), _component(new)
        if names[0] and names[1]:
            if (*names, position) in self.seen:
                return
            self.seen.add((*names, position))
            if names[0] != names[1]:
                self.add(
                    Kind.BEHAVIOURAL,
                    names[0],
                    f"renamed to {names[1]}; class_overrides in generator-config.yaml keeps the Python name",
                )
            place = names[1]
        if names[0] or names[1]:
            old, new = resolve(self.old, old), resolve(self.new, new)
            self._default(old, new, place, position)
        self.resolved(old, new, place, position)

    def resolved(self, old: Node, new: Node, place: str, position: Position) -> None:
        if "anyOf" in old or "anyOf" in new:
            self._alternatives(old, new, place, position)
            return
        if old.get("type") != new.get("type") or old.get("format") != new.get("format"):
            self._type(old, new, place, position)
            return
        self._members(old, new, place, position)
        self._constraints(old, new, place, position)
        self._fields(old, new, place, position)
        if "items" in old or "items" in new:
            self.schema(old.get("items", {}), new.get("items", {}), f"{place}[]", position)
        before, after = (item.get("additionalProperties", True) for item in (old, new))
        if isinstance(before, dict) and isinstance(after, dict):
            self.schema(before, after, f"{place}.*", position)
        elif before != after:
            self.add(Kind.BREAKING, place, "allowed additional fields changed", position)

    def _default(self, old: Node, new: Node, place: str, position: Position) -> None:
        was, now = old.get("default"), new.get("default")
        if was != now:
            self.add(
                Kind.BEHAVIOURAL, place, f"default changed from {_shown(was)} to {_shown(now)}", position
            )

    def _alternatives(self, old: Node, new: Node, place: str, position: Position) -> None:
        before = {_shape(self.old, item): item for item in old.get("anyOf", [old])}
        after = {_shape(self.new, item): item for item in new.get("anyOf", [new])}
        widening = Kind.COMPATIBLE if position == "request" else Kind.BREAKING
        narrowing = Kind.BREAKING if position == "request" else Kind.COMPATIBLE
        for shape in after.keys() - before.keys():
            self.add(widening, place, f"may now be {_summary(after[shape])}", position)
        for shape in before.keys() - after.keys():
            self.add(narrowing, place, f"may no longer be {_summary(before[shape])}", position)

    def _type(self, old: Node, new: Node, place: str, position: Position) -> None:
        widened = (old.get("type"), new.get("type")) == ("integer", "number")
        narrowed = (old.get("type"), new.get("type")) == ("number", "integer")
        harmless = widened if position == "request" else narrowed
        kind = Kind.COMPATIBLE if harmless else Kind.BREAKING
        self.add(kind, place, f"type changed from {_summary(old)} to {_summary(new)}", position)

    def _members(self, old: Node, new: Node, place: str, position: Position) -> None:
        before, after = _enumeration(old), _enumeration(new)
        if before is None or after is None:
            if before is not None:
                self.add(Kind.BREAKING, place, "no longer an enumeration", position)
            elif after is not None:
                self.add(
                    Kind.BREAKING, place, f"now an enumeration of {', '.join(map(str, after))}", position
                )
            return
        # Enumerations of the client are open, so a new member is compatible even in a response;
        # a removed one takes its name away from the user's code in either direction.
        for member in after:
            if member not in before:
                self.add(Kind.COMPATIBLE, place, f"new member {member}", position)
        for member in before:
            if member not in after:
                self.add(Kind.BREAKING, place, f"member {member} removed", position)

    def _constraints(self, old: Node, new: Node, place: str, position: Position) -> None:
        for name in (*_LOWER_BOUNDS, *_UPPER_BOUNDS, *_OTHER_CONSTRAINTS):
            before, after = old.get(name), new.get(name)
            if before == after:
                continue
            if after is None:
                tighter = False
            elif before is None or name in _OTHER_CONSTRAINTS:
                tighter = True
            else:
                tighter = after > before if name in _LOWER_BOUNDS else after < before
            kind = Kind.BREAKING if tighter and position == "request" else Kind.COMPATIBLE
            self.add(kind, place, f"{name} changed from {_shown(before)} to {_shown(after)}", position)

    def _fields(self, old: Node, new: Node, place: str, position: Position) -> None:
        before, after = old.get("properties", {}), new.get("properties", {})
        was_required, now_required = set(old.get("required", [])), set(new.get("required", []))
        for name in before.keys() - after.keys():
            self.add(Kind.BREAKING, f"{place}.{name}", "field removed", position)
        for name in after.keys() - before.keys():
            required = name in now_required
            kind = Kind.BREAKING if required and position == "request" else Kind.COMPATIBLE
            self.add(kind, f"{place}.{name}", f"new {'required' if required else 'optional'} field", position)
        for name in before.keys() & after.keys():
            field_place = f"{place}.{name}"
            self._required(field_place, name in was_required, name in now_required, position)
            self.schema(before[name], after[name], field_place, position)

    def _required(self, place: str, before: bool, after: bool, position: Position) -> None:
        if before != after:
            harmless = after == (position == "response")
            what = "became required" if after else "became optional"
            self.add(Kind.COMPATIBLE if harmless else Kind.BREAKING, place, what, position)


def _without_null(schema: Node) -> tuple[Node, bool]:
    """The schema without its `null` alternative, and whether it had one."""
    alternatives = schema.get("anyOf")
    if not isinstance(alternatives, list) or {"type": "null"} not in alternatives:
        return schema, False
    rest = [item for item in alternatives if item != {"type": "null"}]
    return (rest[0] if len(rest) == 1 else {**schema, "anyOf": rest}), True


def _component(schema: Node) -> str:
    reference = str(schema.get("$ref", ""))
    return reference.removeprefix(_COMPONENT) if reference.startswith(_COMPONENT) else ""


def _enumeration(schema: Node) -> list[Json] | None:
    if "const" in schema:
        return [schema["const"]]
    members = schema.get("enum")
    return members if isinstance(members, list) else None


def _shape(document: Node, schema: Json, above: tuple[str, ...] = ()) -> str:
    """A text that is the same for schemas that mean the same."""

    def shaped(node: Json, above: tuple[str, ...]) -> Json:
        if isinstance(node, list):
            return [shaped(item, above) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            if node["$ref"] in above:
                return {"again": above.index(node["$ref"])}
            return shaped(resolve(document, {"$ref": node["$ref"]}), (*above, node["$ref"]))
        return {key: shaped(value, above) for key, value in node.items() if key not in _NO_SHAPE}

    return json.dumps(shaped(schema, above), sort_keys=True)


def _summary(schema: Node) -> str:
    name = _component(schema)
    if name:
        return name
    if "anyOf" in schema:
        return " or ".join(_summary(item) for item in schema["anyOf"])
    return " ".join(str(schema[key]) for key in ("type", "format") if key in schema) or "anything"


def _shown(value: Json) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
