"""Classifies obstore's errors, most of which are known only by their text.

The text is never shown: it contains URLs, which include signatures on Azure, and the store's response.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from imgwire_async.errors import SourceStoreError, StoreError
from imgwire_async.errors.stores import StoreProblem

_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>\s*(\w+)\s*</Code>|\"error\": ?\"(\w+)\"|error_code: ?(\w+)")
_CREDENTIAL_CODES: Final = frozenset(
    {
        "AuthenticationFailed",
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidAuthenticationInfo",
        "InvalidClientTokenId",
        "InvalidToken",
        "NotSignedUp",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
_ARCHIVE_CODES: Final = frozenset({"BlobArchived", "BlobBeingRehydrated", "InvalidObjectState"})
_BUCKET_CODES: Final = frozenset({"ContainerNotFound", "NoSuchBucket"})
_THROTTLING_CODES: Final = frozenset({"RequestLimitExceeded", "ServerBusy", "SlowDown", "Throttling"})
# obstore's requests for credentials, which fail on a machine without any.
_OF_CREDENTIALS: Final = re.compile(
    r"169\.254\.169\.254|metadata\.google|/latest/api/token|oauth2|sts\.|[Cc]redential|az account|Azure CLI"
)

_IN_WORDS: Final[dict[StoreProblem, str]] = {
    "missing": "the object does not exist",
    "no_bucket": "the bucket does not exist",
    "denied": "access is denied; check the permissions of these credentials",
    "bucket_denied": "access to the bucket is denied; check the permissions of these credentials",
    "credentials": "the store does not accept the credentials: they are missing, wrong or expired",
    "archived": "the object is archived; restore it first",
    "changed": "the object has changed since it was first read",
    "exists": "the object already exists",
    "region": "the bucket is in another region; set AWS_REGION or the option region",
    "invalid_key": "the key has an empty part, '.' or '..' between slashes, which cannot be addressed",
    "throttled": "the store asks to slow down",
    "unavailable": "the store cannot be reached or failed",
    "outage": "the store has been unavailable for too long",
    "rejected": "the store rejected the request",
}


@contextmanager
def store_errors(what: str, *, reading: bool = True, listing: bool = False) -> Iterator[None]:
    """Convert obstore's exceptions into our own errors, without their text and without a cause.

    Args:
        what: the failed operation, such as `cannot read 's3://bucket/key'`.
        reading: whether the objects are sources rather than targets.
        listing: whether the request is for the bucket as a whole.
    """
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        told = problem_of(error, listing=listing)
        if told is None:
            raise
        reason, status = told
        # Not as the cause: tracebacks would show its text.
        raise failed(what, reason, status, reading=reading) from None


def failed(what: str, reason: StoreProblem, status: int | None = None, *, reading: bool = True) -> StoreError:
    """The error for a failure, in words."""
    kind = SourceStoreError if reading else StoreError
    told = f" ({status})" if status is not None else ""
    if reason == "exists":
        told = "; pass overwrite=True to replace it"
    return kind(f"{what}: {_IN_WORDS[reason]}{told}", reason=reason, status=status)


def problem_of(error: Exception, *, listing: bool = False) -> tuple[StoreProblem, int | None] | None:
    """The reason for an error of obstore and its status, if it has one; None for other exceptions."""
    from obstore import exceptions

    text = str(error)
    found = _STATUS.search(text)
    status = None if found is None else int(found[1])
    code = next((name for match in _CODE.finditer(text) for name in match.groups() if name), "")
    if code in _CREDENTIAL_CODES:
        return "credentials", status
    if code in _ARCHIVE_CODES:
        return "archived", status
    if code in _BUCKET_CODES:
        return "no_bucket", status
    if code in _THROTTLING_CODES:
        return "throttled", status
    if isinstance(error, FileNotFoundError | exceptions.NotFoundError):
        return ("no_bucket" if listing else "missing"), status
    if isinstance(error, exceptions.InvalidPathError) or "Could not parse path" in text:
        return "invalid_key", None
    if isinstance(error, exceptions.PermissionDeniedError | PermissionError):
        return ("bucket_denied" if listing else "denied"), status
    if isinstance(error, exceptions.UnauthenticatedError):
        return "credentials", status
    if isinstance(error, exceptions.AlreadyExistsError | FileExistsError):
        return "exists", status
    if isinstance(error, exceptions.PreconditionError):
        return "changed", status
    if not isinstance(error, exceptions.BaseError | OSError):
        return None
    return _by_status(status, text, listing=listing), status


def _by_status(status: int | None, text: str, *, listing: bool) -> StoreProblem:
    if status is None:
        if "configured region" in text:
            return "region"
        return "credentials" if _OF_CREDENTIALS.search(text) else "unavailable"
    if status == 401 or (status == 400 and "oken" in text and "xpired" in text):
        return "credentials"
    if status == 403:
        return "bucket_denied" if listing else "denied"
    if status == 404:
        return "no_bucket" if listing else "missing"
    if status in {301, 307}:
        return "region"
    if status in {429, 503}:
        return "throttled"
    return "unavailable" if status >= 500 or status == 408 else "rejected"
