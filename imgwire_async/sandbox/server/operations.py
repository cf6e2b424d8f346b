"""The operations of a local service: names, routes, and the credentials that each requires."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

EVERY_OPERATION = "*"
"""Stands for all operations in faults and rate limits."""

_PLACEHOLDER = re.compile(r"\{([a-z_]+)(:path)?\}")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its name in faults, rate limits and the journal, and its route."""

    name: str
    method: str
    path: str
    """Path with placeholders: `{name}` is one segment, `{name:path}` one or more."""
    access: str = ""
    """The required credentials, in the service's own terms."""
    rate_class: str | None = None
    """Name under which a rate limit counts it together with others; default: its own name."""
    streams: bool = False
    """Whether its route reads the body as a stream, so that its length has no general limit."""


class Operations:
    """The operations of one service, in the order in which they are matched.

    Args:
        operations: All of them.
        placeholders: Patterns of placeholders that are not just any segment.
    """

    def __init__(
        self, operations: Sequence[Operation], placeholders: Mapping[str, str] | None = None
    ) -> None:
        self.all = tuple(operations)
        self.names = frozenset(operation.name for operation in operations)
        self.rate_names = frozenset(operation.rate_class or operation.name for operation in operations)
        self._exact = {(item.method, item.path): item for item in operations if "{" not in item.path}
        self._patterns = [
            (item.method, _pattern(item.path, placeholders or {}), item)
            for item in operations
            if "{" in item.path
        ]

    def methods_of(self, path: str) -> list[str]:
        """The methods that a path is documented with, in alphabetical order; none for an unknown path."""
        exact = {method for method, known in self._exact if known == path}
        return sorted(exact or {method for method, pattern, _ in self._patterns if pattern.fullmatch(path)})

    def resolve(self, method: str, path: str) -> Operation | None:
        """The operation that a request addresses, or None if no route matches."""
        method = "GET" if method == "HEAD" else method
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact
        for route_method, pattern, operation in self._patterns:
            if route_method == method and pattern.fullmatch(path):
                return operation
        return None

    def check_name(self, name: str) -> str:
        """Return `name` if it is an operation or `*`.

        Raises:
            ValueError: no such operation exists.
        """
        if name != EVERY_OPERATION and name not in self.names:
            known = ", ".join(sorted(self.names))
            raise ValueError(f"unknown operation {name!r}; known are {known} and {EVERY_OPERATION!r} for all")
        return name


def _pattern(path: str, placeholders: Mapping[str, str]) -> re.Pattern[str]:
    parts: list[str] = []
    end = 0
    for found in _PLACEHOLDER.finditer(path):
        parts.append(re.escape(path[end : found.start()]))
        parts.append(".+" if found[2] else placeholders.get(found[1], "[^/]+"))
        end = found.end()
    return re.compile("".join(parts) + re.escape(path[end:]), re.DOTALL)
