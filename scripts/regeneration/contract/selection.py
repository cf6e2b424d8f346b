"""Selects the operations of a document that belong to the API of the client."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from regeneration.contract.document import Node, RegenerationError, operations, pointer
from regeneration.profiles import Profile

GROUP = "x-codegen-sdk-group-name"
METHOD = "x-codegen-sdk-method-name"
AUTH = "x-codegen-sdk-auth"
PAGINATION = "x-codegen-sdk-pagination"
IGNORE = "x-codegen-sdk-ignore"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")


@dataclass
class Selection:
    """The selected operations by path and method, and what a maintainer should hear about the choice."""

    paths: dict[str, Node] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def snake_case(name: str) -> str:
    """`uploadViaUrl` and `UploadViaUrl` as `upload_via_url`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def full_name(operation: Node) -> str:
    """Resource and method of a marked operation as users call them, such as `images.upload_via_url`."""
    return f"{snake_case(operation[GROUP])}.{snake_case(operation[METHOD])}"


def select(document: Node, profile: Profile) -> Selection:
    """Keep the operations of the API: by their marks, and by path where the marks are missing.

    Raises:
        RegenerationError: nothing is left, a mark cannot be used, or two operations have one name.
    """
    selection = Selection()
    places: dict[str, str] = {}
    for path, method, operation in operations(document):
        place = pointer("paths", path, method)
        _refuse_taken(places, str(operation.get("operationId", place)), place, "operationId")
        if operation.get(IGNORE) is True:
            continue
        marks = _marks(operation, profile, (method, path), place)
        if marks is None:
            if path.startswith(profile.areas):
                selection.notes.append(
                    f"left out, without marks and not known by its path: {method.upper()} {path}"
                )
            continue
        chosen = {**operation, **marks}
        _refuse_taken(places, full_name(chosen), place, "operation")
        item = selection.paths.setdefault(path, {})
        item[method] = chosen
        if "parameters" in document["paths"][path]:
            item["parameters"] = document["paths"][path]["parameters"]
    if not selection.paths:
        raise RegenerationError(f"/paths: none of the operations belongs to {profile.title}")
    return selection


def _refuse_taken(places: dict[str, str], name: str, place: str, kind: str) -> None:
    if name in places:
        raise RegenerationError(f"{place}: duplicate {kind} {name!r}, already at {places[name]}")
    places[name] = place


def _marks(operation: Node, profile: Profile, key: tuple[str, str], place: str) -> dict[str, str] | None:
    known = profile.known_operations.get(key, (None, None, None))
    values = [
        operation.get(mark, fallback) for mark, fallback in zip((GROUP, METHOD, AUTH), known, strict=True)
    ]
    if None in values:
        present = [mark for mark in (GROUP, METHOD, AUTH) if mark in operation]
        if present:
            raise RegenerationError(f"{place}: has {' and '.join(present)}, but not all of the three marks")
        return None
    group, name, auth = values
    for mark, value in ((GROUP, group), (METHOD, name)):
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise RegenerationError(f"{place}: {mark} is {value!r}, which gives no Python name")
    if auth not in profile.auth_kinds:
        raise RegenerationError(f"{place}: {AUTH} is {auth!r}; known are {', '.join(profile.auth_kinds)}")
    marks = {GROUP: group, METHOD: name, AUTH: auth}
    if METHOD not in operation and name == "list":
        marks[PAGINATION] = "offset_headers"  # the only kind there is, lost with the other marks
    return marks
