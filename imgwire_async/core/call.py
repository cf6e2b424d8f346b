"""API calls of a service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlencode

from imgwire_async.core.body import PIECE_SIZE, BytesBody, CountedStream
from imgwire_async.core.clients.credentials import Credentials
from imgwire_async.core.clients.options import CallOptions
from imgwire_async.core.http.exchange import exchange
from imgwire_async.core.http.messages import HttpRequest
from imgwire_async.core.http.urls import sendable_url
from imgwire_async.core.logical_call import LogicalCall, SharedState
from imgwire_async.core.operation import QueryValue, Replay, Request, Response
from imgwire_async.core.pace.permits import Permit
from imgwire_async.core.responses import Result, parse_response
from imgwire_async.core.sending import send_body
from imgwire_async.core.values.numbers import json_number
from imgwire_async.core.values.redaction import Secret
from imgwire_async.core.values.texts import is_encodable
from imgwire_async.errors import (
    APIStatusError,
    CallContext,
    DeadlineExceededError,
    InvalidArgumentError,
)

T = TypeVar("T")

_DEADLINE_SLACK: Final = 0.05  # seconds
_WITHOUT_LIMIT: Final = nullcontext()


class Core:
    """Makes requests with one set of options. It is the `Caller` of the generated endpoints."""

    def __init__(
        self,
        options: CallOptions,
        credentials: Credentials,
        shared: SharedState,
        deadline: float | None = None,
        responses: list[Response[Any]] | None = None,
    ) -> None:
        self.options = options
        self.credentials = credentials
        self.shared = shared
        self._deadline = deadline
        self._responses = responses

    def with_options(self, options: CallOptions) -> Self:
        """Return a copy with other options that shares connections, credentials and limits."""
        return type(self)(options, self.credentials, self.shared)

    def with_deadline_from_now(self) -> Self:
        """Return one whose deadline, if any, starts now and covers all requests of a call."""
        deadline = self.deadline_from_now()
        if deadline == self._deadline:
            return self
        return type(self)(self.options, self.credentials, self.shared, deadline, self._responses)

    def recording(self, responses: list[Response[Any]]) -> Self:
        """Return a copy that appends every response to `responses`."""
        return type(self)(self.options, self.credentials, self.shared, self._deadline, responses)

    def record(self, error: APIStatusError) -> None:
        """Record an error status as a response, for errors that mean the call has achieved its purpose.

        The error does not keep the headers, so the recorded response has none.
        """
        if self._responses is not None:
            self._responses.append(
                Response(
                    data=None,
                    status=error.status,
                    headers={},
                    request_id=error.request_id,
                    attempts=error.attempts or 1,
                )
            )

    def deadline_from_now(self) -> float | None:
        """The instant of the shared clock by which a call that starts now must have ended."""
        if self._deadline is not None or self.options.deadline is None:
            return self._deadline
        return self.shared.time.monotonic() + self.options.deadline

    def within_deadline(
        self, operation: str, *, idempotency_key: str | None = None
    ) -> AbstractContextManager[None]:
        """End the block at the deadline, whether it waits for a request or for the caller's code.

        Use it on the result of `with_deadline_from_now`; without a deadline the block may take any time.

        Raises:
            DeadlineExceededError: the block did not finish in time.
        """
        if self._deadline is None:
            return _WITHOUT_LIMIT
        return self._within(self._deadline, operation, idempotency_key)

    @contextmanager
    def _within(self, deadline: float, operation: str, idempotency_key: str | None) -> Iterator[None]:
        time = self.shared.time
        # A request in progress at the deadline gets a moment to end with a more specific error.
        with time.move_on_after(deadline - time.monotonic() + _DEADLINE_SLACK) as scope:
            yield
        if scope.cancelled_caught:
            raise DeadlineExceededError(
                "not finished within the deadline", operation=operation, idempotency_key=idempotency_key
            )

    async def call(
        self,
        request: Request,
        parse: Callable[[Any], T],
        *,
        on_sent: Callable[[int], None] | None = None,
    ) -> Response[T]:
        """Make one call of the API, with retries, and parse its response.

        Args:
            request: the request. A `Body` is streamed, and sent again only if it can be read again.
            parse: reads the JSON of the response.
            on_sent: called with the number of bytes of a `Body` that an attempt has sent: 0 at its start,
                then after every piece.

        Raises:
            APIStatusError: the service responded with an error status; the subclass depends on it.
            APIConnectionError: no usable response arrived.
            DeadlineExceededError: the deadline of the options passed first.
            ResponseDecodeError: the response does not match the schema.
            InvalidArgumentError: an argument cannot be sent.
        """
        operation, shared, service = request.operation, self.shared, self.shared.service
        try:
            path = request.path
        except ValueError as error:
            raise InvalidArgumentError(str(error), operation=operation.name) from None
        _check_query(request)
        body = request.content if request.json is None else _json_content(request)
        if isinstance(body, bytes) and len(body) > PIECE_SIZE:
            body = BytesBody(body)
        key = (request.json or {}).get("idempotency_key")
        context = CallContext(
            operation=operation.name,
            method=operation.method,
            url=self.options.base_url + path,
            idempotency_key=key,
        )
        replay = operation.replay
        if body is None or isinstance(body, bytes):
            size, repeatable = len(body or b""), True
        else:
            size, repeatable = body.size, body.replayable
        if not repeatable or (replay is Replay.KEYED and not key):
            replay = Replay.UNSAFE
        is_deletion = service.is_deletion(operation)
        used: Secret | None = None

        async def attempt(number: int, permit: Permit) -> Result:
            nonlocal used
            used = credential = await self.credentials.current()
            service.check_credential(used, operation)
            if body is None or isinstance(body, bytes):
                return await exchange(
                    shared.engine.transport(),
                    self._http_request(request, path, body, credential),
                    self.options.timeouts,
                )
            return await send_body(
                shared.engine,
                body,
                lambda data: self._http_request(request, path, data, credential),
                permit,
                timeouts=self.options.timeouts,
                context=context | CallContext(attempts=number),
                error_for=service.error_for,
                on_sent=on_sent,
            )

        async def renew() -> bool:
            return await self.credentials.renew(refused=used)

        logical = LogicalCall(
            operation=operation,
            replay=replay,
            context=context,
            options=self.options,
            shared=self.shared,
            deadline=self.deadline_from_now(),
            error_for=service.error_for,
            size=size,
            is_deletion=is_deletion,
            prepare=None if self.credentials.is_known else self.credentials.current,
            after_401=renew,
        )
        response = await logical.make(attempt)
        parsed = Response(
            data=parse_response(response, parse, context, is_deletion=is_deletion),
            status=response.status,
            headers=response.headers,
            request_id=response.request_id,
            attempts=logical.attempts,
        )
        if self._responses is not None:
            self._responses.append(parsed)
        return parsed

    # Requests are built in separate functions that return before anything is awaited: a local variable with
    # the key or a signed URL would otherwise appear in the traceback of a cancelled call.

    def _http_request(
        self, request: Request, path: str, body: bytes | CountedStream | None, credential: Secret
    ) -> HttpRequest:
        headers = {
            "Authorization": f"Bearer {credential.reveal()}",
            "Accept": request.operation.media_type,
            "Accept-Encoding": "gzip",
            "User-Agent": self.shared.service.user_agent,
            **self.shared.service.headers,
            **self.options.headers,
        }
        content_type = request.content_type if request.json is None else request.operation.media_type
        if body is not None and content_type is not None:
            headers["Content-Type"] = content_type
        url = sendable_url(self.options.base_url) + path
        if request.query:
            url += "?" + urlencode(
                {name: _query_text(value) for name, value in request.query.items()}, quote_via=quote
            )
        return HttpRequest(request.operation.method, url, headers, body)


def _query_text(value: QueryValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_query(request: Request) -> None:
    for name, value in request.query.items():
        # Values are not shown: one may be an upload token.
        if isinstance(value, str) and not is_encodable(value):
            raise InvalidArgumentError(
                f"{name} contains a lone surrogate, which cannot be sent", operation=request.operation.name
            )


_JSON: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=json_number)
_UNICODE: Final = json.JSONEncoder(ensure_ascii=False, default=json_number)
_SURROGATE: Final = r"\ud"


def _json_content(request: Request) -> bytes | None:
    if request.json is None:
        return None
    try:
        text = _JSON.encode(request.json)
        if _SURROGATE in text:
            _UNICODE.encode(request.json).encode()  # raises for a surrogate without its pair
        return text.encode()
    except UnicodeEncodeError:
        problem = "an argument contains a lone surrogate, which cannot be sent"
    except (TypeError, ValueError, RecursionError) as error:
        problem = f"an argument cannot be sent as JSON: {error}"
    raise InvalidArgumentError(problem, operation=request.operation.name)
