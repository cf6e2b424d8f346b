"""Hooks and the events that they receive, which are plain data without secrets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from imgwire_async.core.concurrency.cancellation import ForeignCode


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """A call starts, which makes one or more attempts. An upload is two calls: create and send."""

    operation: str
    """Name of the method called, such as `images.create`; `images.upload` for the PUT of the bytes."""
    method: str
    url: str
    """URL without its query, which may hold a signature or a token."""
    size: int
    """Length of the request's body in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEvent:
    """A request is about to be sent."""

    operation: str
    """Name of the method called, such as `images.create`; `images.upload` for the PUT of the bytes."""
    method: str
    url: str
    """URL without its query, which may hold a signature or a token."""
    attempt: int
    """Number of the attempt, from 1. A request that is sent again with another key after a 401 keeps it."""
    idempotency_key: str | None
    waited: float
    """Seconds for which the client's limits and the service's pauses delayed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEvent:
    """A request ended, with or without a response."""

    operation: str
    method: str
    url: str
    attempt: int
    idempotency_key: str | None
    status: int | None
    """HTTP status, or None if no response arrived."""
    failure: str | None
    """Why no response arrived, in one word such as `ConnectTimeout`, or None."""
    request_id: str | None
    seconds: float
    """Seconds from the request to the last byte of the response."""
    received: int = 0
    """Bytes of the response's body that arrived, decompressed; includes those of a transfer that broke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryEvent:
    """An attempt failed, and another one follows after a wait."""

    operation: str
    method: str
    url: str
    attempt: int
    """Number of the attempt that failed, from 1."""
    idempotency_key: str | None
    delay: float
    """Minimum seconds until the next attempt; other requests may be ahead of it."""
    status: int | None
    """HTTP status of the failed attempt, or None if no response arrived."""
    failure: str | None
    """Why no response arrived, in one word, or None."""
    retry_after: float | None
    """Seconds that the service asked to wait, or None."""


_HOOKS: Final = {RequestEvent: "on_request", ResponseEvent: "on_response", RetryEvent: "on_retry"}

E = TypeVar("E", RequestEvent, ResponseEvent, RetryEvent)

Hook: TypeAlias = Callable[[E], Awaitable[object] | object]
"""A function, sync or async, that is called with events. An exception that it raises ends the call.

It also ends the block of `upload_many`, `ingest` and similar methods, because a hook belongs to the client
and its bug would affect every item. If several items hit it at once, an `ExceptionGroup` is raised. The time
of an async hook counts towards the call's `deadline`, which also ends a hanging one. A sync hook runs on the
event loop and must not block."""


CallHook: TypeAlias = Callable[[CallEvent], AbstractContextManager[object]]
"""Returns a context manager that is entered when a call starts and left, with any error, when it ends."""


H = TypeVar("H")

Hooks: TypeAlias = H | Sequence[H]
"""One hook, or several, which are called in order."""


def as_hooks(name: str, given: Hooks[H] | None) -> tuple[H, ...]:
    """The hooks that a caller passed, as a tuple.

    Raises:
        ValueError: one is not callable.
    """
    hooks = () if given is None else tuple(given) if isinstance(given, Sequence) else (given,)
    for hook in hooks:
        if not callable(hook):
            problem = f"{name} must be a function, or a list of functions, got {hook!r:.80}"
            raise ValueError(problem)  # noqa: TRY004 - as for every option
    return hooks


async def notify(hooks: tuple[Hook[E], ...], event: E) -> None:
    """Call each hook in turn, and await its result if that is awaitable.

    They run in the task of the call, so that a context variable set by a hook is visible at its next event.
    """
    for hook in hooks:
        with ForeignCode(f"the {_HOOKS[type(event)]} hook"):
            told = hook(event)
            if isinstance(told, Awaitable):
                await told


@contextmanager
def around_call(hook: CallHook, event: CallEvent) -> Iterator[None]:
    """The context of a hook; a cancellation that it raises does not cancel the call."""
    with ForeignCode("the on_call hook"):
        context = hook(event)
        context.__enter__()
    try:
        yield
    except BaseException as error:
        with ForeignCode("the on_call hook"):
            suppressed = context.__exit__(type(error), error, error.__traceback__)
        if not suppressed:
            raise
    else:
        with ForeignCode("the on_call hook"):
            context.__exit__(None, None, None)
