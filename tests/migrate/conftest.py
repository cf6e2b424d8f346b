"""A local imgix and a client for it without rate limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from imgwire_async.imgix import AsyncImgixClient
from imgwire_async.sandbox import ImgixSandbox
from tests.migrate.support import client_of


@pytest.fixture(scope="session")
def shared_imgix() -> Iterator[ImgixSandbox]:
    with ImgixSandbox(deployment_delay=0.0) as server:
        yield server


@pytest.fixture
def server(shared_imgix: ImgixSandbox) -> Iterator[ImgixSandbox]:
    yield shared_imgix
    shared_imgix.reset()


@pytest.fixture
async def imgix(server: ImgixSandbox) -> AsyncIterator[AsyncImgixClient]:
    async with client_of(server) as client:
        yield client
