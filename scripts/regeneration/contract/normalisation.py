"""The selected operations in the one form that the rest of the pipeline and the generator rely on."""

from __future__ import annotations

import copy

from regeneration.contract.document import (
    Json,
    Node,
    RegenerationError,
    check_model,
    check_references,
    operations,
    pointer,
    resolve,
)
from regeneration.contract.selection import GROUP, METHOD, PAGINATION, Selection

ENVIRONMENT_HEADER = "X-Environment-Id"
ENVIRONMENT_PARAMETER = "EnvironmentId"
ENVIRONMENT_REFERENCE = f"#/components/parameters/{ENVIRONMENT_PARAMETER}"
OURS = "x-imgwire-"
ADDED = "x-imgwire-added"
"""Set by our overlay on what the vendor's document lacks, so that the next run can take it out again."""

_PROSE = ("title", "description", "summary", "example", "examples", "externalDocs", "termsOfService")
_MAPS_OF_NAMES = (
    "properties",
    "schemas",
    "headers",
    "responses",
    "content",
    "parameters",
    "paths",
    "patternProperties",
)
_TAGS = {"cors_origins": "CORS Origins", "custom_domain": "Custom Domain"}
_DEFAULT_ENVIRONMENT: Node = {
    "in": "header",
    "name": ENVIRONMENT_HEADER,
    "required": False,
    "schema": {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]},
}


def normalise(document: Node, selection: Selection) -> Node:
    """A document of the selected operations alone, without anybody's prose.

    operationIds become `Images_list`, each operation has one tag, nullability is spelled `anyOf`, the
    environment header is one shared parameter, and everything that our overlay set is taken out.

    Raises:
        RegenerationError: a reference dangles, or the document has something no stage could carry on.
    """
    check_model(selection.paths, document.get("components", {}))
    components = copy.deepcopy(document.get("components", {}))
    components.pop("securitySchemes", None)  # like `security`, ours comes from the overlay
    result: Node = {
        "openapi": "3.1.0",
        "paths": copy.deepcopy(selection.paths),
        "components": components,
    }
    _remove_added(result)
    check_references(result)
    components.pop("callbacks", None)  # a client calls none
    for _, _, operation in operations(result):
        operation.pop("callbacks", None)
    result["paths"] = _stripped(result["paths"], names=True)
    result["components"] = {kind: _stripped(group, names=True) for kind, group in components.items()}
    for path, item in result["paths"].items():
        _move_shared_parameters(result, path, item)
    for path, method, operation in operations(result):
        operation.pop("security", None)
        operation.pop("servers", None)
        name_operation(operation)
        if PAGINATION in operation:
            operation[PAGINATION] = "offset_headers"  # shaped documents of the vendor say offset_pagination
        _sort_parameters(result, operation, pointer("paths", path, method))
    _share_environment_header(result)
    return result


def _remove_added(node: Json) -> None:
    if isinstance(node, dict):
        for key in [key for key, value in node.items() if isinstance(value, dict) and ADDED in value]:
            del node[key]
        for value in node.values():
            _remove_added(value)
    elif isinstance(node, list):
        for value in node:
            _remove_added(value)


def _stripped(node: Json, *, names: bool = False) -> Json:
    """The node without prose and without our own extensions, nullability spelled in one way.

    `names` says that the keys are names chosen by the vendor (a field called `title` is not prose).
    """
    if isinstance(node, list):
        return [_stripped(item) for item in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _stripped(value) for key, value in node.items()}
    result: Node = {}
    for key, value in node.items():
        if key in _PROSE or key.startswith(OURS):
            continue
        literal = key in {"default", "enum", "const", "required"}
        if value is None and key not in {"default", "const"}:
            continue  # an explicit null says no more than a missing key
        result[key] = (
            value if literal else _stripped(value, names=key in _MAPS_OF_NAMES and isinstance(value, dict))
        )
    if "required" in result and isinstance(result["required"], list):
        result["required"] = sorted(result["required"])
    return _nullable_as_any_of(result)


def _nullable_as_any_of(schema: Node) -> Node:
    """`nullable: true` of OpenAPI 3.0 and `type: [T, "null"]` of 3.1 in the form `anyOf: [T, null]`."""
    nullable = schema.get("nullable") is True
    plain = {key: value for key, value in schema.items() if key != "nullable"}
    types = plain.get("type")
    if isinstance(types, list):
        rest = [name for name in types if name != "null"]
        nullable = nullable or "null" in types
        if len(rest) == 1:
            plain["type"] = rest[0]
        else:
            del plain["type"]
            plain = {"anyOf": [{**plain, "type": name} for name in rest]}
    if not nullable:
        return plain
    outer = {"default": plain.pop("default")} if "default" in plain else {}
    return {"anyOf": [*(plain["anyOf"] if list(plain) == ["anyOf"] else [plain]), {"type": "null"}], **outer}


def name_operation(operation: Node) -> None:
    """Set operationId and tag, from which the generator makes the names of function and package."""
    group, method = operation[GROUP], operation[METHOD]
    operation["operationId"] = f"{group[0].upper()}{group[1:]}_{method[0].lower()}{method[1:]}"
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in group).lstrip("_")
    operation["tags"] = [_TAGS.get(words, words.replace("_", " ").title())]


def _move_shared_parameters(document: Node, path: str, item: Node) -> None:
    """Parameters of a path item, given to each of its operations unless it declares its own."""
    shared = item.pop("parameters", [])
    for method, operation in item.items():
        place = pointer("paths", path, method)
        own = {
            _identity(resolve(document, parameter, place)) for parameter in operation.get("parameters", [])
        }
        inherited = [
            copy.deepcopy(parameter)
            for parameter in shared
            if _identity(resolve(document, parameter, place)) not in own
        ]
        if inherited:
            operation["parameters"] = [*operation.get("parameters", []), *inherited]


def _identity(parameter: Node) -> tuple[str, str]:
    name = parameter["name"]
    return parameter["in"], name.lower() if parameter["in"] == "header" else name


def _sort_parameters(document: Node, operation: Node, place: str) -> None:
    if "parameters" not in operation:
        return
    inlined = []
    for index, parameter in enumerate(operation["parameters"]):
        where = f"{place}{pointer('parameters', index)}"
        target = resolve(document, parameter, where)
        if not isinstance(target.get("name"), str) or target.get("in") not in {
            "path",
            "query",
            "header",
            "cookie",
        }:
            raise RegenerationError(f"{where}: a parameter needs `name` and `in`")
        inlined.append(copy.deepcopy(target))
    identities = [_identity(parameter) for parameter in inlined]
    for identity in identities:
        if identities.count(identity) > 1:
            raise RegenerationError(f"{place}: the {identity[0]} parameter {identity[1]!r} is declared twice")
    operation["parameters"] = sorted(
        inlined, key=lambda parameter: (parameter["in"] != "path", *_identity(parameter))
    )


def _share_environment_header(document: Node) -> None:
    """One parameter in the components for the header that a client sets once.

    The vendor's shaped documents leave it out of every operation; there we put it back.
    """
    shared = None
    everywhere = not any(_has_environment_header(operation) for _, _, operation in operations(document))
    for path, method, operation in operations(document):
        parameters = operation.get("parameters", [])
        kept = [parameter for parameter in parameters if not _is_environment_header(parameter)]
        found = [parameter for parameter in parameters if _is_environment_header(parameter)]
        if found:
            if shared is not None and found[0] != shared:
                place = pointer("paths", path, method)
                raise RegenerationError(
                    f"{place}: {ENVIRONMENT_HEADER} differs from that of other operations"
                )
            shared = found[0]
        if found or everywhere:
            operation["parameters"] = [*kept, {"$ref": ENVIRONMENT_REFERENCE}]
    document["components"].setdefault("parameters", {})[ENVIRONMENT_PARAMETER] = (
        shared or _DEFAULT_ENVIRONMENT
    )


def _has_environment_header(operation: Node) -> bool:
    return any(_is_environment_header(parameter) for parameter in operation.get("parameters", []))


def _is_environment_header(parameter: Node) -> bool:
    return _identity(parameter) == ("header", ENVIRONMENT_HEADER.lower())
