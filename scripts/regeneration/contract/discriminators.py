"""Finds the field that distinguishes the alternatives of a schema."""

from __future__ import annotations

from openapi_python_client.config import Config
from openapi_python_client.parser.properties import Class

from regeneration.contract.document import Json, Node, RegenerationError, pointer

_SCHEMAS = "#/components/schemas/"


def discriminated(target: Json) -> str:
    """The `$ref` that a value in the mapping of a discriminator stands for."""
    return str(target) if str(target).startswith("#/") else f"{_SCHEMAS}{target}"


def discriminators(document: Node, config: Config) -> dict[frozenset[str], tuple[str, dict[str, str]]]:
    """By the classes of the alternatives: the field that distinguishes them, and the class of each value."""
    found: dict[frozenset[str], tuple[str, dict[str, str]]] = {}
    waiting: list[tuple[Json, str]] = [(document, "")]
    while waiting:
        node, place = waiting.pop()
        if isinstance(node, dict):
            waiting += [(value, place + pointer(key)) for key, value in node.items()]
        elif isinstance(node, list):
            waiting += [(value, place + pointer(index)) for index, value in enumerate(node)]
        if not isinstance(node, dict) or not isinstance(node.get("discriminator"), dict):
            continue
        alternatives = node.get("oneOf", node.get("anyOf"))
        if not isinstance(alternatives, list):
            continue
        references = [part["$ref"] for part in alternatives if isinstance(part, dict) and "$ref" in part]
        classes = {
            reference: str(Class.from_string(string=reference.rpartition("/")[2], config=config).name)
            for reference in references
        }
        tags = {reference.rpartition("/")[2]: name for reference, name in classes.items()}
        for tag, target in (node["discriminator"].get("mapping") or {}).items():
            tags[str(tag)] = classes[discriminated(target)]
        rule = (str(node["discriminator"]["propertyName"]), dict(sorted(tags.items())))
        if found.setdefault(frozenset(classes.values()), rule) != rule:
            raise RegenerationError(f"{place}: another discriminator tells the same schemas apart elsewhere")
    return found
