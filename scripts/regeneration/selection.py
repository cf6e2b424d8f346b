"""Which operations of the vendor's document are the Resource API."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .document import Node, RegenerationError, operations, pointer

GROUP = "x-codegen-sdk-group-name"
METHOD = "x-codegen-sdk-method-name"
AUTH = "x-codegen-sdk-auth"
PAGINATION = "x-codegen-sdk-pagination"
IGNORE = "x-codegen-sdk-ignore"

AUTH_CLASSES = ("server_key", "client_key", "server_or_client_key")
RESOURCE_AREAS = (
    "/api/v1/images/",
    "/api/v1/cors_origins/",
    "/api/v1/custom_domain/",
    "/api/v1/metrics/",
)

_IMAGES, _CORS, _DOMAIN, _METRICS = RESOURCE_AREAS
_SERVER, _EITHER = "server_key", "server_or_client_key"

# What the vendor's marks said when they were last seen. Used for an operation that has lost its marks.
KNOWN_OPERATIONS: dict[tuple[str, str], tuple[str, str, str]] = {
    ("get", _IMAGES): ("images", "list", _SERVER),
    ("post", f"{_IMAGES}standard_upload"): ("images", "create", _EITHER),
    ("post", f"{_IMAGES}upload_via_url"): ("images", "uploadViaUrl", _SERVER),
    ("post", f"{_IMAGES}token"): ("images", "createUploadToken", _SERVER),
    ("post", f"{_IMAGES}downloads"): ("images", "createBulkDownloadJob", _SERVER),
    ("get", f"{_IMAGES}downloads/{{image_download_job_id}}"): ("images", "retrieveBulkDownloadJob", _SERVER),
    ("post", f"{_IMAGES}bulk_delete"): ("images", "bulkDelete", _SERVER),
    ("get", f"{_IMAGES}{{image_id}}"): ("images", "retrieve", _EITHER),
    ("delete", f"{_IMAGES}{{image_id}}"): ("images", "delete", _SERVER),
    ("get", _CORS): ("corsOrigins", "list", _SERVER),
    ("post", _CORS): ("corsOrigins", "create", _SERVER),
    ("get", f"{_CORS}{{cors_origin_id}}"): ("corsOrigins", "retrieve", _SERVER),
    ("patch", f"{_CORS}{{cors_origin_id}}"): ("corsOrigins", "update", _SERVER),
    ("delete", f"{_CORS}{{cors_origin_id}}"): ("corsOrigins", "delete", _SERVER),
    ("get", _DOMAIN): ("customDomain", "retrieve", _SERVER),
    ("post", _DOMAIN): ("customDomain", "create", _SERVER),
    ("delete", _DOMAIN): ("customDomain", "delete", _SERVER),
    ("post", f"{_DOMAIN}test_connection"): ("customDomain", "testConnection", _SERVER),
    ("get", f"{_METRICS}datasets"): ("metrics", "getDatasets", _SERVER),
    ("get", f"{_METRICS}stats"): ("metrics", "getStats", _SERVER),
}

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


def select(document: Node) -> Selection:
    """Keep the Resource API: by the vendor's marks, and by path where the marks are missing.

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
        marks = _marks(operation, method, path, place)
        if marks is None:
            if path.startswith(RESOURCE_AREAS):
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
        raise RegenerationError("/paths: none of the operations belongs to the Resource API of Imgwire")
    return selection


def _refuse_taken(places: dict[str, str], name: str, place: str, kind: str) -> None:
    if name in places:
        raise RegenerationError(f"{place}: duplicate {kind} {name!r}, already at {places[name]}")
    places[name] = place


def _marks(operation: Node, method: str, path: str, place: str) -> dict[str, str] | None:
    known = KNOWN_OPERATIONS.get((method, path), (None, None, None))
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
    if auth not in AUTH_CLASSES:
        raise RegenerationError(f"{place}: {AUTH} is {auth!r}; known are {', '.join(AUTH_CLASSES)}")
    marks = {GROUP: group, METHOD: name, AUTH: auth}
    if METHOD not in operation and name == "list":
        marks[PAGINATION] = "offset_headers"  # the only kind there is, lost with the other marks
    return marks
