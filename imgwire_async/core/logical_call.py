"""One logical call as a series of attempts: permit, hooks, retries, deadline, and the response or error."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from imgwire_async.core.clients.events import (
    CallEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    around_call,
    notify,
)
from imgwire_async.core.clients.options import CallOptions
from imgwire_async.core.http.connections import Engine
from imgwire_async.core.operation import Operation, Replay
from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.pace.permits import (
    AdmissionTimeoutError,
    ClosedTooLongError,
    LimitedTooLongError,
    Permit,
)
from imgwire_async.core.responses import (
    ErrorFor,
    HttpResponse,
    NoResponse,
    Result,
    failure,
)
from imgwire_async.core.retry import (
    TOO_MANY_REQUESTS,
    Retry,
    RetryBudget,
    Stop,
    StopReason,
    decide,
    parse_retry_after,
    why_not_retried,
)
from imgwire_async.core.service import Service
from imgwire_async.core.time import RealTime, Time
from imgwire_async.errors import CallContext, DeadlineExceededError, ImgwireError

Send: TypeAlias = Callable[[int, Permit], Awaitable[Result]]
"""Makes one attempt, given its number, starting at 1, and its permit."""

logger = logging.getLogger("imgwire_async")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStats:
    """Counters of a client: totals so far and the current state."""

    attempts: int
    """Total number of requests sent, counting each attempt."""
    retries: int
    """Number of attempts after the first one of their call."""
    in_flight: int
    """Requests in flight now."""
    waiting: int
    """Requests waiting to be sent."""
    throttled_seconds: float
    """Total seconds that requests have waited to be sent."""


@dataclass(slots=True, kw_only=True)
class SharedState:
    """State shared by a client and all clients made from it with `with_options`."""

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
    """One call: the data that all its attempts share, and its progress.

    This is the only loop that retries requests. `decide` determines whether it continues.
    """

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
    """Bytes received so far, not counting the bodies kept in responses."""
    is_deletion: bool = False
    """Whether the call deletes, so that a 404 may be a success; see `_read_as_deletion`."""
    prepare: Callable[[], Awaitable[object]] | None = None
    """Prepares an attempt before it waits for a slot."""
    after_401: Callable[[], Awaitable[bool]] | None = None
    """Asks for another credential; returns True if there is one, and the request is then resent at once."""
    attempts: int = field(init=False, default=0)
    """Number of attempts. One that is repeated with another credential counts once."""
    retry_after: float | None = field(init=False, default=None)
    """The `Retry-After` of the last response in seconds, if it had one."""
    last: Result | None = field(init=False, default=None)
    """The result of the last attempt."""
    stopped: StopReason | None = field(init=False, default=None)
    """Why no further attempt was made."""

    def make(self, attempt: Send) -> Awaitable[HttpResponse]:
        """Make attempts until one succeeds.

        Args:
            attempt: sends the request once.

        Returns:
            An awaitable of the successful response.

        Raises:
            ImgwireError: the error `error_for` builds from the response, or a connection error if none
                arrived.
            DeadlineExceededError: the deadline has passed, or leaves no time for another attempt.
        """
        if self.options.on_call or self.deadline is not None:
            return self._make_in_contexts(attempt)
        return self._make(attempt)

    async def _make_in_contexts(self, attempt: Send) -> HttpResponse:
        with ExitStack() as contexts:
            if self.options.on_call:
                event = CallEvent(**self._identity(), size=self.size)
                for hook in self.options.on_call:
                    contexts.enter_context(around_call(hook, event))
            if self.deadline is None:
                return await self._make(attempt)
            with self.shared.time.move_on_after(self.deadline - self.shared.time.monotonic()):
                return await self._make(attempt)
            raise self._too_late("not finished within the deadline")
        raise RuntimeError("an on_call hook must not suppress the error of the call")

    async def _make(self, attempt: Send) -> HttpResponse:
        options, shared, time = self.options, self.shared, self.shared.time
        self.attempts, self.last = 0, None
        renewed = False  # whether this attempt is repeated with another credential
        may_be_done = False  # whether an unsuccessful attempt may have taken effect
        not_before = -math.inf
        while renewed or self.deadline is None or time.monotonic() < self.deadline:
            if self.prepare is not None:
                await self.prepare()
            arrived = time.monotonic()
            try:
                async with shared.gate.admit(
                    self.operation.rate_class,
                    deadline=self.deadline,
                    patience=options.retry.max_retry_after,
                    not_before=not_before,
                    longest_wait=options.max_wait,
                ) as permit:
                    self.attempts += not renewed
                    shared.attempts += 1
                    shared.retries += renewed or self.attempts > 1
                    if options.on_request:
                        waited = time.monotonic() - arrived
                        await permit.outside(
                            notify(options.on_request, RequestEvent(**self._facts(), waited=waited))
                        )
                    streamed, started = self.streamed(), time.monotonic()
                    self.last = result = await attempt(self.attempts, permit)
                    seconds = time.monotonic() - started
                    self._report(permit, result)
            except AdmissionTimeoutError as error:
                raise self._too_late(str(error), error.closed_for or None) from None
            except ClosedTooLongError as error:
                raise self._impatient(error) from None
            if logger.isEnabledFor(logging.DEBUG):
                self._log(result, seconds)
            if options.on_response:
                event = self._response_event(result, seconds, self.streamed() - streamed)
                await notify(options.on_response, event)
            if result.status == 401 and not renewed and self.after_401 and await self.after_401():
                renewed, not_before = True, -math.inf
                continue
            renewed = False
            if self.is_deletion:
                result = _read_as_deletion(result, may_be_done=may_be_done)
                may_be_done = may_be_done or result.may_have_acted
            if isinstance(result, HttpResponse) and result.is_success:
                self.stopped = StopReason.SUCCESS
                shared.budget.deposit()
                return result
            decision = decide(
                result,
                attempt=self.attempts,
                replay=self.replay,
                policy=options.retry,
                hint=self.retry_after,
                time_left=math.inf if self.deadline is None else self.deadline - time.monotonic(),
                rng=shared.rng,
            )
            if isinstance(decision, Stop):
                self.stopped = decision.reason
                break
            if not (decision.is_free or shared.budget.withdraw()):
                self.stopped = StopReason.BUDGET_EMPTY
                break
            # The time that a hook takes counts as waiting.
            not_before = time.monotonic() + decision.delay
            await self._announce(decision, result)
            if not self._slows_down(result):
                await time.sleep(max(0.0, not_before - time.monotonic()))
                not_before = -math.inf
        else:
            self.stopped = StopReason.DEADLINE
        raise self._error()

    def _facts(self) -> dict[str, Any]:
        """The fields that all events of an attempt share."""
        return {
            **self._identity(),
            "attempt": self.attempts,
            "idempotency_key": self.context.get("idempotency_key"),
        }

    def _identity(self) -> dict[str, str]:
        context, operation = self.context, self.operation
        return {
            "operation": context.get("operation") or operation.name,
            "method": context.get("method") or operation.method,
            "url": context.get("url") or "",
        }

    def _report(self, permit: Permit, result: Result) -> None:
        """Report a response to the gate, and store its hint."""
        self.retry_after = None
        if isinstance(result, NoResponse):
            return
        self.retry_after = parse_retry_after(result.headers, self.shared.time.time())
        if self._slows_down(result):
            permit.throttled(self.retry_after)
        else:
            permit.accepted()

    def _slows_down(self, result: Result) -> bool:
        """Whether the service asks to slow down; the gate has then closed and does the waiting."""
        return result.status == TOO_MANY_REQUESTS or (result.status == 503 and self.retry_after is not None)

    def _log(self, result: Result, seconds: float) -> None:
        what = result.reason if isinstance(result, NoResponse) else f"status {result.status}"
        name, method, url = self._identity().values()
        logger.debug("%s: %s %s, attempt %d: %s in %.3f s", name, method, url, self.attempts, what, seconds)

    def _response_event(self, result: Result, seconds: float, streamed: int) -> ResponseEvent:
        return ResponseEvent(
            **self._facts(),
            status=result.status,
            failure=_failure_name(result),
            request_id=result.request_id,
            seconds=seconds,
            received=streamed + (len(result.content) if isinstance(result, HttpResponse) else 0),
        )

    async def _announce(self, retry: Retry, result: Result) -> None:
        name = _failure_name(result)
        facts = self._facts()
        logger.info(
            "%s: attempt %d failed (%s), retrying in %.2f s",
            facts["operation"],
            self.attempts,
            name or f"status {result.status}",
            retry.delay,
        )
        event = RetryEvent(
            **facts, delay=retry.delay, status=result.status, failure=name, retry_after=self.retry_after
        )
        await notify(self.options.on_retry, event)

    def _impatient(self, closed: ClosedTooLongError) -> ImgwireError:
        context = self.context | CallContext(attempts=self.attempts, retry_after=closed.closed_for)
        if isinstance(closed, LimitedTooLongError):
            instant = _date(self.shared.time.time() + closed.closed_for)
            problem = f"{closed}, at {instant}, longer than max_wait ({self.options.max_wait:g} s)"
        else:
            limit = self.options.retry.max_retry_after
            problem = f"{closed}, longer than max_retry_after ({limit:g} s)"
        # The response that the service would have sent.
        error = self.error_for(HttpResponse(429, {}, b""), context)
        error.message = self._with_last_failure(problem, context)
        return error

    def _too_late(self, problem: str, wait: float | None = None) -> DeadlineExceededError:
        self.stopped = StopReason.DEADLINE
        context = self.context | CallContext(attempts=self.attempts, retry_after=wait)
        return DeadlineExceededError(self._with_last_failure(problem, context), **context)

    def _with_last_failure(self, problem: str, context: CallContext) -> str:
        if self.last is None:
            return problem
        return f"{problem}; before that, {failure(self.last, context, self.error_for).message}"

    def _error(self) -> ImgwireError:
        context = self.context | CallContext(attempts=self.attempts, retry_after=self.retry_after)
        if self.last is None:
            return DeadlineExceededError("the deadline had passed before the first attempt", **context)
        error = failure(self.last, context, self.error_for)
        if self.stopped is StopReason.DEADLINE:
            return DeadlineExceededError(
                f"the deadline leaves no time for another attempt; {error.message}", **context
            )
        if self.stopped is not None:
            error.message += why_not_retried(self.stopped, self.options.retry, self.retry_after)
        return error


def _read_as_deletion(result: Result, *, may_be_done: bool) -> Result:
    """Interpret the result of an attempt to delete.

    A 2xx is a success even if its body is unusable. So is a 404 if an earlier attempt may have deleted it.
    """
    if isinstance(result, NoResponse):
        return result
    gone = may_be_done and result.status in {404, 410}
    if gone or (result.has_good_status and result.problem is not None):
        return HttpResponse(204, result.headers, b"")
    return result


def _date(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "a date after the year 9999"


def _failure_name(result: Result) -> str | None:
    return result.name if isinstance(result, NoResponse) else None
