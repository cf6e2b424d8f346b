"""Hooks: the events that they receive, plain data without secrets, and how they are called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from imgwire_async.core.concurrency.cancellation import ForeignCode


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """A call begins, which makes one or more attempts. An upload is two calls: one creates, one sends."""

    operation: str
    """The call as the user made it, such as `images.create`; `images.upload` for the PUT of the bytes."""
    method: str
    url: str
    """Without its query, which may hold a signature or a token."""
    size: int
    """Length of the request's body in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEvent:
    """A request is about to be sent."""

    operation: str
    """The call as the user made it, such as `images.create`; `images.upload` for the PUT of the bytes."""
    method: str
    url: str
    """Without its query, which may hold a signature or a token."""
    attempt: int
    """From 1. A request that is sent again with another key after a 401 keeps the number."""
    idempotency_key: str | None
    waited: float
    """Seconds for which the limits of the client and the pauses of the service have held it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEvent:
    """A request was answered, or ended without a response."""

    operation: str
    method: str
    url: str
    attempt: int
    idempotency_key: str | None
    status: int | None
    """HTTP status, or None when no response came."""
    failure: str | None
    """Why no response came, in one word such as `ConnectTimeout`, or None."""
    request_id: str | None
    seconds: float
    """From the request to the last byte of the response."""
    received: int = 0
    """Bytes of the response's body that arrived, unpacked; of a transfer that broke, those until then."""


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
    """Seconds until the next attempt, at least: other requests may be ahead of it."""
    status: int | None
    """HTTP status of the failed attempt, or None when no response came."""
    failure: str | None
    """Why no response came, in one word, or None."""
    retry_after: float | None
    """Seconds that the service asked to wait, when it did."""


_HOOKS: Final = {RequestEvent: "on_request", ResponseEvent: "on_response", RetryEvent: "on_retry"}

E = TypeVar("E", RequestEvent, ResponseEvent, RetryEvent)

Hook: TypeAlias = Callable[[E], Awaitable[object] | object]
"""A function, sync or async, that is called with events. What it raises ends the call.

It ends the block of `upload_many`, `ingest` and their likes too, because a hook is the client's and not an
item's: its mistake would meet every item. When several items meet it at once, an `ExceptionGroup` comes out.

Time that an async one needs counts towards the call's `deadline`, which also ends one that hangs. A sync one
runs on the event loop and must not block."""


CallHook: TypeAlias = Callable[[CallEvent], AbstractContextManager[object]]
"""Gives a context that is entered when a call begins and left when it ends, with its error if it failed."""


H = TypeVar("H")

Hooks: TypeAlias = H | Sequence[H]
"""One hook, or several, which are called in their order."""


def as_hooks(name: str, given: Hooks[H] | None) -> tuple[H, ...]:
    """All of the hooks that a caller has given.

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
    """Call each hook in turn, and await what it returns if that is awaitable.

    They run in the task of the call, so that a context variable which one sets is there for its next event.
    """
    for hook in hooks:
        with ForeignCode(f"the {_HOOKS[type(event)]} hook"):
            told = hook(event)
            if isinstance(told, Awaitable):
                await told


@contextmanager
def around_call(hook: CallHook, event: CallEvent) -> Iterator[None]:
    """The context that a hook gives; what it raises as cancelled does not cancel the call."""
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
