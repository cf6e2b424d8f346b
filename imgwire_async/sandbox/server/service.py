"""The service-specific parts that the shared server needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response

from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.operations import Operation, Operations


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One local service."""

    operations: Operations
    """Its operations."""
    authenticate: Callable[[Operation, Headers], object]
    """Check the credential of a request: returns what the scope holds as `CALLER`, or raises `ApiError`."""
    error_response: Callable[[str, ApiError], Response]
    """The response for an error, in the service's shape; also given the path of the request."""
    counted_for: Callable[[Headers], str] = lambda _: ""
    """Whose requests share a rate limit; by default everybody's do."""


CALLER = "sandbox.caller"
"""Key of the scope that holds what `authenticate` has returned."""
