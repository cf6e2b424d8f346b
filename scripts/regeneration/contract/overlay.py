"""The part of the OpenAPI Overlay Specification 1.0 that our overlay uses.

Targets are JSONPath (RFC 9535) expressions made of member names, wildcards and the filter
`[?@.name=='value']`; an action updates what it finds or removes it.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

from regeneration.contract.document import Json, Node, RegenerationError

_SEGMENT = re.compile(
    r"""\.(?P<member>[A-Za-z_][\w-]*) | \['(?P<quoted>[^']*)'\] | (?P<every>\.\*|\[\*\])
      | \[\?@\.(?P<key>[\w-]+)\s*==\s*'(?P<value>[^']*)'\]""",
    re.VERBOSE,
)


def load(path: Path) -> Node:
    """Read an overlay document.

    Raises:
        RegenerationError: it is missing, not JSON, or not an overlay of version 1.0.
    """
    try:
        overlay = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RegenerationError(f"{path.name} cannot be read as JSON: {error}") from error
    if not isinstance(overlay, dict) or not str(overlay.get("overlay", "")).startswith("1.0"):
        raise RegenerationError(f"{path.name} is not an OpenAPI Overlay of version 1.0")
    return overlay


def apply(document: Node, overlay: Node) -> tuple[Node, list[str]]:
    """The document after every action in turn, and the targets that matched nothing."""
    result = copy.deepcopy(document)
    unmatched = []
    for action in overlay["actions"]:
        target = action["target"]
        found = _find(result, target)
        if not found:
            unmatched.append(target)
        for parent, key in found:
            if action.get("remove") is True:
                del parent[key]
            elif parent is None:
                _merge(result, action["update"])
            else:
                parent[key] = _merge(parent[key], action["update"])
    return result, unmatched


def _find(document: Node, target: str) -> list[tuple[Json, Json]]:
    """Parent and key of each match; the root is the pair of None and None."""
    if not target.startswith("$"):
        raise RegenerationError(f"overlay target {target!r} does not begin with $")
    matches: list[tuple[Json, Json]] = [(None, None)]
    position = 1
    while position < len(target):
        segment = _SEGMENT.match(target, position)
        if segment is None:
            raise RegenerationError(f"overlay target {target!r} cannot be read from {target[position:]!r} on")
        position = segment.end()
        matches = [
            (node, key)
            for parent, parent_key in matches
            for node in [document if parent is None else parent[parent_key]]
            for key in _children(node, segment)
        ]
    return matches


def _children(node: Json, segment: re.Match[str]) -> list[Json]:
    if segment["every"]:
        return (
            list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
        )
    if segment["key"]:
        if not isinstance(node, list):
            return []
        return [
            index
            for index, item in enumerate(node)
            if isinstance(item, dict) and item.get(segment["key"]) == segment["value"]
        ]
    name = segment["member"] if segment["member"] is not None else segment["quoted"]
    return [name] if isinstance(node, dict) and name in node else []


def _merge(old: Json, new: Json) -> Json:
    """Update by the specification: objects are merged, arrays appended, the rest replaced."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in new.items():
            old[key] = _merge(old[key], value) if key in old else copy.deepcopy(value)
        return old
    if isinstance(old, list) and isinstance(new, list):
        return [*old, *copy.deepcopy(new)]
    return copy.deepcopy(new)
