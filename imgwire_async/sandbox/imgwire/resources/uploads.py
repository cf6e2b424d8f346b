"""Creating images: idempotency, limits and upload tokens."""

from __future__ import annotations

import hashlib
import secrets
import uuid

from imgwire_async.sandbox.imgwire.auth import Caller
from imgwire_async.sandbox.imgwire.errors import InvalidRequestError, invalid_token
from imgwire_async.sandbox.imgwire.runtime import Runtime, timestamp, timestamp_or_none
from imgwire_async.sandbox.imgwire.schemas import StandardUploadCreate, mime_type_of_name
from imgwire_async.sandbox.imgwire.storage import records, store
from imgwire_async.sandbox.pictures.types import SupportedMimeType
from imgwire_async.sandbox.server.errors import ApiError


def create(
    runtime: Runtime, body: StandardUploadCreate, upload_token: str | None, caller: Caller
) -> dict[str, object]:
    """`StandardUploadResponseSchema` for a new or replayed upload.

    Nothing in here awaits, so that two calls with one idempotency key make one record.

    Raises:
        ApiError: a limit, a token or the idempotency key forbids it.
    """
    fingerprint = records.fingerprint(body)
    token_id = _find_token(runtime, upload_token)
    earlier = replayed(runtime, body.idempotency_key, fingerprint)
    if earlier is not None:
        _check_token(runtime, upload_token, token_id, earlier, caller)
        if earlier["status"] == "PENDING" and earlier["source_url"] is None:
            earlier = records.renew_upload(runtime, earlier["id"])
        return _answer(runtime, earlier)
    _check_token(runtime, upload_token, token_id, None, caller)
    record = new(runtime, body, caller, token_id)
    if token_id is not None:
        now = runtime.now()
        runtime.database.writer.execute(
            "UPDATE upload_tokens SET used_at = ?, updated_at = ? WHERE id = ?", (now, now, token_id)
        )
    return _answer(runtime, record)


def new(
    runtime: Runtime, body: StandardUploadCreate, caller: Caller, token_id: str | None = None
) -> records.Record:
    """A PENDING record, whatever idempotency key the call has.

    Raises:
        ApiError: a limit forbids it.
    """
    mime_type = body.mime_type or mime_type_of_name(body.file_name)
    if mime_type is None:
        raise InvalidRequestError(("body", "mime_type"), "is missing and cannot be derived from file_name")
    _check_limits(runtime, body.content_length, mime_type, caller)
    return records.insert(
        runtime,
        records.NewImage(
            file_name=body.file_name,
            mime_type=mime_type,
            mime_type_given=True,
            custom_metadata=body.custom_metadata,
            fingerprint=records.fingerprint(body),
            content_length=body.content_length,
            declared_hash=body.hash_sha256,
            idempotency_key=body.idempotency_key,
            purpose=body.purpose,
            upload_token_id=token_id,
            by_client_key=caller is Caller.CLIENT_KEY,
        ),
    )


def replayed(runtime: Runtime, idempotency_key: str | None, fingerprint: str) -> records.Record | None:
    """The record that an earlier call with this key made, when the sandbox honours keys.

    Raises:
        ApiError: 409, the body differs and `idempotency="conflict"` is set.
    """
    if idempotency_key is None or runtime.settings.idempotency == "forget":
        return None
    record = records.find_by_key(runtime, idempotency_key)
    if record is None:
        return None
    if runtime.settings.idempotency == "conflict" and record["fingerprint"] != fingerprint:
        raise ApiError(
            409, "IdempotencyConflictError", "This idempotency_key was used with a different request body."
        )
    return record


def create_token(runtime: Runtime) -> dict[str, object]:
    """`UploadTokenCreateResponseSchema` for a new single-use token."""
    token = f"ut_{secrets.token_urlsafe(32)}"
    now = runtime.now()
    row = runtime.database.writer.execute(
        "INSERT INTO upload_tokens VALUES (?, ?, ?, NULL, ?, ?) RETURNING *",
        (str(uuid.uuid4()), _token_hash(token), now + runtime.settings.upload_token_lifetime, now, now),
    ).fetchone()
    return {
        "id": row["id"],
        "environment_id": runtime.identity.environment_id,
        "used_at": timestamp_or_none(row["used_at"]),
        "expires_at": timestamp(row["expires_at"]),
        "created_at": timestamp(row["created_at"]),
        "updated_at": timestamp(row["updated_at"]),
        "token": token,
    }


def _answer(runtime: Runtime, record: records.Record) -> dict[str, object]:
    return {"image": records.show(runtime, record), "upload_url": store.upload_url(runtime, record)}


def _token_hash(token: str) -> str:
    # Only the hash is stored; comparing hashes needs no constant time.
    return hashlib.sha256(token.encode()).hexdigest()


def _find_token(runtime: Runtime, token: str | None) -> str | None:
    if token is None:
        return None
    row = runtime.database.writer.execute(
        "SELECT id FROM upload_tokens WHERE token_hash = ?", (_token_hash(token),)
    ).fetchone()
    return None if row is None else str(row["id"])


def _check_token(
    runtime: Runtime, token: str | None, token_id: str | None, earlier: records.Record | None, caller: Caller
) -> None:
    if token is None:
        if caller is Caller.CLIENT_KEY and not runtime.settings.allow_unsigned_upload:
            raise invalid_token("This client key requires an upload token.")
        return
    if token_id is None:
        raise invalid_token("Invalid upload token.")
    if earlier is not None and earlier["upload_token_id"] == token_id:
        return  # a repeated call brings the token that its first attempt has used up
    row = runtime.database.writer.execute(
        "SELECT used_at, expires_at FROM upload_tokens WHERE id = ?", (token_id,)
    ).fetchone()
    if row["used_at"] is not None:
        raise invalid_token("The upload token has been used.")
    if row["expires_at"] <= runtime.now():
        raise invalid_token("The upload token has expired.")


def _check_limits(
    runtime: Runtime, content_length: int | None, mime_type: SupportedMimeType, caller: Caller
) -> None:
    settings = runtime.settings
    maximum = settings.maximum_upload_bytes
    if caller is Caller.CLIENT_KEY:
        maximum = min(maximum, settings.client_maximum_upload_bytes)
        allowed = settings.client_allowed_mime_types
        if allowed is not None and mime_type not in allowed:
            raise InvalidRequestError(("body", "mime_type"), f"this client key does not allow {mime_type}")
        pending = settings.client_maximum_pending_uploads
        if pending is not None and records.count_pending_of_client_key(runtime) >= pending:
            raise ApiError(
                403, "OperationNotAllowedError", "Too many uploads of this client key are pending."
            )
    if content_length is not None and content_length > maximum:
        raise ApiError(
            settings.size_refusal_status,
            "UploadTooLargeError",
            f"content_length {content_length} exceeds the maximum of {maximum} bytes.",
        )
