"""Safe retries without idempotency keys, and errors without the secrets that a call sent.

imgix has no idempotency keys, so calls that must not happen twice are looked up before a retry.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final, TypeVar

from imgwire_async.core.call import Core
from imgwire_async.core.operation import Request, Response
from imgwire_async.core.retry import StopReason, why_not_retried
from imgwire_async.errors import (
    APIConnectionError,
    APIStatusError,
    CallContext,
    DeadlineExceededError,
    ImgwireError,
    ValidationIssue,
)
from imgwire_async.imgix.deployment import SECRETS, Deployment

T = TypeVar("T")

_REFUSALS: Final = frozenset({400, 409, 422})
"""Statuses with which imgix may reject something that already exists; the actual one is undocumented."""


class CalledAs:
    """Makes calls for a generated endpoint under the public method name.

    Args:
        core: makes the calls.
        name: the operation, for hooks and errors.
        on_sent: called with the number of body bytes that an attempt has sent.
        if_empty: the resource for which a success without `data` stands; None if that is an error. imgix
            documents neither status nor body of some successful responses.
    """

    def __init__(
        self,
        core: Core,
        name: str,
        on_sent: Callable[[int], None] | None = None,
        *,
        if_empty: Mapping[str, Any] | None = None,
    ) -> None:
        self._core = core
        self._name = name
        self._on_sent = on_sent
        self._if_empty = if_empty

    async def call(self, request: Request, parse: Callable[[Any], T]) -> Response[T]:
        """Make a call; see `Core.call`."""
        operation = replace(request.operation, name=self._name)

        def read(document: Any) -> T:  # noqa: ANN401 - JSON of any shape
            if self._if_empty is not None:
                # Many frameworks send `null` as an empty body.
                document = {} if document is None else document
                if isinstance(document, dict) and document.get("data") is None:
                    document = {**document, "data": self._if_empty}
            return parse(document)

        return await self._core.call(replace(request, operation=operation), read, on_sent=self._on_sent)


async def looking_first(
    core: Core,
    call: Callable[[], Awaitable[T]],
    look: Callable[[], Awaitable[T | None]],
    *,
    repeatable: bool = True,
) -> T:
    """Make a call that must not happen twice, and look up its result before any retry.

    The core retries the call only after failures that cannot have reached the service. After other transient
    failures, such as a lost response, `look` decides: if it finds something, that is the result.

    Args:
        core: provides retry policy, budget and time.
        call: makes the call.
        look: finds what the call created, or returns None. An exception counts as None.
        repeatable: whether the call can be retried.

    Raises:
        DeadlineExceededError: the deadline leaves no time for another attempt.
        ImgwireError: the last failure of the call.
    """
    policy, shared = core.options.retry, core.shared
    uncertain, repeats, deadline = False, 0, core.deadline_from_now()
    while True:
        try:
            return await call()
        except ImgwireError as error:
            lost = may_have_acted(error)
            refused = isinstance(error, APIStatusError) and error.status in _REFUSALS
            if not lost and not (uncertain and refused):
                raise
            uncertain = True
            found = None
            with suppress(ImgwireError):
                found = await look()
            if found is not None:
                return found
            if not lost or not repeatable or repeats == policy.max_retries:
                raise
            hint = error.retry_after
            if hint is not None and hint > policy.max_retry_after:
                error.message += why_not_retried(StopReason.HINT_TOO_LONG, policy, hint)
                raise
            pause = policy.delay(repeats, hint, shared.rng)
            if deadline is not None and shared.time.monotonic() + pause >= deadline:
                raise DeadlineExceededError(
                    f"the deadline leaves no time for another attempt; {error.message}", **_context(error)
                ) from error
            if not shared.budget.withdraw():
                error.message += why_not_retried(StopReason.BUDGET_EMPTY, policy, hint)
                raise
        shared.retries += 1
        repeats += 1
        await shared.time.sleep(pause)


def _context(error: ImgwireError) -> CallContext:
    return CallContext(
        operation=error.operation,
        method=error.method,
        url=error.url,
        attempts=error.attempts,
        request_id=error.request_id,
        retry_after=error.retry_after,
    )


def may_have_acted(error: ImgwireError) -> bool:
    """Whether the service may have acted on the failed call."""
    if isinstance(error, APIConnectionError):
        return error.may_have_acted
    # Any of these may come from a proxy whose upstream has acted.
    return isinstance(error, APIStatusError) and (error.status == 408 or error.status >= 500)


@contextmanager
def without_secrets(deployment: Deployment) -> Iterator[None]:
    """Keep the secrets of a deployment out of errors, in case the service quotes its input."""
    try:
        yield
    except ImgwireError as error:
        secrets = [str(value) for name in SECRETS if (value := getattr(deployment, name))]
        if secrets:
            _scrub(error, secrets)
        raise


def _scrub(error: ImgwireError, secrets: list[str]) -> None:
    def clean(value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
        if isinstance(value, str):
            for secret in secrets:
                value = value.replace(secret, "…")
            return value
        if isinstance(value, list):
            return [clean(one) for one in value]
        if isinstance(value, dict):
            return {name: clean(one) for name, one in value.items()}
        return value

    error.message = clean(error.message)
    error.args = tuple(clean(one) for one in error.args)
    if isinstance(error, APIStatusError):
        error.detail, error.error_type = clean(error.detail), clean(error.error_type)
        error.body = clean(error.body)
        error.errors = tuple(
            ValidationIssue(location=one.location, message=clean(one.message), type=clean(one.type))
            for one in error.errors
        )
