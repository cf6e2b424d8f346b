"""A scripted imgix and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from imgwire_async.imgix import AsyncImgixClient
from tests.imgix.scripted import Script, client_of, scripted


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    async with scripted() as script:
        yield script


@pytest.fixture
async def imgix(script: Script) -> AsyncIterator[AsyncImgixClient]:
    async with client_of(script) as client:
        yield client
