"""Turns our errors into responses to the application's callers, without details of the service behind it."""

from __future__ import annotations

import logging
import math
from typing import Final, cast

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.status import WS_1011_INTERNAL_ERROR
from starlette.types import ExceptionHandler
from starlette.websockets import WebSocket

from imgwire_async import errors

logger = logging.getLogger("imgwire_async")

_PASSED_ON: Final[dict[int, str]] = {
    400: "The image service did not accept the request.",
    404: "The image does not exist.",
    409: "This conflicts with an existing image.",
    413: "The image is too large.",
    422: "The image service did not accept the values.",
    429: "Too many requests. Try again later.",
}
"""Statuses of the service that are passed on to the caller. All others concern only this application."""

_STATUS_OF: Final[tuple[tuple[type[errors.ImgwireError], int, str], ...]] = (
    (errors.UnsupportedImageTypeError, 415, "The file is not an image of a supported type."),
    (errors.UploadSourceError, 422, "The file is empty or cannot be read."),
    (errors.SourceChangedError, 400, "The length of the file differs from the declared one."),
    (errors.ImageQuarantinedError, 422, "The image is damaged, too large, or not of the declared type."),
    (errors.InvalidArgumentError, 422, "A value is not allowed."),
    (errors.InvalidTransformationError, 422, "A transformation is not allowed."),
    (errors.ConfigurationError, 500, "The image service is not configured."),
    (errors.DownloadTargetError, 500, "The file could not be stored."),
    (errors.IngestError, 500, "The job could not continue."),
    (errors.APITimeoutError, 504, "The image service did not respond in time."),
    (errors.DeadlineExceededError, 504, "The image service did not respond in time."),
)
_UNAVAILABLE: Final = "The image service is not available."


def add_error_handlers(app: Starlette) -> None:
    """Respond to every `ImgwireError` that leaves a handler with a suitable status and `detail`.

    - 400, 404, 409, 413, 422, 429 of the service: the same
    - 401, 402, 403 of the service, which concern this application's key: 502
    - 503 of the service: 503
    - other statuses, rejected uploads, broken connections, unreadable responses: 502
    - timeouts and deadlines: 504
    - unsupported image type: 415
    - empty or unreadable file, image in quarantine, invalid value: 422
    - file of another length than announced: 400
    - wrong configuration, full disk, bulk job that stopped: 500

    `Retry-After` is passed on with 429, 503 and 504. The error itself, which names upstream URLs and quotes
    the service, is logged to `imgwire_async` and not sent to the caller. A websocket is closed with code 1011
    and the `detail` as reason.
    """
    app.add_exception_handler(errors.ImgwireError, cast("ExceptionHandler", _handle))
    app.add_exception_handler(ClientDisconnect, _nobody_listens)


def error_response(error: errors.ImgwireError) -> Response:
    """The response of `add_error_handlers` for `error`, for handlers that catch it themselves."""
    status, detail = _status_and_detail(error)
    headers = {}
    if error.retry_after is not None and status in {429, 503, 504}:
        headers["retry-after"] = str(max(0, math.ceil(error.retry_after)))
    return JSONResponse({"detail": detail}, status, headers)


def _status_and_detail(error: errors.ImgwireError) -> tuple[int, str]:
    if isinstance(error, errors.APIStatusError):
        if error.status in _PASSED_ON:
            return error.status, _PASSED_ON[error.status]
        return (503 if error.status == 503 else 502), _UNAVAILABLE
    if isinstance(error, errors.DownloadRejectedError) and error.status == 404:
        return 404, _PASSED_ON[404]
    for kind, status, detail in _STATUS_OF:
        if isinstance(error, kind):
            return status, detail
    return 502, _UNAVAILABLE


async def _handle(connection: Request | WebSocket, error: Exception) -> Response | None:
    assert isinstance(error, errors.ImgwireError)  # noqa: S101 - registered for this class
    status, detail = _status_and_detail(error)
    method = connection.method if isinstance(connection, Request) else "websocket"
    level = logging.ERROR if status >= 500 else logging.INFO
    logger.log(level, "%s %r answered with %d: %r", method, connection.url.path, status, error)
    if isinstance(connection, Request):
        return error_response(error)
    await connection.close(WS_1011_INTERNAL_ERROR, detail)
    return None


async def _nobody_listens(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the interface
    # 499 is nginx's status for a client that disconnected; it appears only in logs.
    return Response(status_code=499)
