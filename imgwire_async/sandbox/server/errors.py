"""Errors of the Resource API, in the service's shape `{"detail", "error_type"}`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping


class ApiError(Exception):
    """A refusal that the API answers with.

    Attributes:
        status: HTTP status code.
        error_type: Name that clients branch on.
        detail: One sentence for people.
    """

    def __init__(self, status: int, error_type: str, detail: str) -> None:
        super().__init__(status, error_type, detail)
        self.status = status
        self.error_type = error_type
        self.detail = detail

    @property
    def body(self) -> Mapping[str, object]:
        """The JSON object of the answer."""
        return {"detail": self.detail, "error_type": self.error_type}


class InvalidRequestError(ApiError):
    """422 for a value that the types allow and the service does not, in the shape of FastAPI's own."""

    def __init__(self, location: tuple[str, str], message: str) -> None:
        super().__init__(422, "RequestValidationError", message)
        self.location = location

    @property
    def body(self) -> Mapping[str, object]:
        """`HTTPValidationError` with one entry."""
        return {"detail": [{"loc": list(self.location), "msg": self.detail, "type": "value_error"}]}


def not_found() -> ApiError:
    """404 for an id that names nothing in this environment."""
    return ApiError(404, "ResourceNotFoundError", "Resource not found.")


def invalid_token(detail: str) -> ApiError:
    """401 for a key, session or upload token that is missing, unknown, used up or not accepted here."""
    return ApiError(401, "InvalidTokenError", detail)


def not_authorized(detail: str) -> ApiError:
    """403 for a valid credential that does not reach the resource."""
    return ApiError(403, "ResourceNotAuthorizedError", detail)


def conflict(detail: str) -> ApiError:
    """409 for something that exists already."""
    return ApiError(409, "ResourceConflictError", detail)


class UnacceptableImageError(Exception):
    """The bytes are not an image that the service would deliver."""


def broken(error: Exception) -> ApiError:
    """500: a damaged database, a full disk, a removed folder, or a fault of the sandbox's own."""
    if isinstance(error, sqlite3.Error):
        detail = f"The sandbox's database cannot be used: {error}."
    elif isinstance(error, OSError):
        detail = f"The sandbox's folder cannot be used: {error.strerror or 'see its log'}."
    else:
        detail = "The sandbox failed at this request; its log says why."
    return ApiError(500, "InternalServerError", detail)
