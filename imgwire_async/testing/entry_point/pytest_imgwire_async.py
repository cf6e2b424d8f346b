"""The pytest plugin of imgwire-async. See `imgwire_async.testing`.

It lies outside of the package because every run of pytest imports it, also those that have nothing to do with
Imgwire; importing a module of the package would import all of the SDK.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from imgwire_async import AsyncImgwireClient
    from imgwire_async.imgix import AsyncImgixClient
    from imgwire_async.sandbox import ImgixSandbox, Sandbox
    from imgwire_async.testing import VirtualClock

_SANDBOX: pytest.StashKey[Sandbox] = pytest.StashKey()
"""The sandbox of a test, also when only another fixture asked for it."""

_CLIENTS: pytest.StashKey[list[AsyncImgwireClient | AsyncImgixClient]] = pytest.StashKey()
"""Clients of the whole run. Their connections end with their event loop, and one that is shared by several
tests outlives them; without a client the connections could no longer be closed in it."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.stash[_CLIENTS] = []
    config.addinivalue_line(
        "markers",
        "imgwire_sandbox(**settings): start the local Imgwire of this test with fields of "
        "imgwire_async.sandbox.SandboxSettings",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that went well although what it scripted did not happen."""
    yield
    sandbox = item.stash.get(_SANDBOX, None)
    unused = sandbox.faults.unused() if sandbox is not None else []
    if unused:
        lines = [f"  {one.operation}: {one.fault}" for one in unused]
        pytest.fail("These scripted faults did not happen:\n" + "\n".join(lines), pytrace=False)


@pytest.fixture(scope="session")
def imgwire_clock() -> VirtualClock:
    """The time of `imgwire_sandbox` and `imgwire_client`; it passes only where they wait, or by `advance`."""
    from imgwire_async.testing import VirtualClock

    return VirtualClock()


@pytest.fixture(scope="session")
def _shared_imgwire_sandbox(imgwire_clock: VirtualClock) -> Iterator[Sandbox]:
    from imgwire_async.sandbox import Sandbox

    with Sandbox(clock=imgwire_clock.time) as sandbox:
        yield sandbox


@pytest.fixture
def imgwire_sandbox(request: pytest.FixtureRequest, imgwire_clock: VirtualClock) -> Iterator[Sandbox]:
    """A local Imgwire without images. A scripted fault that does not happen fails the test."""
    marker = request.node.get_closest_marker("imgwire_sandbox")
    if marker is not None:
        if marker.args:
            pytest.fail("imgwire_sandbox takes fields of SandboxSettings by their names", pytrace=False)
        from imgwire_async.sandbox import Sandbox

        with Sandbox(**{"clock": imgwire_clock.time} | marker.kwargs) as sandbox:
            request.node.stash[_SANDBOX] = sandbox
            yield sandbox
        return
    shared: Sandbox = request.getfixturevalue("_shared_imgwire_sandbox")
    request.node.stash[_SANDBOX] = shared
    yield shared
    shared.reset()


@pytest.fixture
def imgwire_client(
    pytestconfig: pytest.Config, imgwire_sandbox: Sandbox, imgwire_clock: VirtualClock
) -> Iterator[AsyncImgwireClient]:
    """A client of `imgwire_sandbox` that passes waits in no time, on asyncio and trio."""
    from imgwire_async.testing import virtual_client

    with virtual_client(imgwire_sandbox, imgwire_clock) as client:
        pytestconfig.stash[_CLIENTS].append(client)
        yield client


@pytest.fixture(scope="session")
def _shared_imgix_sandbox(imgwire_clock: VirtualClock) -> Iterator[ImgixSandbox]:
    from imgwire_async.sandbox import ImgixSandbox

    with ImgixSandbox(clock=imgwire_clock.time) as sandbox:
        yield sandbox


@pytest.fixture
def imgix_sandbox(_shared_imgix_sandbox: ImgixSandbox) -> Iterator[ImgixSandbox]:
    """A local imgix without sources."""
    yield _shared_imgix_sandbox
    _shared_imgix_sandbox.reset()


@pytest.fixture
def imgix_client(
    pytestconfig: pytest.Config, imgix_sandbox: ImgixSandbox, imgwire_clock: VirtualClock
) -> Iterator[AsyncImgixClient]:
    """A client of `imgix_sandbox` that passes waits in no time, on asyncio and trio."""
    from imgwire_async.testing import virtual_imgix_client

    with virtual_imgix_client(imgix_sandbox, imgwire_clock) as client:
        pytestconfig.stash[_CLIENTS].append(client)
        yield client
