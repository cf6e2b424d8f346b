"""Notes everything that has no effect on the generated client, so that nothing vanishes silently."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from regeneration.contract.document import Json, Node, operations, pointer, resolve

IGNORED_HEADERS: Final = frozenset(["accept", "content-type", "authorization"])
"""Header parameters whose definition OpenAPI says is to be ignored; the core sets them."""
_PAGING_HEADERS: Final = frozenset(["x-total-count", "x-page", "x-limit", "x-prev-page", "x-next-page"])
"""Read by the core."""


def notes(document: Node, paths: Node, media_type: str) -> list[str]:
    """One note for each omitted part in and around the selected paths."""
    found = [*_around(document)]
    for path, item in paths.items():
        whole = document["paths"][path]
        place = pointer("paths", path)
        found += [
            f"left out: {place}{pointer(method)}, a method that the client has no use for"
            for method in ("head", "options", "trace")
            if method in whole
        ]
        found += _ignored_headers(document, item.get("parameters"), place)
    for path, method, operation in operations({"paths": paths}):
        place = pointer("paths", path, method)
        if operation.get("callbacks"):
            found.append(f"left out: {place}/callbacks, which a client does not call")
        if "security" in operation:
            found.append(f"left out: {place}/security; x-codegen-sdk-auth says which credential is sent")
        found += _ignored_headers(document, operation.get("parameters"), place)
        found += _in_responses(document, operation.get("responses"), place, media_type)
    return found


def _around(document: Node) -> Iterator[str]:
    if document.get("webhooks"):
        yield "left out: /webhooks, which a client does not call"
    components = document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    for name, scheme in schemes.items() if isinstance(schemes, dict) else ():
        kind = (scheme.get("type"), str(scheme.get("scheme")).lower()) if isinstance(scheme, dict) else None
        if kind != ("http", "bearer"):
            place = pointer("components", "securitySchemes", name)
            yield f"left out: {place}; the client sends a bearer token"


def _ignored_headers(document: Node, parameters: Json, place: str) -> Iterator[str]:
    for index, parameter in enumerate(parameters if isinstance(parameters, list) else []):
        where = f"{place}{pointer('parameters', index)}"
        if isinstance(parameter, dict) and is_ignored(resolve(document, parameter, where)):
            yield f"left out: {where}, a header that the client sets itself"


def is_ignored(parameter: Node) -> bool:
    """Whether a parameter is a header that the core sets whatever the document says."""
    return parameter.get("in") == "header" and str(parameter.get("name")).lower() in IGNORED_HEADERS


def _in_responses(document: Node, responses: Json, place: str, media_type: str) -> Iterator[str]:
    for status, response in responses.items() if isinstance(responses, dict) else ():
        where = f"{place}{pointer('responses', status)}"
        if not isinstance(response, dict):
            continue
        if str(status)[:1] in {"1", "3"}:
            yield f"left out: {where}, which the client does not expect"
        if not str(status).startswith("2"):
            continue  # errors are read by the core, whatever their schema
        response = resolve(document, response, where)
        headers = response.get("headers")
        for name in headers if isinstance(headers, dict) else ():
            if name.lower() not in _PAGING_HEADERS:
                yield f"left out: {where}{pointer('headers', name)}; Response.headers has it as text"
        if response.get("links"):
            yield f"left out: {where}/links, which the client does not follow"
        content = response.get("content")
        for name in content if isinstance(content, dict) and media_type in content else ():
            if name != media_type:
                yield f"left out: {where}{pointer('content', name)}; the client asks for {media_type}"
