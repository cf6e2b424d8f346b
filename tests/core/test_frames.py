"""The number of stack frames of a call."""

from __future__ import annotations

from call_frames import CALLS, cost_of

from imgwire_async import AsyncImgwireClient
from imgwire_async.sandbox import Sandbox


async def test_at_most_nine_of_our_frames_stand_between_a_list_and_the_transport() -> None:
    with Sandbox() as sandbox:
        async with AsyncImgwireClient(sandbox.server_key, base_url=sandbox.base_url) as imgwire:
            cost = await cost_of(CALLS["images.list"], imgwire)
    assert 1 <= cost.frames <= 9
