"""One client per application: created at startup, closed at shutdown, and available to its handlers."""

from __future__ import annotations

import gc
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from typing import Any, Final, TypeAlias, TypeVar

from starlette.requests import HTTPConnection

from imgwire_async.core.clients.client import ServiceClient
from imgwire_async.errors import ConfigurationError

A = TypeVar("A")
C = TypeVar("C", bound=ServiceClient)

State: TypeAlias = Mapping[str, Any]
Lifespan: TypeAlias = (
    "Callable[[A], AbstractAsyncContextManager[State]] | Callable[[A], AbstractAsyncContextManager[None]]"
)
"""The types that FastAPI and Starlette accept as `lifespan`."""

_YOUNG_OBJECTS: Final = 20_000
"""Objects that are created, and not freed, before the collector looks for garbage among them.

An upload through a service holds 350, most of them coroutines of the framework and what those refer to. With
the interpreter's default of 700, two uploads start a collection, and some fifty that are in progress for long
enough start a full one, which visits all of them and finds nothing.
"""


def lifespan_with(
    name: str, make_client: Callable[[], C], lifespan: Lifespan[A] | None, *, freeze: bool = False
) -> Callable[[A], AbstractAsyncContextManager[State]]:
    """Wrap `lifespan` and keep a client in the state under `name`.

    With `freeze`, objects that exist after startup are excluded from garbage collection, and it runs less
    often.
    """

    @asynccontextmanager
    async def with_client(app: A) -> AsyncGenerator[State, None]:
        async with make_client() as client:
            state: dict[str, Any] = {name: client}
            with ExitStack() as frozen:
                if lifespan is None:
                    if freeze:
                        frozen.enter_context(_frozen())
                    yield state
                    return
                async with lifespan(app) as own:
                    if freeze:
                        frozen.enter_context(_frozen())
                    yield {**(own or {}), **state}

    return with_client


@contextmanager
def _frozen() -> Iterator[None]:
    before, *older = gc.get_threshold()
    gc.collect()  # unused objects would never be freed
    gc.freeze()
    if before:  # 0 is a collector that has been turned off
        gc.set_threshold(max(before, _YOUNG_OBJECTS), *older)
    try:
        yield
    finally:
        gc.set_threshold(before, *older)
        gc.unfreeze()


def client_in(connection: HTTPConnection, name: str, kind: type[C], *, service: str) -> C:
    """The client that `lifespan_with` keeps under `name`.

    Raises:
        ConfigurationError: there is no client.
    """
    client = getattr(connection.state, name, None)
    if not isinstance(client, kind):
        raise ConfigurationError(
            f"this application has no {service} client: pass lifespan={name}_lifespan() to FastAPI, and "
            "start it with a server that runs lifespans"
        )
    return client
