"""Errors of the Resource API, in the service's shape `{"detail", "error_type"}`, and of its object store."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.storage.presigned import store_error

STORE_PREFIX = "/_store/"
"""Path prefix of presigned upload URLs."""

_STORE_CODES = {
    "InternalServerError": "InternalError",
    "RateLimitExceededError": "SlowDown",
    "ScriptedFaultError": "ScriptedFault",
    "RequestTooLargeError": "EntityTooLarge",
}


class DetailedError(ApiError):
    """An error whose body may have more than the usual two members."""

    @property
    def body(self) -> Mapping[str, object]:
        """The JSON object of the response."""
        return {"detail": self.detail, "error_type": self.error_type}


class InvalidRequestError(DetailedError):
    """422 for a value that the types allow and the service does not, in the shape of FastAPI's own."""

    def __init__(self, location: tuple[str, str], message: str) -> None:
        super().__init__(422, "RequestValidationError", message)
        self.location = location

    @property
    def body(self) -> Mapping[str, object]:
        """`HTTPValidationError` with one entry."""
        return {"detail": [{"loc": list(self.location), "msg": self.detail, "type": "value_error"}]}


def error_response(path: str, error: ApiError) -> Response:
    """The response for an error: JSON, or XML like that of S3 from the object store."""
    if path.startswith(STORE_PREFIX):
        return store_error(error.status, _STORE_CODES.get(error.error_type, error.error_type), error.detail)
    if isinstance(error, DetailedError):
        return JSONResponse(error.body, error.status)
    return JSONResponse({"detail": error.detail, "error_type": error.error_type}, error.status)


def not_found() -> ApiError:
    """404 for an id that does not exist in this environment."""
    return ApiError(404, "ResourceNotFoundError", "Resource not found.")


def invalid_token(detail: str) -> ApiError:
    """401 for a key, session or upload token that is missing, unknown, used up or not accepted here."""
    return ApiError(401, "InvalidTokenError", detail)


def not_authorized(detail: str) -> ApiError:
    """403 for a valid credential that does not reach the resource."""
    return ApiError(403, "ResourceNotAuthorizedError", detail)


def conflict(detail: str) -> ApiError:
    """409 for something that already exists."""
    return ApiError(409, "ResourceConflictError", detail)
