"""Who is calling: server key, client key, or session token with a named environment."""

from __future__ import annotations

import hmac
import uuid
from enum import StrEnum

from imgwire_async.sandbox.imgwire.errors import InvalidRequestError, invalid_token, not_authorized
from imgwire_async.sandbox.imgwire.identity import Identity
from imgwire_async.sandbox.imgwire.operations import Access
from imgwire_async.sandbox.imgwire.settings import EnvironmentMismatch


class Caller(StrEnum):
    """The credential that a request came with."""

    SERVER_KEY = "server_key"
    CLIENT_KEY = "client_key"
    SESSION = "session"
    ANONYMOUS = "anonymous"


def authenticate(
    identity: Identity,
    access: str,
    authorization: str | None,
    environment_header: str | None,
    mismatch: EnvironmentMismatch,
) -> Caller:
    """Check the credential of a request against what its operation accepts.

    Raises:
        ApiError: 401 for a credential that is missing, unknown or not accepted; 403 for another
            environment.
    """
    if access == Access.PUBLIC:
        return Caller.ANONYMOUS
    if authorization is None:
        raise invalid_token("Missing bearer token.")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise invalid_token("The Authorization header must be 'Bearer <key>'.")
    caller = _caller_of(identity, token.strip())
    if caller is None:
        raise invalid_token("Invalid bearer token.")
    if caller is Caller.CLIENT_KEY and access == Access.SERVER:
        raise invalid_token("A client key is not accepted for this operation.")
    _check_environment(identity, caller, environment_header, mismatch)
    return caller


def _caller_of(identity: Identity, token: str) -> Caller | None:
    # All three are compared, each in constant time, so that timing reveals nothing about them.
    found = None
    given = token.encode("utf-8", "surrogateescape")
    for key, caller in (
        (identity.server_key, Caller.SERVER_KEY),
        (identity.client_key, Caller.CLIENT_KEY),
        (identity.session_token, Caller.SESSION),
    ):
        if hmac.compare_digest(given, key.encode()):
            found = caller
    return found


def _check_environment(
    identity: Identity, caller: Caller, header: str | None, mismatch: EnvironmentMismatch
) -> None:
    if header is None:
        if caller is Caller.SESSION:
            raise not_authorized("Name the environment with the X-Environment-Id header.")
        return
    try:
        named = str(uuid.UUID(header))
    except ValueError:
        raise InvalidRequestError(("header", "X-Environment-Id"), "must be a UUID") from None
    if named != identity.environment_id and (caller is Caller.SESSION or mismatch == "refuse"):
        raise not_authorized("The credential does not reach the environment of X-Environment-Id.")
