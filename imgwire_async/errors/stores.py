"""Errors of object stores in the cloud."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, Unpack

from imgwire_async.errors.base import CallContext, ImgwireError
from imgwire_async.errors.transfers import UploadSourceError

StoreProblem: TypeAlias = Literal[
    "missing",
    "no_bucket",
    "denied",
    "bucket_denied",
    "credentials",
    "archived",
    "changed",
    "exists",
    "region",
    "invalid_key",
    "throttled",
    "unavailable",
    "outage",
    "rejected",
]

_TRANSIENT: Final = frozenset({"throttled", "unavailable"})
_OF_THE_BUCKET: Final = frozenset({"no_bucket", "bucket_denied", "credentials", "region", "outage"})


class StoreError(ImgwireError):
    """The caller's object store rejected a request, or could not be reached.

    Attributes:
        reason: Why, in one word. For a single object: `missing`, `denied`, `archived` (in a storage class
            that must be restored first), `changed` (no longer the requested version), `exists` or
            `invalid_key`. For the whole bucket: `no_bucket`, `bucket_denied`, `credentials` (missing, wrong
            or expired) or `region`. Temporary: `throttled` and `unavailable`, and `outage` if a job waited in
            vain for them to pass. `rejected` is any other rejection.
        status: HTTP status of the store's response, or None if there was none or it is unknown.
    """

    def __init__(
        self,
        message: str = "",
        *,
        reason: StoreProblem = "rejected",
        status: int | None = None,
        **context: Unpack[CallContext],
    ) -> None:
        super().__init__(message, **context)
        self.reason: StoreProblem = reason
        self.status = status

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.reason in _TRANSIENT

    @property
    def concerns_bucket(self) -> bool:
        """Whether every other object of the bucket would fail in the same way."""
        return self.reason in _OF_THE_BUCKET


class SourceStoreError(StoreError, UploadSourceError):
    """An object that was to be uploaded, or a bucket with such objects, cannot be read."""
