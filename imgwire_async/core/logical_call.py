"""One logical call as a series of attempts: admission, hooks, retries, deadline, and the answer or error."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeAlias, TypeGuard

from imgwire_async.core.events import CallEvent, RequestEvent, ResponseEvent, RetryEvent, tell
from imgwire_async.core.http.connections import Engine
from imgwire_async.core.operation import Operation, Replay
from imgwire_async.core.options import CallOptions
from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.pace.permits import AdmissionTimeoutError, ClosedTooLongError, Permit
from imgwire_async.core.responses import (
    HttpResponse,
    NoResponse,
    UnreadableResponse,
    connection_error,
    request_id_in,
)
from imgwire_async.core.retry import (
    Finished,
    NextAttempt,
    RetryBudget,
    StopReason,
    parse_retry_after,
    run,
)
from imgwire_async.core.service import Service
from imgwire_async.core.time import RealTime, Time
from imgwire_async.errors import CallContext, DeadlineExceededError, ImgwireError, ResponseDecodeError

Result: TypeAlias = HttpResponse | NoResponse | UnreadableResponse
ErrorFor: TypeAlias = Callable[[HttpResponse, CallContext], ImgwireError]
"""Makes the error for an answer that is not a success."""

Send: TypeAlias = Callable[[int, Permit], Awaitable[Result]]
"""Makes one attempt; gets its number, from 1, and what holds its slot."""

logger = logging.getLogger("imgwire_async")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStats:
    """What a client has done so far and is doing now."""

    attempts: int
    """Requests sent, each attempt counted."""
    retries: int
    """Attempts after the first one of their call."""
    in_flight: int
    """Requests being sent or answered now."""
    waiting: int
    """Requests that wait to be sent."""
    throttled_seconds: float
    """How long requests have waited to be sent, in total."""


@dataclass(slots=True, kw_only=True)
class SharedState:
    """What a client and everything made from it with `with_options` have in common."""

    service: Service
    engine: Engine
    gate: Gate
    budget: RetryBudget
    time: Time = field(default_factory=RealTime)
    rng: random.Random = field(default_factory=random.Random)
    attempts: int = 0
    retries: int = 0

    def stats(self) -> ClientStats:
        """The counters at this moment."""
        gate = self.gate.stats()
        return ClientStats(
            attempts=self.attempts,
            retries=self.retries,
            in_flight=gate.in_flight,
            waiting=gate.waiting,
            throttled_seconds=gate.throttled_seconds,
        )


@dataclass(slots=True, kw_only=True)
class LogicalCall:
    """What stays the same over all attempts of one call."""

    operation: Operation
    replay: Replay
    context: CallContext
    options: CallOptions
    shared: SharedState
    deadline: float | None
    """Instant of the shared clock by which the call must have ended."""
    error_for: ErrorFor
    size: int = 0
    """Length of the request's body in bytes."""
    streamed: Callable[[], int] = lambda: 0
    """Bytes that have arrived so far beside those that are kept in answers."""
    gone_is_done: bool = False
    """Whether a 404 means success once an earlier attempt may have done the work, as for a deletion."""
    prepare: Callable[[], Awaitable[object]] | None = None
    """Gets what an attempt needs before it waits for a slot."""
    after_401: Callable[[], Awaitable[bool]] | None = None
    """Asks for another credential; True when there is one, and the request is then sent again at once."""

    async def make(self, attempt: Send) -> tuple[HttpResponse, int]:
        """Make attempts until one succeeds.

        Args:
            attempt: sends the request once.

        Returns:
            The successful answer, and how many attempts it took.

        Raises:
            ImgwireError: what `error_for` makes of an answer, or the error for the lack of one.
            DeadlineExceededError: the deadline has passed, or leaves no time for another attempt.
        """
        if not self.options.on_call:
            return await self._make(attempt)
        operation, method, url, _ = self._identity()
        event = CallEvent(operation=operation, method=method, url=url, size=self.size)
        with ExitStack() as contexts:
            for hook in self.options.on_call:
                contexts.enter_context(hook(event))
            return await self._make(attempt)
        raise RuntimeError("an on_call hook must not suppress the error of the call")

    async def _make(self, attempt: Send) -> tuple[HttpResponse, int]:
        begun = 0
        last: Result | None = None
        may_be_done = False

        async def admitted(number: int) -> Result:
            nonlocal begun
            if self.prepare is not None:
                await self.prepare()
            arrived = self.shared.time.monotonic()
            async with self.shared.gate.admit(
                self.operation.rate_class,
                deadline=self.deadline,
                patience=self.options.retry.max_retry_after,
            ) as admission:
                begun = number
                waited = self.shared.time.monotonic() - arrived
                result, event = await self._observe(attempt, number, admission, waited=waited)
                self._tell_gate(admission, result)
            if event is not None:
                await tell(self.options.on_response, event)
            return result

        async def observed(number: int) -> Result:
            nonlocal last, may_be_done
            last = await admitted(number)
            if self.after_401 is not None and _is_401(last) and await self.after_401():
                self.shared.retries += 1
                last = await admitted(number)
            if self.gone_is_done:
                if may_be_done and _is_gone(last):
                    last = HttpResponse(204, last.headers, b"")
                may_be_done = may_be_done or _may_have_acted(last)
            return last

        try:
            finished = await self._within_deadline(observed)
            if finished is not None:
                return self._settle(finished), finished.attempts
            problem, wait = "not finished within the deadline", None
        except AdmissionTimeoutError as error:
            problem, wait = str(error), error.closed_for or None
        except ClosedTooLongError as error:
            raise self._impatient(error, begun, last) from None
        # Only the deadline leads here.
        context = self.context | CallContext(attempts=begun, retry_after=wait)
        if last is not None:
            problem = f"{problem}; before that, {failure(last, context, self.error_for).message}"
        raise DeadlineExceededError(problem, **context)

    def _impatient(self, closed: ClosedTooLongError, attempts: int, last: Result | None) -> ImgwireError:
        context = self.context | CallContext(attempts=attempts, retry_after=closed.closed_for)
        # What the service would have answered.
        error = self.error_for(HttpResponse(429, {}, b""), context)
        limit = self.options.retry.max_retry_after
        error.message = f"{closed}, longer than max_retry_after ({limit:g} s)"
        if last is not None:
            error.message += f"; before that, {failure(last, context, self.error_for).message}"
        return error

    async def _observe(
        self, attempt: Send, number: int, admission: Permit, *, waited: float
    ) -> tuple[Result, ResponseEvent | None]:
        options, shared = self.options, self.shared
        shared.attempts += 1
        shared.retries += number > 1
        operation, method, url, key = self._identity()
        if options.on_request:
            request = RequestEvent(
                operation=operation,
                method=method,
                url=url,
                attempt=number,
                idempotency_key=key,
                waited=waited,
            )
            await admission.outside(tell(options.on_request, request))
        streamed = self.streamed()
        started = shared.time.monotonic()
        result = await attempt(number, admission)
        seconds = shared.time.monotonic() - started
        if logger.isEnabledFor(logging.DEBUG):
            what = result.reason if isinstance(result, NoResponse) else f"status {result.status}"
            logger.debug("%s: %s %s, attempt %d: %s in %.3f s", operation, method, url, number, what, seconds)
        event = None
        if options.on_response:
            event = ResponseEvent(
                operation=operation,
                method=method,
                url=url,
                attempt=number,
                idempotency_key=key,
                status=None if isinstance(result, NoResponse) else result.status,
                failure=result.name if isinstance(result, NoResponse) else None,
                request_id=None if isinstance(result, NoResponse) else request_id_in(result.headers),
                seconds=seconds,
                received=self.streamed() - streamed + _kept(result),
            )
        return result, event

    def _identity(self) -> tuple[str, str, str, str | None]:
        context = self.context
        return (
            context.get("operation") or self.operation.name,
            context.get("method") or self.operation.method,
            context.get("url") or "",
            context.get("idempotency_key"),
        )

    def _tell_gate(self, admission: Permit, result: Result) -> None:
        if isinstance(result, NoResponse):
            return
        hint = (
            parse_retry_after(result.headers, self.shared.time.time())
            if result.status in {429, 503}
            else None
        )
        if result.status == 429 or hint is not None:
            admission.throttled(hint)
        else:
            admission.accepted()

    async def _announce_retry(self, upcoming: NextAttempt) -> None:
        operation, method, url, key = self._identity()
        logger.info(
            "%s: attempt %d failed (%s), the next one follows in %.2f s",
            operation,
            upcoming.attempt,
            upcoming.failure or f"status {upcoming.status}",
            upcoming.delay,
        )
        await tell(
            self.options.on_retry,
            RetryEvent(
                operation=operation,
                method=method,
                url=url,
                attempt=upcoming.attempt,
                idempotency_key=key,
                delay=upcoming.delay,
                status=upcoming.status,
                failure=upcoming.failure,
                retry_after=upcoming.retry_after,
            ),
        )

    async def _within_deadline(self, attempt: Callable[[int], Awaitable[Result]]) -> Finished[Result] | None:
        if self.deadline is None:
            return await self._run(attempt)
        finished = None
        with self.shared.time.move_on_after(self.deadline - self.shared.time.monotonic()):
            finished = await self._run(attempt)
        return finished  # noqa: RET504 - it is None when the block was left early

    async def _run(self, attempt: Callable[[int], Awaitable[Result]]) -> Finished[Result]:
        return await run(
            attempt,
            replay=self.replay,
            policy=self.options.retry,
            budget=self.shared.budget,
            deadline=self.deadline,
            time=self.shared.time,
            rng=self.shared.rng,
            on_retry=self._announce_retry,
        )

    def _settle(self, finished: Finished[Result]) -> HttpResponse:
        result = finished.result
        if isinstance(result, HttpResponse) and result.is_success:
            return result
        context = self.context | CallContext(attempts=finished.attempts, retry_after=finished.retry_after)
        error = failure(result, context, self.error_for)
        if finished.stopped is StopReason.DEADLINE and result is not None:
            raise DeadlineExceededError(
                f"the deadline leaves no time for another attempt; {error.message}", **context
            )
        if finished.stopped is StopReason.BUDGET_EMPTY:
            error.message += (
                "; not retried, because too many calls of this client have failed lately and used up its "
                "retry budget: check the service and the network, and try again later"
            )
        elif finished.stopped is StopReason.HINT_TOO_LONG:
            limit = self.options.retry.max_retry_after
            error.message += (
                f"; not retried, because the service asks to wait {finished.retry_after:g} s, longer than "
                f"max_retry_after ({limit:g} s)"
            )
        raise error


def _kept(result: Result) -> int:
    return len(result.content) if isinstance(result, HttpResponse) else 0


def _is_401(result: Result) -> bool:
    return isinstance(result, HttpResponse) and result.status == 401


def _is_gone(result: Result) -> TypeGuard[HttpResponse]:
    return isinstance(result, HttpResponse) and result.status in {404, 410}


def _may_have_acted(result: Result) -> bool:
    if isinstance(result, NoResponse):
        return result.may_have_acted
    # Of these, any may come from a proxy whose upstream has acted.
    return result.status == 408 or result.status >= 500


def failure(result: Result | None, context: CallContext, error_for: ErrorFor) -> ImgwireError:
    """The error for an attempt that did not succeed; None stands for a call without any attempt."""
    match result:
        case HttpResponse():
            return error_for(result, context | CallContext(request_id=result.request_id))
        case UnreadableResponse(status, headers, reason):
            context = context | CallContext(request_id=request_id_in(headers))
            if 200 <= status < 300:
                return ResponseDecodeError(reason, status=status, **context)
            return error_for(HttpResponse(status, headers, b""), context)
        case NoResponse():
            return connection_error(result, context)
        case None:
            return DeadlineExceededError("the deadline had passed before the first attempt", **context)
