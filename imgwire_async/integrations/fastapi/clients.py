"""One client for an application: made when it starts, closed when it stops, handed to its handlers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from fastapi import Depends
from starlette.requests import HTTPConnection

from imgwire_async.errors import ConfigurationError
from imgwire_async.imgwire.client import AsyncImgwireClient

A = TypeVar("A")

State: TypeAlias = Mapping[str, Any]
Lifespan: TypeAlias = (
    "Callable[[A], AbstractAsyncContextManager[State]] | Callable[[A], AbstractAsyncContextManager[None]]"
)
"""What FastAPI and Starlette take as `lifespan`."""

STATE_KEY: Final = "imgwire"
"""Under this name the client is in the lifespan's state: `request.state.imgwire`."""


def imgwire_lifespan(
    lifespan: Lifespan[A] | None = None,
    *,
    make_client: Callable[[], AsyncImgwireClient] = AsyncImgwireClient,
) -> Callable[[A], AbstractAsyncContextManager[State]]:
    """A lifespan with one client for all requests of an application: `FastAPI(lifespan=imgwire_lifespan())`.

    The client is made inside of the process that serves, so each worker has one of its own, and a reload
    closes it. It closes after `lifespan` has ended.

    Args:
        lifespan: the application's own lifespan; what it yields is kept in the state.
        make_client: makes the client; the default reads the environment variables.
    """

    @asynccontextmanager
    async def with_client(app: A) -> AsyncGenerator[State, None]:
        async with make_client() as client:
            state: dict[str, Any] = {STATE_KEY: client}
            if lifespan is None:
                yield state
                return
            async with lifespan(app) as own:
                yield {**(own or {}), **state}

    return with_client


async def get_imgwire(connection: HTTPConnection) -> AsyncImgwireClient:
    """The application's client, as a dependency. Tests replace it with `app.dependency_overrides`.

    Raises:
        ConfigurationError: the application was started without `imgwire_lifespan`.
    """
    client = getattr(connection.state, STATE_KEY, None)
    if not isinstance(client, AsyncImgwireClient):
        raise ConfigurationError(
            "this application has no Imgwire client: pass lifespan=imgwire_lifespan() to FastAPI, and start "
            "it with a server that runs lifespans"
        )
    return client


ImgwireDep = Annotated[AsyncImgwireClient, Depends(get_imgwire)]
"""The type of a handler's parameter that gets the application's client."""
