"""The imgix client of an application, for its handlers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import HTTPConnection

from imgwire_async.imgix.client import AsyncImgixClient
from imgwire_async.integrations.fastapi.lifespans import A, Lifespan, State, client_in, lifespan_with

STATE_KEY: Final = "imgix"
"""Under this name the client is in the lifespan's state: `request.state.imgix`."""


def imgix_lifespan(
    lifespan: Lifespan[A] | None = None,
    *,
    make_client: Callable[[], AsyncImgixClient] = AsyncImgixClient,
    freeze: bool = False,
) -> Callable[[A], AbstractAsyncContextManager[State]]:
    """A lifespan with one imgix client for all requests of an application.

    With both services, one lifespan goes into the other: `imgwire_lifespan(imgix_lifespan(own))`.

    The client is made inside of the process that serves, so each worker has one of its own, and a reload
    closes it. It closes after `lifespan` has ended. Workers do not know of each other's requests: with
    several, give each a part of imgix's limits by `rate_limits=`.

    Args:
        lifespan: the application's own lifespan; what it yields is kept in the state.
        make_client: makes the client; the default reads the environment variables.
        freeze: once the application has started, let the garbage collector skip everything that is there,
            until it stops. A full collection would otherwise hold up every request while it goes through all
            that was imported. For processes that serve nothing else.
    """
    return lifespan_with(STATE_KEY, make_client, lifespan, freeze=freeze)


async def get_imgix(connection: HTTPConnection) -> AsyncImgixClient:
    """The application's imgix client, as a dependency. Tests replace it with `app.dependency_overrides`.

    Raises:
        ConfigurationError: the application was started without `imgix_lifespan`.
    """
    return client_in(connection, STATE_KEY, AsyncImgixClient, service="imgix")


ImgixDep = Annotated[AsyncImgixClient, Depends(get_imgix)]
"""The type of a handler's parameter that gets the application's imgix client."""
