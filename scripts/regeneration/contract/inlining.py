"""Path items, request bodies and responses that are references, put in place."""

from __future__ import annotations

import copy

from regeneration.contract.document import Node, RegenerationError, pointer, resolve


def inline_references(document: Node) -> None:
    """Put in place what path items, request bodies and responses refer to.

    Raises:
        RegenerationError: a reference dangles or leads back to itself, or something stands beside it.
    """
    paths = document["paths"]
    for path, item in paths.items():
        place = pointer("paths", path)
        if isinstance(item, dict) and "$ref" in item:
            beside = sorted(set(item) - {"$ref", "summary", "description"})
            if beside:
                raise RegenerationError(f"{place}: {', '.join(beside)} beside $ref is not supported")
            paths[path] = copy.deepcopy(resolve(document, item, place))
        for method, operation in paths[path].items() if isinstance(paths[path], dict) else ():
            if isinstance(operation, dict):
                _inline_parts(document, operation, f"{place}{pointer(method)}")


def _inline_parts(document: Node, operation: Node, place: str) -> None:
    responses = operation.get("responses")
    for owner, names in (
        (operation, ["requestBody"]),
        (responses, list(responses) if isinstance(responses, dict) else []),
    ):
        for name in names:
            part = owner.get(name) if isinstance(owner, dict) else None
            if isinstance(owner, dict) and isinstance(part, dict) and "$ref" in part:
                where = f"{place}{pointer(*(['responses', name] if owner is responses else [name]))}"
                owner[name] = resolve(document, part, where)
