"""Presigned URLs of a local object store, and the store's errors in the shape of S3's."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response


class StoreError(Exception):
    """A rejection by the store, in the form of S3's errors."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message


def store_error(status: int, code: str, message: str) -> Response:
    """An S3-like XML error."""
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    body = f"{declaration}\n<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    return Response(body, status, media_type="application/xml")


def presign(secret: str, base_url: str, method: str, path: str, expires: int) -> str:
    """A URL that allows one method on one path until `expires`, in seconds since the epoch."""
    query = {"expires": expires, "signature": _sign(secret, method, path, expires)}
    return f"{base_url}{path}?{urlencode(query)}"


def check_signature(secret: str, request: Request, now: float) -> None:
    """Check that a URL was made by `presign`, for this method, and has not expired.

    Raises:
        StoreError: 403, the signature does not match or the URL has expired.
    """
    expires, signature = request.query_params.get("expires", ""), request.query_params.get("signature", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) < 20):
        raise StoreError(403, "AccessDenied", "The URL is not signed.")
    expected = _sign(secret, request.method, request.url.path, int(expires))
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise StoreError(403, "SignatureDoesNotMatch", "The signature does not match the URL.")
    if int(expires) < now:
        raise StoreError(403, "AccessDenied", "Request has expired")


def _sign(secret: str, method: str, path: str, expires: int) -> str:
    """HMAC-SHA-256 of a method, a path and its expiry."""
    message = f"{method}\n{path}\n{expires}".encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
