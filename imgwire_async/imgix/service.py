"""The properties of the imgix Management API, taken from imgix's public documentation."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Final

from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.core.responses import (
    MAX_BODY_IN_ERROR,
    HttpResponse,
    error_document,
    one_line,
    request_id_in,
)
from imgwire_async.core.service import Pauses, Service
from imgwire_async.errors import APIStatusError, CallContext, ValidationIssue, status_error_class


class ImgixRateClass(StrEnum):
    """Classes of operations that share a rate limit, for `rate_limits=` of the client."""

    DEFAULT = "default"
    """All operations not in another class: 4 per second."""
    GET_ASSET = "get_asset"
    """Retrieving an asset: 10 per second."""
    REFRESH_ASSET = "refresh_asset"
    """Refreshing an asset: 10 per minute."""
    CREATE_SOURCE = "create_source"
    """Creating a source: 60 per hour."""
    UPDATE_SOURCE = "update_source"
    """Updating a source: 60 per hour."""
    UPLOAD = "upload"
    """Uploading a file without a session: 2 per second."""
    PURGE = "purge"
    """Purging: 10 per second."""
    STORE = "store"
    """The PUT to the presigned URL of a session, which is not an operation of the API."""
    DELIVERY = "delivery"
    """The GET of a report's file, which is not an operation of the API."""


_PERMISSIONS: Final = {
    "sources": "Sources",
    "assets.list": "Asset Browse",
    "assets.retrieve": "Asset Browse",
    "assets.refresh": "Asset Edit and Asset Purge",
    "assets.upload": "Asset Edit, and Asset Purge to overwrite",
    "assets": "Asset Edit",
    "upload_sessions": "Asset Edit",
    "purge": "Asset Purge",
    "publish": "Asset Purge",
    "unpublish": "Asset Purge",
    "purges": "Asset Purge",
    "publishes": "Asset Purge",
    "unpublishes": "Asset Purge",
    "reports": "Analytics",
}
"""The permission that an operation, or every operation of a resource, requires."""

_CONFLICTS: Final = {
    "assets.upload": "if the path exists, pass overwrite=True to replace it",
    "sources.create": "imgix_subdomains must be unique across imgix and are never reused",
    "sources.update": "a disabled source must be enabled before it can be changed",
}
"""Advice for requests that conflict with the current state."""


def _spaced(requests: int, *, seconds: float = 1.0) -> RateLimit:
    """A published limit minus 2 %, because requests may arrive closer together than they were sent."""
    return RateLimit(0.98 * requests / seconds)


_A_FEW_AT_ONCE: Final = RateLimit(50 / 3600, burst=10)
"""60 in any hour: 10 at once, then one every 72 seconds."""


class ImgixService(Service):
    """Describes imgix to the core."""

    name = "imgix"
    key_variable = "IMGIX_API_KEY"
    url_variable = "IMGIX_API_BASE_URL"
    public_url = "https://api.imgix.com"
    local_command = "imgwire-async sandbox imgix"
    rate_classes: ClassVar[Mapping[str, RateLimit | None]] = {
        ImgixRateClass.DEFAULT: _spaced(4),
        ImgixRateClass.GET_ASSET: _spaced(10),
        ImgixRateClass.REFRESH_ASSET: _spaced(10, seconds=60),
        ImgixRateClass.CREATE_SOURCE: _A_FEW_AT_ONCE,
        ImgixRateClass.UPDATE_SOURCE: _A_FEW_AT_ONCE,
        ImgixRateClass.UPLOAD: _spaced(2),
        ImgixRateClass.PURGE: _spaced(10),
        ImgixRateClass.STORE: None,
        ImgixRateClass.DELIVERY: None,
    }
    """The published limits; imgix raises them for premium plans. They are assumed to apply per account."""

    pauses = Pauses(first=0.5, longest=5.0)
    """imgix allows 4 requests per second in total for nearly all operations."""

    def error_for(self, response: HttpResponse, context: CallContext) -> APIStatusError:
        """The error for a response that is not a success.

        Reads the `errors` of JSON:API, and copes with anything else that servers and proxies send.
        """
        body = error_document(response.content)
        errors = _errors_in(body)
        first = errors[0] if errors else {}
        title, detail = _text(first.get("title")), _text(first.get("detail"))
        request_id = request_id_in({"x-request-id": _text(first.get("id")) or ""})
        if request_id is not None:
            context = context | CallContext(request_id=request_id)
        return status_error_class(response.status)(
            _message(response.status, title, errors, context.get("operation") or ""),
            status=response.status,
            error_type=title,
            detail=detail,
            errors=[_issue(error) for error in errors],
            body=body if errors and len(response.content) <= MAX_BODY_IN_ERROR else None,
            **context,
        )


IMGIX: Final = ImgixService()
"""The service described by this package."""


def _errors_in(body: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON of any shape
    errors = body.get("errors") if isinstance(body, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _issue(error: dict[str, Any]) -> ValidationIssue:
    return ValidationIssue(
        location=(), message=_text(error.get("detail")) or "", type=_text(error.get("title")) or ""
    )


def _message(status: int, title: str | None, errors: list[dict[str, Any]], operation: str) -> str:
    parts = [f"imgix responded with {status}{f' {title}' if title else ''}"]
    parts += [detail for error in errors if (detail := _text(error.get("detail")))]
    if 300 <= status < 400:
        parts.append("redirects are not followed; check the base URL")
    elif status in {404, 405} and not errors:
        parts.append("this does not look like the imgix API; check the base URL")
    elif status == 401:
        parts.append(
            "check that api_key (or IMGIX_API_KEY) is a valid key" + _permission(operation, " and has")
        )
    elif status == 403:
        parts.append("the key lacks a permission" + _permission(operation, ":"))
    elif status == 409 and operation in _CONFLICTS:
        parts.append(_CONFLICTS[operation])
    return one_line("; ".join(parts))


def _permission(operation: str, joint: str) -> str:
    needed = _PERMISSIONS.get(operation) or _PERMISSIONS.get(operation.partition(".")[0])
    return f"{joint} the permission {needed}, which {operation} requires" if needed else ""
