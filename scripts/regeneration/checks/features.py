"""The parts of OpenAPI that the pipeline supports; all else is rejected with its location, never skipped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

from regeneration.checks import leftovers
from regeneration.checks.keywords import (
    ANNOTATIONS,
    BESIDE_ALTERNATIVES,
    BODY,
    COMPONENTS,
    ITEM,
    LIMITS,
    MEDIA_TYPE,
    OPERATION,
    PARAMETER,
    RESPONSE,
    SHAPES,
    TOP_LEVEL,
)
from regeneration.contract.discriminators import discriminated
from regeneration.contract.document import Json, Node, RegenerationError, pointer, resolve, target_of
from regeneration.contract.selection import Selection
from regeneration.output.text import readable_name

_SCHEMAS: Final = "#/components/schemas/"
_DIALECTS: Final = (
    "https://spec.openapis.org/oas/3.1/dialect/base",
    "https://json-schema.org/draft/2020-12/schema",
)
_TYPES: Final = ("string", "integer", "number", "boolean", "object", "array", "null")

_STYLES: Final = {"path": "simple", "query": "form"}


def check(document: Node, selection: Selection, media_type: str) -> list[str]:
    """Reject features that generated code could not support.

    Returns:
        Notes about omitted features that have no effect on a client.

    Raises:
        RegenerationError: with the location of the first unsupported feature.
    """
    dialect = document.get("jsonSchemaDialect", _DIALECTS[0])
    if str(dialect).rstrip("#") not in _DIALECTS:
        raise RegenerationError(f"/jsonSchemaDialect: {dialect!r} is not supported")
    _refuse_unknown(document, TOP_LEVEL, "")
    if isinstance(document.get("components"), dict):
        _refuse_unknown(document["components"], COMPONENTS, "/components")
    checker = _Checker(document, media_type)
    for path, item in selection.paths.items():
        checker.path_item(path, document["paths"][path], item)
    return leftovers.notes(document, selection.paths, media_type)


class _Checker:
    def __init__(self, document: Node, media_type: str) -> None:
        self._document = document
        self._media_type = media_type
        self._seen: set[tuple[str, str]] = set()

    def path_item(self, path: str, whole: Node, selected: Node) -> None:
        place = pointer("paths", path)
        _refuse_unknown(whole, ITEM, place)
        _refuse_servers(whole, place)
        shared = whole.get("parameters", [])
        templated = set(re.findall(r"\{([^}]*)\}", path))
        for method, operation in selected.items():
            if method != "parameters":
                where = f"{place}{pointer(method)}"
                self._operation(operation, where)
                declared = self._path_parameters(operation.get("parameters"), where)
                missing = templated ^ (declared | self._path_parameters(shared, place))
                if missing:
                    raise RegenerationError(
                        f"{where}: {', '.join(sorted(missing))} must be both in the path and a path parameter"
                    )
        for index, parameter in enumerate(shared if isinstance(shared, list) else []):
            self._parameter(parameter, f"{place}{pointer('parameters', index)}")

    def _path_parameters(self, parameters: Json, place: str) -> set[str]:
        found = [
            resolve(self._document, parameter, place)
            for parameter in (parameters if isinstance(parameters, list) else [])
            if isinstance(parameter, dict)
        ]
        return {str(parameter.get("name")) for parameter in found if parameter.get("in") == "path"}

    def _operation(self, operation: Node, place: str) -> None:
        _refuse_unknown(operation, OPERATION, place)
        _refuse_servers(operation, place)
        parameters = operation.get("parameters", [])
        for index, parameter in enumerate(parameters if isinstance(parameters, list) else []):
            self._parameter(parameter, f"{place}{pointer('parameters', index)}")
        body = operation.get("requestBody")
        if isinstance(body, dict):
            _refuse_unknown(body, BODY, f"{place}/requestBody")
            self._content(body, f"{place}/requestBody", "request")
        responses = operation.get("responses", {})
        for status, response in responses.items() if isinstance(responses, dict) else ():
            if isinstance(response, dict) and str(status).startswith("2"):
                _refuse_unknown(response, RESPONSE, f"{place}{pointer('responses', status)}")
                self._content(response, f"{place}{pointer('responses', status)}", "response")

    def _content(self, owner: Node, place: str, use: str) -> None:
        content = owner.get("content", {})
        media = content.get(self._media_type, {}) if isinstance(content, dict) else {}
        where = f"{place}{pointer('content', self._media_type)}"
        if isinstance(media, dict):
            _refuse_unknown(media, MEDIA_TYPE, where)
            if use == "request" and self._media_type in content and "schema" not in media:
                raise RegenerationError(f"{where}: a body without a schema is not supported")
        if isinstance(media, dict) and "schema" in media:
            self._schema(media["schema"], f"{where}/schema", use)

    def _parameter(self, parameter: Json, place: str) -> None:
        if not isinstance(parameter, dict):
            return  # told by the model of OpenAPI, as is everything else that is not an object
        parameter = resolve(self._document, parameter, place)
        _refuse_unknown(parameter, PARAMETER, place)
        if "content" in parameter:
            raise RegenerationError(f"{place}/content: a parameter in a media type is not supported")
        where = str(parameter.get("in"))
        if leftovers.is_ignored(parameter):
            return
        if "schema" not in parameter:
            raise RegenerationError(f"{place}: a parameter without a schema is not supported")
        if where == "path" and parameter.get("required") is not True:
            raise RegenerationError(f"{place}/required: must be true in a path parameter")
        style = parameter.get("style", _STYLES.get(where))
        if where in _STYLES and style != _STYLES[where]:
            raise RegenerationError(f"{place}/style: {style!r} is not supported in a {where} parameter")
        if parameter.get("allowReserved") is True:
            raise RegenerationError(f"{place}/allowReserved: is not supported")
        if "schema" in parameter:
            self._schema(parameter["schema"], f"{place}/schema", "request")

    def _schema(self, schema: Json, place: str, use: str, chain: tuple[str, ...] = ()) -> None:
        """Check a schema and those below it; `chain` are the components since the last object with fields."""
        if isinstance(schema, bool):
            raise RegenerationError(f"{place}: a schema that is {json.dumps(schema)} is not supported")
        if not isinstance(schema, dict):
            raise RegenerationError(f"{place}: a schema must be an object, not {type(schema).__name__}")
        _refuse_unknown(schema, ANNOTATIONS | LIMITS | SHAPES, place)
        if "$ref" in schema:
            self._reference(schema, place, use, chain)
            return
        self._check_type(schema, place)
        self._check_enumeration(schema, place)
        self._check_alternatives(schema, place)
        self._check_all_of(schema, place)
        self._object(schema, place, use, chain)
        if "items" in schema:
            self._schema(schema["items"], f"{place}/items", use, chain)
        for keyword in ("anyOf", "oneOf", "allOf"):
            for index, part in enumerate(_listed(schema, keyword, place)):
                self._schema(part, f"{place}{pointer(keyword, index)}", use, chain)

    def _reference(self, schema: Node, place: str, use: str, chain: tuple[str, ...]) -> None:
        beside = sorted(set(schema) & SHAPES - {"$ref", "nullable"})
        if beside:
            raise RegenerationError(f"{place}: {', '.join(beside)} beside $ref is not supported; allOf is")
        reference = schema["$ref"]
        resolve(self._document, schema, place)
        name = str(reference).removeprefix(_SCHEMAS)
        if not str(reference).startswith(_SCHEMAS) or {"/", "~"} & set(name):
            raise RegenerationError(
                f"{place}: $ref {reference!r} must point at one of {_SCHEMAS.rstrip('/')}"
            )
        if reference in chain:
            raise RegenerationError(
                f"{place}: {reference!r} contains itself without an object with properties in between"
            )
        if (reference, use) not in self._seen:
            self._seen.add((reference, use))
            target = target_of(self._document, reference, place)
            self._schema(target, reference.removeprefix("#"), use, (*chain, reference))

    def _check_type(self, schema: Node, place: str) -> None:
        types = _types(schema)
        if "type" in schema and not types:
            raise RegenerationError(f"{place}/type: must name a type")
        for name in types:
            if name not in _TYPES:
                raise RegenerationError(f"{place}/type: {name!r} is not a type of JSON Schema")
        if schema.get("format") == "binary" and "string" in types:
            field = place.rpartition("/")[2]
            raise RegenerationError(f"{place}: {field!r} has a type that the templates do not know: binary")
        if "array" in types and "items" not in schema:
            raise RegenerationError(f"{place}: an array without items is not supported")

    def _check_enumeration(self, schema: Node, place: str) -> None:
        values = schema.get("enum")
        if isinstance(values, list) and not all(isinstance(value, str | None) for value in values):
            raise RegenerationError(f"{place}/enum: only text enumerations are supported")
        if isinstance(values, list) and not any(isinstance(value, str) for value in values):
            raise RegenerationError(f"{place}/enum: an enumeration without text is not supported")
        if isinstance(values, list):
            self._check_values(schema, values, f"{place}/enum")
        if "const" in schema:
            self._check_values(schema, [schema["const"]], f"{place}/const")
            if isinstance(values, list) and schema["const"] not in values:
                raise RegenerationError(f"{place}/const: is not one of the values in enum")
        if "const" in schema and not isinstance(schema["const"], str | int | float):
            raise RegenerationError(f"{place}/const: only text, numbers and booleans are supported")

    def _check_values(self, schema: Node, values: list[Json], place: str) -> None:
        readable: dict[str, Json] = {}
        for value in values:
            other = readable.setdefault(readable_name(str(value)), value)
            if other != value:
                raise RegenerationError(f"{place}: {other!r} and {value!r} would be members of one name")
            if values.count(value) > 1:
                raise RegenerationError(f"{place}: {value!r} is in it twice")
            if _types(schema) and not {_type_of(value), _wider(value)} & {*_types(schema), *_null(schema)}:
                raise RegenerationError(f"{place}: {value!r} is not of the type that the schema says")

    def _object(self, schema: Node, place: str, use: str, chain: tuple[str, ...]) -> None:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        required = required if isinstance(required, list) else []
        forbidden = "readOnly" if use == "request" else "writeOnly"
        for name, field in properties.items() if isinstance(properties, dict) else ():
            where = f"{place}{pointer('properties', name)}"
            if isinstance(field, dict) and field.get(forbidden) is True and name in required:
                raise RegenerationError(
                    f"{where}: is required and {forbidden}, which is not supported in a {use}"
                )
            self._schema(field, where, use)
        for keyword in ("additionalProperties", "unevaluatedProperties"):
            values = schema.get(keyword, True)
            if isinstance(values, bool):
                continue
            if keyword == "unevaluatedProperties":
                raise RegenerationError(f"{place}/{keyword}: only true and false are supported")
            self._schema(values, f"{place}/{keyword}", use, () if properties else chain)

    def _check_alternatives(self, schema: Node, place: str) -> None:
        used = [keyword for keyword in ("anyOf", "oneOf") if keyword in schema]
        if "discriminator" in schema and not used:
            raise RegenerationError(f"{place}/discriminator: is supported only beside oneOf or anyOf")
        if not used:
            return
        beside = sorted(set(schema) & SHAPES - BESIDE_ALTERNATIVES)
        if len(used) > 1 or beside:
            raise RegenerationError(f"{place}: {', '.join([*used, *beside])} together are not supported")
        alternatives = _listed(schema, used[0], place)
        kinds = [kind for part in alternatives for kind in self._kinds(part, place)]
        for kind, problem in (
            ("array", "several alternatives are arrays"),
            ("enum", "several alternatives are enumerations"),
        ):
            if kinds.count(kind) > 1:
                raise RegenerationError(f"{place}/{used[0]}: {problem}, which cannot be told apart")
        if "discriminator" in schema:
            self._check_discriminator(schema["discriminator"], alternatives, f"{place}/discriminator")
        elif kinds.count("object") > 1:
            raise RegenerationError(
                f"{place}/{used[0]}: several alternatives are objects, which cannot be told apart without a "
                "discriminator"
            )

    def _check_all_of(self, schema: Node, place: str) -> None:
        """Reject parts that could not be merged: only objects can, or one part with limits beside it."""
        parts = [part for part in _listed(schema, "allOf", place) if isinstance(part, dict)]
        if not parts or wrapped(schema) is not None:
            return
        for index, part in enumerate(parts):
            target = resolve(self._document, part, f"{place}{pointer('allOf', index)}")
            kinds = self._kinds(target, place)
            free = not set(target) & SHAPES - {"required", "additionalProperties", "unevaluatedProperties"}
            if {"anyOf", "oneOf"} & set(target) or not (kinds == ["object"] or free):
                raise RegenerationError(
                    f"{place}{pointer('allOf', index)}: only objects can be merged with others"
                )

    def _check_discriminator(self, found: Json, alternatives: list[Json], place: str) -> None:
        if not isinstance(found, dict) or not isinstance(found.get("propertyName"), str):
            raise RegenerationError(f"{place}: needs a propertyName")
        named = set()
        for part in alternatives:
            kinds = self._kinds(part, place)
            if "object" in kinds and not (isinstance(part, dict) and "$ref" in part and kinds == ["object"]):
                raise RegenerationError(f"{place}: every alternative that is an object must be a $ref to one")
            if isinstance(part, dict) and "$ref" in part:
                target = resolve(self._document, part, place)
                if not (target.get("properties") or target.get("allOf")):
                    raise RegenerationError(f"{place}: {part['$ref']!r} has no properties of its own")
                named.add(part["$ref"])
        mapping = found.get("mapping", {})
        for tag, target in mapping.items() if isinstance(mapping, dict) else ():
            if discriminated(target) not in named:
                where = f"{place}{pointer('mapping', tag)}"
                raise RegenerationError(f"{where}: {target!r} is not one of the alternatives")

    def _kinds(self, schema: Json, place: str, depth: int = 0) -> list[str]:
        """What an alternative may be: types, and `enum` for text of an enumeration."""
        if not isinstance(schema, dict) or depth > 20:
            return []
        schema = resolve(self._document, schema, place) if "$ref" in schema else schema
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                found = [
                    kind
                    for part in _listed(schema, keyword, place)
                    for kind in self._kinds(part, place, depth + 1)
                ]
                # Alternatives with a discriminator are distinguished by it.
                return [*dict.fromkeys(found)] if "discriminator" in schema else found
        if "allOf" in schema:
            parts = [self._kinds(part, place, depth + 1) for part in _listed(schema, "allOf", place)]
            return next((kinds for kinds in parts if kinds), [])
        if "enum" in schema:
            return ["enum"]
        return _types(schema) or (["object"] if "properties" in schema else [])


def wrapped(schema: Node) -> Json | None:
    """The one part of an `allOf` that shapes the value, if there is only one and nothing beside it does."""
    parts = schema.get("allOf")
    if not isinstance(parts, list) or set(schema) & {"properties", "additionalProperties"}:
        return None
    shaping = [part for part in parts if isinstance(part, dict) and set(part) & SHAPES]
    return shaping[0] if len(shaping) == 1 else None


def _type_of(value: Json) -> str:
    names = {bool: "boolean", str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _wider(value: Json) -> str:
    """An integer is a number as well, and so is 7.0 an integer."""
    kind = _type_of(value)
    is_whole = kind == "number" and value == int(value)
    return "number" if kind == "integer" else "integer" if is_whole else kind


def _null(schema: Node) -> list[str]:
    return ["null"] if schema.get("nullable") is True else []


def _types(schema: Node) -> list[Json]:
    types = schema.get("type", [])
    return types if isinstance(types, list) else [types]


def _listed(schema: Node, keyword: str, place: str) -> list[Json]:
    found = schema.get(keyword, [])
    if not isinstance(found, list) or (keyword in schema and not found):
        raise RegenerationError(f"{place}/{keyword}: must be an array with at least one schema")
    return found


def _refuse_unknown(node: Node, known: Iterable[str], place: str) -> None:
    known = set(known)
    for key in node:
        if key not in known and not key.startswith("x-"):
            raise RegenerationError(f"{place}{pointer(key)}: {key} is not supported")


def _refuse_servers(node: Node, place: str) -> None:
    if node.get("servers"):
        raise RegenerationError(f"{place}/servers: servers of their own are not supported")
