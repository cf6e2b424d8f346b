"""The object store: presigned PUT URLs that enforce the declared properties."""

from __future__ import annotations

import secrets
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from imgwire_async.sandbox.imgwire.errors import STORE_PREFIX
from imgwire_async.sandbox.imgwire.runtime import Runtime
from imgwire_async.sandbox.imgwire.storage import processing, records
from imgwire_async.sandbox.server.requests.bodies import write_to_file
from imgwire_async.sandbox.server.storage import presigned
from imgwire_async.sandbox.server.storage.presigned import StoreError

PREFIX = STORE_PREFIX


def upload_url(runtime: Runtime, record: records.Record) -> str:
    """A new presigned URL that is valid while the record accepts bytes.

    For a record that no longer does, the URL has expired: the response's schema requires a URL in any case.
    """
    expires = int(record["upload_expires_at"]) if record["status"] == "PENDING" else 0
    return presign(runtime, "PUT", f"{PREFIX}{record['id']}-{secrets.token_hex(8)}", expires)


def presign(runtime: Runtime, method: str, path: str, expires: int) -> str:
    """A URL that allows one method on one path until `expires`, in seconds since the epoch."""
    return presigned.presign(runtime.identity.signing_secret, runtime.base_url, method, path, expires)


def check_signature(runtime: Runtime, request: Request) -> None:
    """Check that a URL was made by `presign`, for this method, and has not expired.

    Raises:
        StoreError: 403, the signature does not match or the URL has expired.
    """
    presigned.check_signature(runtime.identity.signing_secret, request, runtime.now())


async def put(runtime: Runtime, request: Request) -> Response:
    """Store the bytes of a record.

    Raises:
        StoreError: the request is not what was signed and declared.
    """
    record = _authorized_record(runtime, request)
    _check_headers(runtime, request, record)
    incoming = runtime.files.incoming_file()
    try:
        size, sha256 = await write_to_file(request.stream(), incoming, runtime.settings.maximum_upload_bytes)
        return keep(runtime, record["id"], incoming, size, sha256)
    except ClientDisconnect:
        # Nobody is left to read a response.
        return Response(status_code=400)
    finally:
        incoming.unlink(missing_ok=True)


def _authorized_record(runtime: Runtime, request: Request) -> records.Record:
    if "authorization" in request.headers:
        raise StoreError(400, "InvalidArgument", "A presigned URL takes no Authorization header.")
    check_signature(runtime, request)
    image_id = request.url.path.removeprefix(PREFIX)[:36]
    record = records.find(runtime.database.writer, image_id)
    if record is None:
        raise StoreError(404, "NoSuchKey", "The record of this upload no longer exists.")
    return record


def _check_headers(runtime: Runtime, request: Request, record: records.Record) -> None:
    length = request.headers.get("content-length")
    if length is None:
        raise StoreError(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    if request.headers.get("content-type") != record["mime_type"]:
        raise StoreError(403, "SignatureDoesNotMatch", f"Content-Type must be {record['mime_type']}.")
    declared = record["content_length"]
    if declared is not None and int(length) != declared:
        raise StoreError(403, "SignatureDoesNotMatch", f"Content-Length must be {declared}.")
    if int(length) > runtime.settings.maximum_upload_bytes:
        raise StoreError(400, "EntityTooLarge", "The upload exceeds the maximum allowed size.")
    if record["status"] != "PENDING" and runtime.settings.repeated_put == "refuse":
        raise StoreError(403, "AccessDenied", "The upload is complete.")


def keep(runtime: Runtime, image_id: str, incoming: Path, size: int, sha256: str) -> Response:
    """Make a received file the bytes of a record, and process it.

    Raises:
        StoreError: the record is gone, or has other bytes.
    """
    # From here to the end nothing awaits, so two PUTs of one image cannot mix.
    record = records.find(runtime.database.writer, image_id)
    if record is None:
        raise StoreError(404, "NoSuchKey", "The record of this upload no longer exists.")
    stored = Response(headers={"etag": f'"{sha256[:32]}"'})
    if record["status"] != "PENDING":
        if record["size_bytes"] == size and record["hash_sha256"] == sha256:
            return stored
        raise StoreError(403, "AccessDenied", "The upload is complete, and these bytes differ.")
    target = runtime.files.original(image_id)
    target.parent.mkdir(exist_ok=True)
    incoming.replace(target)
    records.mark_processing(runtime, image_id, size, sha256)
    processing.start(runtime, image_id)
    return stored
