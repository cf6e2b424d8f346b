"""Requests to endpoints that no generated function covers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import quote

from imgwire_async.core.operation import Operation, QueryValue, Replay, Request
from imgwire_async.core.values.texts import checked_content_type, is_encodable
from imgwire_async.errors import InvalidArgumentError

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNESCAPED: Final = "/%:@!$&'()*+,;=~-._"


def any_request(
    method: str,
    path: str,
    *,
    query: Mapping[str, QueryValue | None] | None,
    json: Mapping[str, Any] | None,
    body: bytes | None,
    content_type: str,
    auth: str,
    rate_class: str,
    media_type: str = "application/json",
) -> Request:
    """A request to any path below the base URL.

    A POST with an `idempotency_key` in its JSON is keyed, any other POST is unsafe; other methods are safe.

    Raises:
        InvalidArgumentError: an argument cannot be sent, or both `json` and `body` were given.
    """
    verb = str(method).upper()
    if verb not in _METHODS:
        raise InvalidArgumentError(f"method must be an HTTP method such as 'GET', got {method!r:.80}")
    if json is not None and body is not None:
        raise InvalidArgumentError("pass json= or body=, not both")
    if body is not None and not isinstance(body, bytes):
        raise InvalidArgumentError(f"body must be bytes, got {type(body).__name__}")
    for name, given in (("query", query), ("json", json)):
        if given is not None and not isinstance(given, Mapping):
            raise InvalidArgumentError(f"{name} must map names to values, got {type(given).__name__}")
    parameters: Collection[object] = query or {}
    wrong = [name for name in parameters if not isinstance(name, str) or not is_encodable(name)]
    if wrong:
        raise InvalidArgumentError(f"names in query must be strings that can be sent, got {wrong[0]!r:.80}")
    replay = Replay.SAFE
    if verb == "POST":
        replay = Replay.KEYED if json is not None and json.get("idempotency_key") else Replay.UNSAFE
    return Request(
        operation=Operation(
            name="request",
            method=verb,
            path=_checked_path(path),
            auth=auth,
            replay=replay,
            rate_class=rate_class,
            media_type=media_type,
        ),
        query={name: value for name, value in (query or {}).items() if value is not None},
        json=json,
        content=body,
        content_type=checked_content_type(content_type),
    )


def as_json(data: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """A parser that returns any JSON unchanged."""
    return data


def _checked_path(path: str) -> str:
    if not str(path).startswith("/") or path.startswith("//"):
        raise InvalidArgumentError(f"path must start with one slash, as '/api/v1/images/' does: {path!r:.80}")
    if "?" in path or "#" in path or "\\" in path:
        raise InvalidArgumentError(
            "path must not contain '?', '#' or a backslash; pass query= for parameters"
        )
    if not path.isprintable():
        raise InvalidArgumentError("path contains characters that cannot be sent")
    decoded = path.lower().replace("%2e", ".").split("/")
    if not {".", ".."}.isdisjoint(decoded):
        raise InvalidArgumentError("path must not contain '.' or '..' as a segment")
    return quote(path, safe=_UNESCAPED)
