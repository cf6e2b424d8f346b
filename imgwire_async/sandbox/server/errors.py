"""Errors that a local service responds with; each service gives them its own shape."""

from __future__ import annotations

import sqlite3


class ApiError(Exception):
    """A request that the API rejects.

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


def rate_limited() -> ApiError:
    """429."""
    return ApiError(429, "RateLimitExceededError", "Rate limit exceeded.")


def scripted(status: int) -> ApiError:
    """The error of a fault that names a status and no body."""
    return ApiError(status, "ScriptedFaultError", "A scripted failure.")


def broken(error: Exception) -> ApiError:
    """500: a damaged database, a full disk, a removed folder, or a fault of the sandbox's own."""
    if isinstance(error, sqlite3.Error):
        detail = f"The sandbox's database cannot be used: {error}."
    elif isinstance(error, OSError):
        detail = f"The sandbox's folder cannot be used: {error.strerror or 'see its log'}."
    else:
        detail = "The sandbox failed to handle this request; see its log."
    return ApiError(500, "InternalServerError", detail)
