"""The client of the plugin's fixture `imgix_client`."""

from __future__ import annotations

from imgwire_async.sandbox import ImgixSandbox
from imgwire_async.testing import VirtualClock, virtual_imgix_client


async def test_a_client_of_the_local_imgix_waits_in_virtual_time() -> None:
    clock = VirtualClock()
    with (
        ImgixSandbox(clock=clock.time, deployment_delay=600) as sandbox,
        virtual_imgix_client(sandbox, clock) as imgix,
    ):
        source = sandbox.add_source("shop")
        deployed = await imgix.sources.wait_until_deployed(source)
        await imgix.aclose()

    assert deployed.hosts == ("shop.imgix.net",)
