"""One logical call: credentials, attempts, answer. Every request of the SDK passes through here."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import urlsplit

import anyio
import httpx

from imgwire_async.core.answers import (
    Answer,
    NoAnswer,
    UnreadableAnswer,
    connection_error,
    parse_answer,
    status_error,
    store_error,
)
from imgwire_async.core.base_url import is_confidential
from imgwire_async.core.body import Body, CountedStream
from imgwire_async.core.credentials import Credentials
from imgwire_async.core.exchange import exchange
from imgwire_async.core.operation import Auth, Operation, RateClass, Replay, Request, Response
from imgwire_async.core.options import CallOptions
from imgwire_async.core.redaction import Secret, without_query
from imgwire_async.core.retry import Finished, RetryBudget, RetryEvent, StopReason, run
from imgwire_async.core.transport import Engine
from imgwire_async.errors import (
    CallContext,
    ConfigurationError,
    DeadlineExceededError,
    ImgwireError,
    InvalidArgumentError,
    ResponseDecodeError,
    in_context,
)

T = TypeVar("T")
Result = Answer | NoAnswer | UnreadableAnswer

logger = logging.getLogger("imgwire_async")

USER_AGENT = f"imgwire-async/{version('imgwire-async')}"

STORE_PUT = Operation(
    name="store.put",
    method="PUT",
    path="",
    auth=Auth.SERVER_OR_CLIENT_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.WRITE,
)
"""Sending the bytes of an image to its presigned URL; not an operation of the API itself."""


@dataclass(slots=True)
class SharedState:
    """What a client and everything made from it with `with_options` have in common."""

    engine: Engine
    budget: RetryBudget = field(default_factory=lambda: RetryBudget(time.monotonic))
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    rng: random.Random = field(default_factory=random.Random)


class Core:
    """Makes calls with one set of options. This is the `Caller` of the generated endpoints."""

    def __init__(self, options: CallOptions, credentials: Credentials, shared: SharedState) -> None:
        self.options = options
        self.credentials = credentials
        self.shared = shared

    def with_options(self, options: CallOptions) -> Core:
        """The same connections, credentials and retry budget under other options."""
        return Core(options, self.credentials, self.shared)

    async def call(self, request: Request, parse: Callable[[Any], T]) -> Response[T]:
        """Make one call of the API, with retries, and parse its answer.

        Raises:
            APIStatusError: the service answered with an error status; the subclass tells which.
            APIConnectionError: no usable answer arrived.
            DeadlineExceededError: the deadline of the options passed first.
            ResponseDecodeError: the answer was not what the schema says.
        """
        operation = request.operation
        try:
            path = request.path
        except ValueError as error:
            raise InvalidArgumentError(str(error), operation=operation.name) from None
        content = _json_content(request)
        key = (request.json or {}).get("idempotency_key")
        context = CallContext(
            operation=operation.name,
            method=operation.method,
            url=self.options.base_url + path,
            idempotency_key=key,
        )
        unrepeatable = operation.replay is Replay.KEYED and not key

        async def attempt(number: int) -> Result:
            credential = await self.credentials.current()
            self._refuse_wrong_key(credential, operation)
            result = await self._send_api(request, path, content, credential)
            if (
                isinstance(result, Answer)
                and result.status == 401
                and await self.credentials.renew(refused=credential)
            ):
                credential = await self.credentials.current()
                result = await self._send_api(request, path, content, credential)
            _log_attempt(operation, number, result)
            return result

        finished = await self._run(attempt, Replay.UNSAFE if unrepeatable else operation.replay, context)
        answer = _settle(finished, context, status_error)
        return Response(
            data=parse_answer(answer, parse, context),
            status=answer.status,
            headers=answer.headers,
            request_id=answer.request_id,
            attempts=finished.attempts,
        )

    async def put(
        self,
        url: Secret,
        body: Body,
        *,
        mime_type: str,
        context: CallContext,
        on_sent: Callable[[int, int], Awaitable[None]] | None = None,
    ) -> None:
        """Send the bytes of `body` to a presigned URL, with retries where `body` can be read again.

        The request carries no API key, and its URL is shown nowhere.

        Args:
            url: where to send the bytes.
            body: the bytes.
            mime_type: sent as `Content-Type`; stores sign it.
            context: what errors say about the call; method and URL are filled in here.
            on_sent: told the number of the attempt and the bytes sent so far, after every chunk.

        Raises:
            UploadRejectedError: the store answered with an error status.
            SourceChangedError: `body` did not have the size it declares.
            UploadSourceError: reading `body` failed.
            APIConnectionError: no usable answer arrived.
            DeadlineExceededError: the deadline of the options passed first.
        """
        context = context | CallContext(method="PUT", url=without_query(url.reveal()))
        if not (self.options.allow_insecure or is_confidential(urlsplit(context["url"] or ""))):
            raise ConfigurationError(
                "the service gave an upload URL that would send the image in clear text; pass "
                "allow_insecure=True if you trust the network",
                **context,
            )

        async def attempt(number: int) -> Result:
            async def report(sent: int) -> None:
                if on_sent is not None:
                    await on_sent(number, sent)

            async with body.open() as chunks:
                stream = CountedStream(chunks, body.size, report)
                result = await self._send_put(url, stream, body.size, mime_type)
            _log_attempt(STORE_PUT, number, result)
            if isinstance(result, NoAnswer) and stream.failure is not None:
                raise in_context(stream.failure, context | CallContext(attempts=number))
            replay_impossible = stream.started and not body.replayable
            if replay_impossible and not (isinstance(result, Answer) and result.is_success):
                # The bytes are gone. Another attempt would store an empty file.
                raise _failure(result, context | CallContext(attempts=number), store_error)
            return result

        finished = await self._run(attempt, Replay.SAFE if body.replayable else Replay.UNSAFE, context)
        _settle(finished, context, store_error)

    async def _run(
        self, attempt: Callable[[int], Awaitable[Result]], replay: Replay, context: CallContext
    ) -> Finished[Result]:
        options, shared = self.options, self.shared
        begun = 0

        async def counted(number: int) -> Result:
            nonlocal begun
            begun = number
            return await attempt(number)

        deadline = None if options.deadline is None else anyio.current_time() + options.deadline

        async def on_retry(event: RetryEvent) -> None:
            logger.info(
                "%s: attempt %d failed (%s), next in %.2f s",
                context.get("operation"),
                event.attempt,
                event.failure or event.status,
                event.delay,
            )
            if options.on_retry is not None:
                told = options.on_retry(event)
                if isinstance(told, Awaitable):
                    await told

        with anyio.CancelScope(deadline=float("inf") if deadline is None else deadline):
            return await run(
                counted,
                replay=replay,
                policy=options.retry,
                budget=shared.budget,
                deadline=deadline,
                clock=anyio.current_time,
                sleep=shared.sleep,
                wall_clock=time.time,
                rng=shared.rng,
                on_retry=on_retry,
            )
        # Only the deadline leaves the scope without a result.
        raise DeadlineExceededError(
            f"not finished within the deadline of {options.deadline:g} s",
            **(context | CallContext(attempts=begun)),
        )

    async def _send_api(
        self, request: Request, path: str, content: bytes | None, credential: Secret
    ) -> Result:
        client = self.shared.engine.client()
        headers = {
            "Authorization": f"Bearer {credential.reveal()}",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
        }
        if self.options.environment_id is not None:
            headers["X-Environment-Id"] = str(self.options.environment_id)
        if content is not None:
            headers["Content-Type"] = "application/json"
        return await exchange(
            client,
            httpx.Request(
                request.operation.method,
                self.options.base_url + path,
                params=dict(request.query) or None,
                headers=headers,
                content=content,
            ),
            self.options.timeouts,
        )

    async def _send_put(self, url: Secret, stream: CountedStream, size: int, mime_type: str) -> Result:
        headers = {"Content-Type": mime_type, "Content-Length": str(size), "User-Agent": USER_AGENT}
        return await exchange(
            self.shared.engine.client(),
            httpx.Request("PUT", url.reveal(), headers=headers, content=stream),
            self.options.timeouts,
            stream,
        )

    @staticmethod
    def _refuse_wrong_key(credential: Secret, operation: Operation) -> None:
        kind = credential.reveal()[:3]
        if kind == "ck_" and operation.auth is Auth.SERVER_KEY:
            raise ConfigurationError(
                "this operation needs a server key (sk_…), but the client has a client key (ck_…), "
                "which the service accepts for images.create and images.retrieve only",
                operation=operation.name,
            )
        if kind == "sk_" and operation.auth is Auth.CLIENT_KEY:
            raise ConfigurationError(
                "this operation needs a client key (ck_…), but the client has a server key (sk_…)",
                operation=operation.name,
            )


def _json_content(request: Request) -> bytes | None:
    if request.json is None:
        return None
    try:
        return json.dumps(request.json, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        problem = f"an argument cannot be sent as JSON: {error}"
    raise InvalidArgumentError(problem, operation=request.operation.name)


def _settle(
    finished: Finished[Result],
    context: CallContext,
    error_for: Callable[[Answer, CallContext], ImgwireError],
) -> Answer:
    """The successful answer that ended the attempts, or the error for what ended them instead."""
    result = finished.result
    if isinstance(result, Answer) and result.is_success:
        return result
    context = context | CallContext(attempts=finished.attempts, retry_after=finished.retry_after)
    error = _failure(result, context, error_for)
    if finished.stopped is StopReason.DEADLINE:
        raise DeadlineExceededError(
            f"the deadline leaves no time for another attempt; {error.message}", **context
        )
    raise error


def _failure(
    result: Result | None, context: CallContext, error_for: Callable[[Answer, CallContext], ImgwireError]
) -> ImgwireError:
    match result:
        case Answer():
            return error_for(result, context | CallContext(request_id=result.request_id))
        case UnreadableAnswer(status, headers, reason):
            context = context | CallContext(request_id=headers.get("x-request-id"))
            if 200 <= status < 300:
                return ResponseDecodeError(reason, status=status, **context)
            return error_for(Answer(status, headers, b""), context)
        case NoAnswer():
            return connection_error(result, context)
        case None:
            return DeadlineExceededError("the deadline had passed before the first attempt", **context)


def _log_attempt(operation: Operation, number: int, result: Result) -> None:
    if isinstance(result, NoAnswer):
        logger.debug("%s: attempt %d: %s", operation.name, number, result.reason)
    else:
        logger.debug("%s: attempt %d: status %d", operation.name, number, result.status)
