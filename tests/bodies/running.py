"""Run a test's coroutine on each event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from tests.hangs import HANGS

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "uvloop", "trio"])


def run(main: Callable[[], Awaitable[None]], backend: str) -> None:
    """Run `main` on asyncio, uvloop or trio, for at most `HANGS` seconds."""

    async def in_time() -> None:
        with anyio.fail_after(HANGS):
            await main()

    if backend == "uvloop":
        anyio.run(in_time, backend="asyncio", backend_options={"use_uvloop": True})
    else:
        anyio.run(in_time, backend=backend)
