"""Upload by URL: the sandbox fetches the source itself, in the background."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import re
import socket
import ssl
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from imgwire_async.sandbox.imgwire.resources import uploads
from imgwire_async.sandbox.imgwire.runtime import Runtime
from imgwire_async.sandbox.imgwire.schemas import UploadViaUrlCreate, mime_type_of_name
from imgwire_async.sandbox.imgwire.storage import processing, records
from imgwire_async.sandbox.pictures.inspection import UnacceptableImageError
from imgwire_async.sandbox.pictures.types import SupportedMimeType
from imgwire_async.sandbox.server.requests.bodies import BodyTooLargeError, write_to_file
from imgwire_async.sandbox.server.runtime import logger

MAXIMUM_REDIRECTS = 5
TIMEOUT_SECONDS = 30.0
"""For connecting and for each read."""
_UNFETCHABLE = (
    httpx.HTTPError,
    httpx.InvalidURL,
    UnicodeError,  # a host name that is not valid IDNA
    OSError,
    BodyTooLargeError,
    UnacceptableImageError,
)


def create(runtime: Runtime, body: UploadViaUrlCreate) -> records.Record:
    """A PENDING record whose bytes are being fetched, or the one of an earlier call with the same key.

    Raises:
        ApiError: the idempotency key forbids it.
    """
    fingerprint = records.fingerprint(body)
    earlier = uploads.replayed(runtime, body.idempotency_key, fingerprint)
    if earlier is not None:
        return earlier
    file_name = body.file_name or _name_in(body.url)
    # A record always shows a type. If the URL does not show it, it is JPEG until the bytes have arrived.
    guess = body.mime_type or mime_type_of_name(file_name) or SupportedMimeType.JPEG
    record = records.insert(
        runtime,
        records.NewImage(
            file_name=file_name,
            mime_type=guess,
            mime_type_given=body.mime_type is not None,
            custom_metadata=body.custom_metadata,
            fingerprint=fingerprint,
            idempotency_key=body.idempotency_key,
            purpose=body.purpose,
            source_url=body.url,
        ),
    )
    start(runtime, record["id"])
    return record


def start(runtime: Runtime, image_id: str) -> None:
    """Fetch the source of a PENDING record."""
    runtime.start_background(
        _fetch(runtime, image_id),
        name=f"Fetching the source of image {image_id}",
        failed=partial(records.mark_quarantined, runtime, image_id, processing.FAILED),
        subject=image_id,
    )


async def _fetch(runtime: Runtime, image_id: str) -> None:
    record = records.find(runtime.database.writer, image_id)
    if record is None:
        return
    incoming = runtime.files.incoming_file()
    try:
        size, sha256 = await _download(runtime, record["source_url"], incoming)
        target = runtime.files.original(image_id)
        target.parent.mkdir(exist_ok=True)
        incoming.replace(target)
        if records.mark_processing(runtime, image_id, size, sha256):
            processing.start(runtime, image_id)
        else:
            target.unlink()
    except _UNFETCHABLE as error:
        # Its URL may be a signed one.
        problem = re.sub(r"//[^/\s'\"]*@", "//…@", re.sub(r"\?[^\s'\"]+", "?…", repr(error)))
        logger.info("Image %s is quarantined: its source cannot be fetched: %s", image_id, problem)
        records.mark_quarantined(runtime, image_id, f"Its source could not be fetched: {problem}")
    finally:
        incoming.unlink(missing_ok=True)


async def _download(runtime: Runtime, url: str, path: Path) -> tuple[int, str]:
    # Without compression the length of the file is the length of the response.
    headers = {"Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity"}
    async with httpx.AsyncClient(
        timeout=TIMEOUT_SECONDS, trust_env=False, headers=headers, verify=_tls_context()
    ) as client:
        request = client.build_request("GET", url)
        for _ in range(MAXIMUM_REDIRECTS + 1):
            await _check_source(runtime, request.url)
            response = await client.send(request, stream=True)
            try:
                if response.next_request is not None:
                    request = response.next_request
                    continue
                response.raise_for_status()
                return await write_to_file(
                    response.aiter_bytes(), path, runtime.settings.maximum_upload_bytes
                )
            finally:
                await response.aclose()
    raise UnacceptableImageError(f"more than {MAXIMUM_REDIRECTS} redirects")


@functools.cache
def _tls_context() -> ssl.SSLContext:
    # Reading the certificates takes some 30 ms, which would block the event loop.
    return httpx.create_ssl_context(trust_env=False)


async def _check_source(runtime: Runtime, url: httpx.URL) -> None:
    if url.scheme not in {"http", "https"}:
        raise UnacceptableImageError(f"{url.scheme} is not fetched")
    if not runtime.settings.block_private_addresses:
        return
    found = await asyncio.get_running_loop().getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    for *_, address in found:
        if not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_global:
            raise UnacceptableImageError(f"{url.host} is not a public address")


def _name_in(url: str) -> str:
    return unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2] or "image"
