"""What the core must know of each operation, read from `openapi.json`."""

from __future__ import annotations

from dataclasses import dataclass

from .document import Node, RegenerationError, operations, pointer, resolve
from .selection import AUTH, full_name

REPLAY = "x-imgwire-replay"
RATE_CLASS = "x-imgwire-rate-class"

_SAFE_METHODS = {"get", "put", "patch", "delete"}
_REPLAYS = ("safe", "keyed", "unsafe")
_RATE_CLASSES = ("create", "url_ingest", "read", "write", "delete")


@dataclass(frozen=True, kw_only=True)
class OperationFacts:
    """The arguments of one `Operation`; `replay` is the name of a member of `Replay`."""

    name: str
    method: str
    path: str
    auth: str
    replay: str
    rate_class: str

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


def facts_of(document: Node) -> list[OperationFacts]:
    """The facts of every operation, by name.

    Raises:
        RegenerationError: one of our marks has a value that means nothing.
    """
    facts = []
    for path, method, operation in operations(document):
        place = pointer("paths", path, method)
        replay = operation.get(REPLAY) or _replay(document, method, operation, place)
        rate_class = operation.get(RATE_CLASS) or {"get": "read", "delete": "delete"}.get(method, "write")
        for mark, value, allowed in ((REPLAY, replay, _REPLAYS), (RATE_CLASS, rate_class, _RATE_CLASSES)):
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
            )
        )
    return sorted(facts, key=lambda fact: fact.name)


def body_schema(document: Node, operation: Node, place: str) -> Node | None:
    """The resolved schema of the JSON body, or None for an operation without a body.

    Raises:
        RegenerationError: the body is not JSON, which no template could send.
    """
    if "requestBody" not in operation:
        return None
    content = resolve(document, operation["requestBody"], place).get("content", {})
    if list(content) != ["application/json"]:
        raise RegenerationError(
            f"{place}/requestBody: only application/json is supported, not {', '.join(content)}"
        )
    return resolve(document, content["application/json"].get("schema", {}), place)


def _replay(document: Node, method: str, operation: Node, place: str) -> str:
    if method in _SAFE_METHODS:
        return "safe"
    schema = body_schema(document, operation, place)
    return "keyed" if schema and "idempotency_key" in schema.get("properties", {}) else "unsafe"
