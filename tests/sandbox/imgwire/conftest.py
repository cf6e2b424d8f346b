"""A sandbox per module, cleared after every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from imgwire_async.sandbox import Sandbox
from tests.sandbox.imgwire.support import Api, open_api


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield running_sandbox
    running_sandbox.reset()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    api = open_api(sandbox)
    with api.http:
        yield api


@pytest.fixture
def start_api() -> Iterator[Callable[..., Api]]:
    """Start a sandbox with settings that differ from the defaults."""
    started: list[Api] = []

    def start(**settings: Any) -> Api:
        sandbox = Sandbox(**settings)
        sandbox.start()
        api = open_api(sandbox)
        started.append(api)
        return api

    yield start
    for api in started:
        api.http.close()
        api.sandbox.stop()
