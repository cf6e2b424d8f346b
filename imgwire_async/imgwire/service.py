"""The properties of the Imgwire API: authentication, rate classes and errors."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from imgwire_async.core.operation import Operation
from imgwire_async.core.responses import MAX_BODY_IN_ERROR, HttpResponse, error_document, one_line
from imgwire_async.core.service import Pauses, Service
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import (
    APIStatusError,
    CallContext,
    ConfigurationError,
    ValidationIssue,
    status_error_class,
)


class RateClass(StrEnum):
    """Operations that a service is expected to count against one common rate limit."""

    CREATE = "create"
    URL_INGEST = "url_ingest"
    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    STORE = "store"
    """The PUT to a presigned URL, which is not an operation of the API."""
    DELIVERY = "delivery"
    """The GET of an image or archive, which is not an operation of the API."""


class Auth(StrEnum):
    """Which kind of key an operation accepts (`x-codegen-sdk-auth` of the schema)."""

    SERVER_KEY = "server_key"
    CLIENT_KEY = "client_key"
    SERVER_OR_CLIENT_KEY = "server_or_client_key"


ENVIRONMENT_HEADER: Final = "X-Environment-Id"
"""Names the environment; needed only with credentials that are not bound to one."""

_ADVICE = {
    401: "check that api_key (or IMGWIRE_API_KEY) is a valid key of this environment and base URL",
    402: "check the subscription and quota in the dashboard",
    403: (
        "this key may not do that in this environment; check environment_id (or IMGWIRE_ENVIRONMENT_ID) "
        "and the key's permissions"
    ),
}


class ImgwireService(Service):
    """Describes Imgwire to the core."""

    name = "Imgwire"
    key_variable = "IMGWIRE_API_KEY"
    url_variable = "IMGWIRE_API_BASE_URL"
    public_url = "https://api.imgwire.dev"
    local_command = "imgwire-async sandbox"
    rate_classes = dict.fromkeys(RateClass)
    """Imgwire publishes no limits."""
    pauses = Pauses(first=0.1, longest=2.0)

    def check_credential(self, credential: Secret, operation: Operation) -> None:
        """Reject a key of the wrong kind for the operation."""
        kind = credential.reveal()[:3]
        if kind == "ck_" and operation.auth == Auth.SERVER_KEY:
            raise ConfigurationError(
                "this operation needs a server key (sk_…), but the client has a client key (ck_…), "
                "which the service accepts for images.create and images.retrieve only",
                operation=operation.name,
            )
        if kind == "sk_" and operation.auth == Auth.CLIENT_KEY:
            raise ConfigurationError(
                "this operation needs a client key (ck_…), but the client has a server key (sk_…)",
                operation=operation.name,
            )

    def is_deletion(self, operation: Operation) -> bool:
        """Whether an operation deletes something; some do so with POST."""
        return operation.rate_class == RateClass.DELETE

    def error_for(self, response: HttpResponse, context: CallContext) -> APIStatusError:
        """The error for a response that is not a success."""
        return status_error(response, context)


IMGWIRE: Final = ImgwireService()
"""The service described by this package."""


def status_error(response: HttpResponse, context: CallContext) -> APIStatusError:
    """The error for a response that is not a success.

    Understands both kinds of error body (`detail` as text with `error_type`, `detail` as an array of
    validation issues) and copes with anything else that servers and proxies send: HTML, text, nothing.
    """
    fields = _error_fields(response.content)
    raw_detail, raw_type = fields.get("detail"), fields.get("error_type")
    detail = raw_detail if isinstance(raw_detail, str) else None
    error_type = raw_type if isinstance(raw_type, str) else None
    issues = _validation_issues(raw_detail)
    return status_error_class(response.status)(
        _message(response.status, error_type, detail, issues),
        status=response.status,
        error_type=error_type,
        detail=detail,
        errors=issues,
        body=fields if fields and len(response.content) <= MAX_BODY_IN_ERROR else None,
        **context,
    )


def _error_fields(content: bytes) -> dict[str, Any]:
    """The fields of an error body in one of the service's two forms; empty for anything else.

    A body written by something else, such as a proxy, may quote the request with its key.
    """
    shown = error_document(content)
    if not isinstance(shown, dict) or not isinstance(shown.get("detail"), str | list):
        return {}
    if isinstance(shown["detail"], list):
        shown["detail"] = [_without_input(issue) for issue in shown["detail"]]
    return shown


def _without_input(issue: object) -> object:
    """A validation issue without the input that it quotes, which may be a token or a signed URL."""
    if not isinstance(issue, dict):
        return issue
    return {name: value for name, value in issue.items() if name not in {"input", "ctx"}}


def _validation_issues(detail: object) -> tuple[ValidationIssue, ...]:
    if not isinstance(detail, list):
        return ()
    return tuple(
        ValidationIssue(
            location=tuple(part for part in _as_list(entry.get("loc")) if isinstance(part, str | int)),
            message=str(entry.get("msg", "")),
            type=str(entry.get("type", "")),
        )
        for entry in detail
        if isinstance(entry, dict)
    )


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _message(
    status: int, error_type: str | None, detail: str | None, issues: tuple[ValidationIssue, ...]
) -> str:
    parts = [f"the service responded with {status}{f' {error_type}' if error_type else ''}"]
    if detail:
        parts.append(detail)
    parts += [f"{'.'.join(map(str, issue.location))}: {issue.message}" for issue in issues]
    if 300 <= status < 400:
        parts.append("redirects are not followed; check the base URL")
    elif status in {404, 405} and error_type is None:
        parts.append("this does not look like the Imgwire API; check the base URL")
    elif advice := _ADVICE.get(status):
        parts.append(advice)
    return one_line("; ".join(parts))
