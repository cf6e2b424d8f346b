"""Routes by operation name; path and method are defined only by the operation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import APIRouter
from starlette.responses import Response

from imgwire_async.sandbox.server.operations import Operations

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Response]])


class Routes(APIRouter):
    """A router whose routes are operations of a service.

    Args:
        operations: All of the service.
    """

    def __init__(self, operations: Operations) -> None:
        super().__init__()
        self._operations = operations

    def operation(self, name: str) -> Callable[[Endpoint], Endpoint]:
        """Register a function as the endpoint of an operation, at each of its paths.

        Raises:
            ValueError: no such operation exists.
        """
        self._operations.check_name(name)

        def add(endpoint: Endpoint) -> Endpoint:
            for one in self._operations.all:
                if one.name == name:
                    self.add_api_route(one.path, endpoint, methods=[one.method])
            return endpoint

        return add
