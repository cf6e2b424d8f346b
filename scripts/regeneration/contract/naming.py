"""Names in the generated code, and which of them are reserved."""

from __future__ import annotations

import re

from openapi_python_client.config import Config
from openapi_python_client.parser.properties import Class
from openapi_python_client.parser.properties.protocol import PropertyProtocol

from regeneration.contract.document import Node, RegenerationError, pointer

_TAKEN_ARGUMENTS = frozenset({"caller", "body", "content", "content_type", "further_query", "request"})
"""Names that an endpoint function defines itself, besides those it calls."""

TAKEN_CLASSES = frozenset(
    [
        "Any",
        "Body",
        "Caller",
        "Mapping",
        "QueryValue",
        "OpenStrEnum",
        "Request",
        "Response",
        "Self",
        "TYPE_CHECKING",
        "TypeAlias",
        "UNSET",
        "UUID",
        "Unset",
        "datetime",
        "define",
        "field",
        "fields_of",
        "list_of",
        "misfit",
    ]
)
"""Names that the generated modules import."""

TYPES_NAMES = (
    "list_or_lone, map_of, nullable_of, one_of, tagged, parse_any, parse_bool, parse_date, parse_datetime, "
    "parse_float, parse_int, parse_map, parse_nothing, parse_str, parse_uuid, to_object, to_query"
)
"""Everything that a generated module may need of `types.py`; ruff removes what it does not use."""

WIRE_NAME = "x-imgwire-wire-name"
"""Set on a query parameter whose name Python cannot have: the name that is sent."""


def name_parameter(parameter: Node) -> Node:
    """The parameter with a name that reads well in Python: `filter[or:name]` as `filter_or_name`.

    The generator would leave out what no identifier can have, and print `filterorname`.
    """
    name = str(parameter["name"])
    readable = re.sub(r"[^\w-]+", "_", name, flags=re.ASCII).strip("_")
    if parameter["in"] != "query" or not readable or readable == name:
        return parameter
    return {**parameter, "name": readable, WIRE_NAME: name}


def argument_name(item: PropertyProtocol) -> str:
    name = str(item.python_name)
    taken = name in _TAKEN_ARGUMENTS or name in re.split(r"\W+", TYPES_NAMES)
    return f"{name}_" if taken else name


def check_class_names(document: Node, config: Config) -> None:
    """Reject schemas whose classes would collide with each other or with names that they use.

    Raises:
        RegenerationError: naming the place.
    """
    places: dict[str, str] = {}
    for name in document.get("components", {}).get("schemas", {}):
        place = pointer("components", "schemas", name)
        found = Class.from_string(string=name, config=config)
        if str(found.name) in TAKEN_CLASSES or str(found.module_name) == "maps":
            raise RegenerationError(
                f"{place}: gives the class {found.name}, a name that generated modules need; "
                "give it another one in generator-config.yaml"
            )
        if str(found.name) in places:
            raise RegenerationError(
                f"{place}: gives the class {found.name}, as does {places[str(found.name)]}; "
                "give one of them another name in generator-config.yaml"
            )
        places[str(found.name)] = place
