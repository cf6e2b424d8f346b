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
    """Check the credential of a request: returns the value of `CALLER` in the scope, or raises `ApiError`."""
    error_response: Callable[[str, ApiError], Response]
    """The response for an error, in the service's shape; also given the path of the request."""
    counted_for: Callable[[Headers], str] = lambda _: ""
    """The key under which requests share a rate limit; by default all requests do."""


CALLER = "sandbox.caller"
"""Key of the scope for the result of `authenticate`."""
