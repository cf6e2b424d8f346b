"""Both local services, and a browser to open their pages."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from imgwire_async.sandbox import ImgixSandbox, Sandbox
from tests.sandbox.server.pages.support import Pages


@pytest.fixture(scope="module")
def both() -> Iterator[dict[str, Sandbox | ImgixSandbox]]:
    with Sandbox() as imgwire, ImgixSandbox(deployment_delay=0, indexing_delay=0) as imgix:
        yield {"imgwire": imgwire, "imgix": imgix}


@pytest.fixture(params=["imgwire", "imgix"])
def pages(both: dict[str, Sandbox | ImgixSandbox], request: pytest.FixtureRequest) -> Iterator[Pages]:
    sandbox = both[request.param]
    with httpx.Client(base_url=sandbox.base_url, trust_env=False, follow_redirects=True, timeout=60) as http:
        yield Pages(sandbox, http)
    sandbox.reset()
