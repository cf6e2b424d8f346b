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
"""Name of the client in the lifespan's state: `request.state.imgix`."""


def imgix_lifespan(
    lifespan: Lifespan[A] | None = None,
    *,
    make_client: Callable[[], AsyncImgixClient] = AsyncImgixClient,
    freeze: bool = False,
) -> Callable[[A], AbstractAsyncContextManager[State]]:
    """A lifespan with one imgix client for all requests of an application.

    To use both services, nest the lifespans: `imgwire_lifespan(imgix_lifespan(own))`.

    The client is created in the serving process, so each worker has its own, and a reload closes it. It is
    closed after `lifespan` has ended. Workers do not coordinate: with several, give each a share of imgix's
    limits with `rate_limits=`.

    Args:
        lifespan: the application's own lifespan; what it yields is kept in the state.
        make_client: creates the client; by default from the environment variables.
        freeze: spare the garbage collector what it finds nothing in. After startup, exclude all existing
            objects from collections until the application stops; otherwise a full one delays every request
            while it scans all imported modules. Meanwhile, raise the first of `gc.get_threshold()` to 20,000,
            so that the objects of many requests at once do not start full collections. For processes that
            serve nothing else.
    """
    return lifespan_with(STATE_KEY, make_client, lifespan, freeze=freeze)


async def get_imgix(connection: HTTPConnection) -> AsyncImgixClient:
    """The application's imgix client, as a dependency. Tests replace it with `app.dependency_overrides`.

    Raises:
        ConfigurationError: the application was started without `imgix_lifespan`.
    """
    return client_in(connection, STATE_KEY, AsyncImgixClient, service="imgix")


ImgixDep = Annotated[AsyncImgixClient, Depends(get_imgix)]
"""Parameter type for handlers that use the application's imgix client."""
