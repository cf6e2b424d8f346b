"""The facts about each operation that the core needs, read from `openapi.json`."""

from __future__ import annotations

from dataclasses import dataclass

from regeneration.contract.document import Json, Node, RegenerationError, operations, pointer, resolve
from regeneration.contract.selection import AUTH, full_name
from regeneration.profiles import Profile

REPLAY = "x-imgwire-replay"
RATE_CLASS = "x-imgwire-rate-class"
SLASHES = "x-imgwire-slashes"
"""On a path parameter whose slashes stay slashes."""
FREE_QUERY = "x-imgwire-free-query"
"""On an operation that takes query parameters whose names nobody knows beforehand."""
RAW_MEDIA_TYPE = "application/octet-stream"
RAW_BODY = "x-imgwire-raw-body"
"""Stands in the generator's input for a body of bytes; the generator only knows synchronous files."""

_SAFE_METHODS = {"get", "put", "patch", "delete"}
_REPLAYS = ("safe", "keyed", "unsafe", "look_first")


@dataclass(frozen=True, kw_only=True)
class OperationFacts:
    """The arguments of one `Operation`; `replay` is the name of a member of `Replay`."""

    name: str
    method: str
    path: str
    auth: str
    replay: str
    rate_class: str
    media_type: str
    slashes: tuple[str, ...]

    @property
    def constant(self) -> str:
        """Name of the constant, such as `IMAGES_CREATE`."""
        return self.function.upper()

    @property
    def function(self) -> str:
        """Name of the endpoint function and of its module, such as `images_create`."""
        return self.name.replace(".", "_")

    @property
    def package(self) -> str:
        """Name of the package that the endpoint function is in, such as `images`."""
        return self.name.partition(".")[0]


def facts_of(document: Node, profile: Profile) -> list[OperationFacts]:
    """The facts of every operation, by name.

    Raises:
        RegenerationError: one of our marks has a value that means nothing.
    """
    facts = []
    for path, method, operation in operations(document):
        place = pointer("paths", path, method)
        replay = operation.get(REPLAY) or _replay(document, method, operation, place, profile.media_type)
        classes = profile.default_rate_classes
        rate_class = operation.get(RATE_CLASS) or classes.get(method, classes[""])
        for mark, value, allowed in (
            (REPLAY, replay, _REPLAYS),
            (RATE_CLASS, rate_class, profile.rate_classes),
        ):
            if value not in allowed:
                raise RegenerationError(f"{place}: {mark} is {value!r}; allowed are {', '.join(allowed)}")
        facts.append(
            OperationFacts(
                name=full_name(operation),
                method=method.upper(),
                path=path,
                auth=operation[AUTH],
                replay=replay.upper(),
                rate_class=rate_class,
                media_type=profile.media_type,
                slashes=_slashes(document, operation, place),
            )
        )
    return sorted(facts, key=lambda fact: fact.name)


def _slashes(document: Node, operation: Node, place: str) -> tuple[str, ...]:
    names = []
    for parameter in operation.get("parameters", []):
        found = resolve(document, parameter, place)
        if found.get(SLASHES) is True:
            if found["in"] != "path":
                raise RegenerationError(f"{place}: {SLASHES} is for path parameters, not {found['name']!r}")
            names.append(str(found["name"]))
    return tuple(sorted(names))


def body_content(document: Node, operation: Node, place: str, media_type: str) -> Node | None:
    """The one media type of a body with its schema, or None for an operation without a body.

    Raises:
        RegenerationError: the body is of a media type that no template could send.
    """
    if "requestBody" not in operation:
        return None
    content: Node = resolve(document, operation["requestBody"], place).get("content", {})
    if list(content) not in ([media_type], [RAW_MEDIA_TYPE]):
        raise RegenerationError(
            f"{place}/requestBody: only {media_type} is supported, or {RAW_MEDIA_TYPE} for bytes, "
            f"not {', '.join(content)}"
        )
    return content


def is_raw(content: Json) -> bool:
    """Whether a body is sent as the bytes that it is."""
    return content is not None and list(content) == [RAW_MEDIA_TYPE]


def _replay(document: Node, method: str, operation: Node, place: str, media_type: str) -> str:
    if method in _SAFE_METHODS:
        return "safe"
    content = body_content(document, operation, place, media_type)
    if content is None or media_type not in content:
        return "unsafe"
    schema = resolve(document, content[media_type].get("schema", {}), place)
    return "keyed" if "idempotency_key" in schema.get("properties", {}) else "unsafe"
