"""One client for an application: made when it starts, closed when it stops, handed to its handlers."""

from __future__ import annotations

import gc
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from typing import Any, TypeAlias, TypeVar

from starlette.requests import HTTPConnection

from imgwire_async.core.clients.client import ServiceClient
from imgwire_async.errors import ConfigurationError

A = TypeVar("A")
C = TypeVar("C", bound=ServiceClient)

State: TypeAlias = Mapping[str, Any]
Lifespan: TypeAlias = (
    "Callable[[A], AbstractAsyncContextManager[State]] | Callable[[A], AbstractAsyncContextManager[None]]"
)
"""What FastAPI and Starlette take as `lifespan`."""


def lifespan_with(
    name: str, make_client: Callable[[], C], lifespan: Lifespan[A] | None, *, freeze: bool = False
) -> Callable[[A], AbstractAsyncContextManager[State]]:
    """A lifespan around `lifespan` that keeps a client in the state under `name`.

    With `freeze`, the garbage collector skips everything that is there once the application has started.
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
    gc.collect()  # what is no longer used would stay for good
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def client_in(connection: HTTPConnection, name: str, kind: type[C], *, service: str) -> C:
    """The client that `lifespan_with` keeps under `name`.

    Raises:
        ConfigurationError: there is none.
    """
    client = getattr(connection.state, name, None)
    if not isinstance(client, kind):
        raise ConfigurationError(
            f"this application has no {service} client: pass lifespan={name}_lifespan() to FastAPI, and "
            "start it with a server that runs lifespans"
        )
    return client
