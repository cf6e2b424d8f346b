"""The example service as a real process, for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from imgwire_async.sandbox import Sandbox
from tests.integrations.service_process import running_service, sign_in


@pytest.fixture(scope="module")
def service(shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_service(shared_sandbox, tmp_path_factory.mktemp("service")) as base_url:
        yield base_url


@pytest.fixture
def http(service: str, sandbox: Sandbox) -> Iterator[httpx.Client]:  # noqa: ARG001 - cleared afterwards
    with httpx.Client(base_url=service, trust_env=False, timeout=30) as http:
        sign_in(http)
        yield http
