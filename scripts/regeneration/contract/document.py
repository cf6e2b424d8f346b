"""OpenAPI documents as plain JSON: reading, references, rejections and the one way to write them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A value from a JSON document; its shape is checked where it is used."""
Node: TypeAlias = dict[str, Json]

METHODS = ("get", "put", "post", "patch", "delete")
TOP_LEVEL_ORDER = ("openapi", "info", "servers", "security", "tags", "paths", "components")


class RegenerationError(Exception):
    """The run cannot continue; the message names the place in the document or tree, and what to do."""


def parse(text: bytes, name: str) -> Node:
    """Read a JSON document that must be OpenAPI 3.

    Args:
        text: the document, UTF-8.
        name: its name in messages.

    Raises:
        RegenerationError: it is not JSON, not an object, Swagger 2.0, or has no paths.
    """
    try:
        document = json.loads(text, object_pairs_hook=_object_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise RegenerationError(f"{name} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise RegenerationError(f"{name} is not an OpenAPI document: the top level is not an object")
    if "swagger" in document:
        raise RegenerationError(f"{name} is Swagger {document['swagger']}; OpenAPI 3.0 or 3.1 is needed")
    if not str(document.get("openapi", "")).startswith("3."):
        raise RegenerationError(
            f"{name} is not an OpenAPI 3 document: /openapi is {document.get('openapi')!r}"
        )
    if not re.match(r"3\.[01](\.|$)", document["openapi"]):
        raise RegenerationError(f"{name}: /openapi is {document['openapi']!r}; OpenAPI 3.0 or 3.1 is needed")
    check_structure(document, name)
    return document


def _object_without_duplicates(pairs: list[tuple[str, Json]]) -> Node:
    node: Node = {}
    for key, value in pairs:
        if key in node:
            raise ValueError(f"the key {key!r} appears twice in one object")
        node[key] = value
    return node


def check_structure(document: Node, name: str) -> None:
    """Reject a document whose paths and operations are not the objects that selection walks.

    Raises:
        RegenerationError: naming the place.
    """
    paths = document.get("paths")
    if not isinstance(paths, dict):
        raise RegenerationError(f"{name}: /paths is missing or not an object")
    for path, item in paths.items():
        if not isinstance(item, dict):
            raise RegenerationError(f"{name}: {pointer('paths', path)} is not an object")
        for method in METHODS:
            if method in item and not isinstance(item[method], dict):
                raise RegenerationError(f"{name}: {pointer('paths', path, method)} is not an object")


def check_model(paths: Node, components: Json) -> None:
    """Reject paths and components that violate OpenAPI, by the generator's model of it.

    Raises:
        RegenerationError: naming the first place.
    """
    # Imported here so that --help and the earlier refusals do not pay for it.
    from openapi_python_client.schema import OpenAPI
    from pydantic import ValidationError

    whole = {
        "openapi": "3.1.0",
        "info": {"title": "-", "version": "-"},
        "paths": {path: _without_callbacks(item) for path, item in paths.items()},
        "components": components,
    }
    if isinstance(components, dict):
        whole["components"] = {kind: group for kind, group in components.items() if kind != "callbacks"}
    try:
        OpenAPI.model_validate(whole)
    except ValidationError as error:
        first = error.errors()[0]
        raise RegenerationError(f"{pointer(*first['loc'])}: {first['msg']}") from error


def _without_callbacks(item: Node) -> Node:
    """A path item without what a client does not call, and the generator's model knows only in part."""
    return {
        name: {key: value for key, value in part.items() if key != "callbacks"}
        if name in METHODS and isinstance(part, dict)
        else part
        for name, part in item.items()
    }


def operations(document: Node) -> Iterator[tuple[str, str, Node]]:
    """Path, method in lower case and operation, for each operation of the document."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def pointer(*parts: str | int) -> str:
    """A JSON Pointer (RFC 6901), which is how messages name a place."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def target_of(document: Node, reference: Json, place: str) -> Json:
    """What a local `$ref` points at.

    Raises:
        RegenerationError: the reference leaves the document or points at nothing.
    """
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise RegenerationError(f"{place}: $ref {reference!r} leaves the document, which is not supported")
    node: Json = document
    for part in reference.removeprefix("#/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, dict) or key not in node:
            raise RegenerationError(f"{place}: $ref {reference!r} points at nothing")
        node = node[key]
    return node


def resolve(document: Node, node: Node, place: str = "") -> Node:
    """Follow references until an object that is not one.

    Raises:
        RegenerationError: a reference dangles, leads back to itself, or ends at something else.
    """
    seen: set[str] = set()
    found: Json = node
    while isinstance(found, dict) and "$ref" in found:
        reference = found["$ref"]
        if str(reference) in seen:
            raise RegenerationError(f"{place}: $ref {reference!r} leads back to itself")
        seen.add(str(reference))
        found = target_of(document, reference, place)
    if not isinstance(found, dict):
        raise RegenerationError(f"{place}: an object is needed, not {type(found).__name__}")
    return found


def references(node: Json, place: str = "") -> Iterator[tuple[str, str]]:
    """Place and text of every `$ref` below a node."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield place, value
            else:
                yield from references(value, place + pointer(key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from references(value, place + pointer(index))


def check_references(document: Node) -> None:
    """Reject a document with a dangling reference.

    Raises:
        RegenerationError: naming the place of the first one.
    """
    for place, reference in references(document):
        target_of(document, reference, place)


def prune(document: Node) -> None:
    """Remove the components that no operation reaches, security schemes apart."""
    components = document.get("components", {})
    reached: set[str] = set()
    waiting = [reference for _, reference in references(document["paths"])]
    while waiting:
        reference = waiting.pop()
        if reference not in reached:
            reached.add(reference)
            waiting += [further for _, further in references(target_of(document, reference, reference))]
    for kind in list(components):
        if kind == "securitySchemes":
            continue
        for name in list(components[kind]):
            if "#" + pointer("components", kind, name) not in reached:
                del components[kind][name]
        if not components[kind]:
            del components[kind]


def in_order(document: Node) -> Node:
    """The same document in the one order we write: keys sorted, the top level as readers expect it."""
    ordered = _sorted_keys(document)
    return {
        **{key: ordered[key] for key in TOP_LEVEL_ORDER if key in ordered},
        **{key: value for key, value in ordered.items() if key not in TOP_LEVEL_ORDER},
    }


def _sorted_keys(node: Json) -> Json:
    if isinstance(node, dict):
        return {key: _sorted_keys(node[key]) for key in sorted(node)}
    if isinstance(node, list):
        return [_sorted_keys(item) for item in node]
    return node


def dump(document: Node) -> str:
    """The text of a document as it is checked in: two spaces, UTF-8, a newline at the end."""
    return json.dumps(in_order(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
