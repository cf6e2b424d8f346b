"""The PUT of an image's bytes to a presigned URL: the step of an upload outside the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from imgwire_async.core.body import Body, CountedStream
from imgwire_async.core.call import Core
from imgwire_async.core.http.messages import HttpRequest
from imgwire_async.core.http.urls import is_confidential, is_http_url, sendable_url
from imgwire_async.core.logical_call import LogicalCall
from imgwire_async.core.operation import Operation, Replay
from imgwire_async.core.pace.permits import Permit
from imgwire_async.core.responses import Result, store_error
from imgwire_async.core.sending import send_body
from imgwire_async.core.service import Service
from imgwire_async.core.values.redaction import Secret, without_query
from imgwire_async.errors import CallContext, ConfigurationError, ResponseDecodeError

STORE_PUT: Final = Operation(
    name="images.upload",
    method="PUT",
    path="",
    auth="none",
    replay=Replay.SAFE,
    rate_class="store",
)
"""Sends the bytes of an image to its presigned URL; the second step of an upload, outside the API."""


async def put_bytes(
    core: Core,
    url: Secret,
    body: Body,
    *,
    mime_type: str,
    context: CallContext,
    on_sent: Callable[[int], None] | None = None,
) -> None:
    """Send the bytes of `body` to a presigned URL, with retries if `body` can be read again.

    The request carries no API key, and its URL is never shown.

    Args:
        core: the client's core.
        url: where to send the bytes.
        body: the bytes.
        mime_type: sent as `Content-Type`; stores sign it.
        context: details of the call, for errors; method and URL are filled in here.
        on_sent: called with the number of bytes that an attempt has sent: 0 at its start, then after every
            piece.

    Raises:
        UploadRejectedError: the store responded with an error status.
        SourceChangedError: `body` does not have its declared size.
        UploadSourceError: reading `body` failed.
        APIConnectionError: no usable response arrived.
        DeadlineExceededError: the deadline of the options passed first.
    """
    context = context | CallContext(method="PUT", url=without_query(url.reveal()))
    _check_url(url, context, allow_insecure=core.options.allow_insecure)

    async def attempt(number: int, permit: Permit) -> Result:
        return await send_body(
            core.shared.engine,
            body,
            lambda data: _request(url, data, mime_type, core.shared.service),
            permit,
            timeouts=core.options.timeouts,
            context=context | CallContext(attempts=number),
            error_for=store_error,
            on_sent=on_sent,
        )

    await LogicalCall(
        operation=STORE_PUT,
        replay=Replay.SAFE if body.replayable else Replay.UNSAFE,
        context=context,
        options=core.options,
        shared=core.shared,
        deadline=core.deadline_from_now(),
        error_for=store_error,
        size=body.size,
    ).make(attempt)


def _check_url(url: Secret, context: CallContext, *, allow_insecure: bool) -> None:
    if not is_http_url(url.reveal()):
        raise ResponseDecodeError("the service returned an invalid upload URL", **context)
    if not (allow_insecure or is_confidential(urlsplit(context["url"] or ""))):
        raise ConfigurationError(
            "the service returned an upload URL that would send the image in clear text; pass "
            "allow_insecure=True if you trust the network",
            **context,
        )


# Not in `attempt`, where a local variable with the signed URL would appear in a cancelled call's traceback.


def _request(url: Secret, body: bytes | CountedStream, mime_type: str, service: Service) -> HttpRequest:
    headers = {"Content-Type": mime_type, "User-Agent": service.user_agent}
    return HttpRequest("PUT", sendable_url(url.reveal()), headers, body)
