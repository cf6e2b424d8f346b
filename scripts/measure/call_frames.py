"""How many of our frames stand between a call and the HTTP library, and how many Python calls it takes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import NamedTuple, TypeAlias

from imgwire_async import AsyncImgwireClient
from imgwire_async.sandbox import Sandbox

PIXEL = b"\x89PNG\r\n\x1a\n" + b"\x00" * 4096
Call: TypeAlias = Callable[[AsyncImgwireClient], Awaitable[object]]

CALLS: dict[str, Call] = {
    "images.list": lambda imgwire: imgwire.images.list(),
    "metrics.get_stats": lambda imgwire: imgwire.metrics.get_stats(),
    "images.create_upload_token": lambda imgwire: imgwire.images.create_upload_token(),
    "images.upload_via_url": lambda imgwire: imgwire.images.upload_via_url("https://example.com/a.png"),
    "images.upload": lambda imgwire: imgwire.images.upload(PIXEL, file_name="a.png"),
}


class Cost(NamedTuple):
    frames: int
    """Frames of the package below the caller, without that of the transport."""
    calls: int
    """Python functions called by the package itself and by all that it uses."""


async def cost_of(call: Call, imgwire: AsyncImgwireClient) -> Cost:
    """The minimum cost of one call, after everything is initialised.

    Other callbacks of the loop, such as timers, are not counted.
    """
    await call(imgwire)
    return min([await _cost_once(call, imgwire) for _ in range(10)], key=lambda cost: cost.calls)


async def _cost_once(call: Call, imgwire: AsyncImgwireClient) -> Cost:
    frames = calls = 0

    def profile(frame: FrameType, event: str, _: object) -> None:
        nonlocal frames, calls
        if event != "call":
            return
        calls += 1
        if frame.f_code.co_name == "send" and _is_transport(frame):
            frames = max(frames, _ours(frame.f_back))

    sys.setprofile(profile)
    try:
        await call(imgwire)
    finally:
        sys.setprofile(None)
    return Cost(frames, calls)


def _is_transport(frame: FrameType) -> bool:
    return frame.f_code.co_filename.endswith("aiohttp_transport.py")


def _ours(frame: FrameType | None) -> int:
    count = 0
    while frame is not None:
        if _is_transport(frame):
            return 0  # called by the transport while it sends
        count += "imgwire_async" in frame.f_code.co_filename
        frame = frame.f_back
    return count


async def costs() -> dict[str, Cost]:
    """The costs of each kind of call, against a sandbox in another thread."""
    with Sandbox() as sandbox:
        async with AsyncImgwireClient(sandbox.server_key, base_url=sandbox.base_url) as imgwire:
            return {name: await cost_of(call, imgwire) for name, call in CALLS.items()}


def print_costs() -> None:
    """Print a line for each kind of call."""
    for name, cost in asyncio.run(costs()).items():
        print(f"{name:30} {cost.frames:3} frames {cost.calls:5} Python calls")


if __name__ == "__main__":
    print_costs()
