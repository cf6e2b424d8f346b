"""Schemas defined inside other schemas, moved to where the generator looks for schemas."""

from __future__ import annotations

from regeneration.contract.document import Json, Node, RegenerationError, pointer

_SCHEMAS = "#/components/schemas/"
_MAPS_OF_NAMES = frozenset(["properties", "patternProperties", "schemas", "dependentSchemas", "$defs"])
"""Keywords whose keys are names, not keywords."""
_DATA = frozenset(["default", "enum", "const", "example", "examples"])


def move_definitions(document: Node) -> None:
    """Make a component of every schema in a `$defs`, and point the references to it there.

    Raises:
        RegenerationError: two different schemas would have one name.
    """
    components = document.setdefault("components", {})
    schemas = components.get("schemas", {}) if isinstance(components, dict) else None
    if not isinstance(schemas, dict):
        return  # reported by the model of OpenAPI
    found: list[tuple[str, str, Json]] = []
    for part in ("paths", "components"):
        _take_definitions(document.get(part), pointer(part), found, names=part == "paths")
    moved: dict[str, str] = {}
    for place, name, schema in found:
        owner = place.split("/$defs/")[-2].rpartition("/")[2]
        free = [new for new in (name, f"{owner}_{name}") if schemas.get(new, schema) == schema]
        if not free:
            raise RegenerationError(f"{place}: other schemas have the name {name!r}; rename one of them")
        schemas[free[0]] = schema
        moved[f"#{place}"] = f"#{pointer('components', 'schemas', free[0])}"
    if moved:
        components["schemas"] = schemas
        _redirect(document, moved)


def _take_definitions(
    node: Json, place: str, found: list[tuple[str, str, Json]], *, names: bool = False
) -> None:
    """Take every `$defs` below a node out, and gather place, name and schema of what was in them."""
    if isinstance(node, list):
        for index, value in enumerate(node):
            _take_definitions(value, place + pointer(index), found)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if names or key not in _DATA:
            below = not names and key in _MAPS_OF_NAMES
            _take_definitions(value, place + pointer(key), found, names=below)
    if not names and isinstance(node.get("$defs"), dict):
        found += [
            (f"{place}{pointer('$defs', name)}", name, schema) for name, schema in node.pop("$defs").items()
        ]


def _redirect(node: Json, moved: dict[str, str]) -> None:
    """Replace references, those in the mapping of a discriminator included."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if isinstance(value, str) and value in moved:
            node[key] = moved[value]
        elif isinstance(value, dict | list):
            _redirect(value, moved)
