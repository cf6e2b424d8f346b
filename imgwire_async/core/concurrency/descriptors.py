"""Waiting for file descriptors and other resources that the process lacks, in tasks instead of threads."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from imgwire_async.core.pace.local_limits import LONGEST_WAIT, PAUSE, lacking, say_waiting
from imgwire_async.errors import ImgwireError

T = TypeVar("T")


async def while_lacking(attempt: Callable[[], Awaitable[T]]) -> T:
    """Await `attempt`, and repeat it for up to a minute while the process or machine lacks a resource.

    A waiting task occupies no thread, which those that will free the resource may need.

    Raises:
        OSError: the error of `attempt`.
        ImgwireError: the error of `attempt`.
    """
    end = math.inf
    while True:
        try:
            return await attempt()
        except (OSError, ImgwireError) as error:
            lack, now = lacking(error), anyio.current_time()
            end = min(end, now + LONGEST_WAIT)
            if lack is None or now >= end:
                raise
            say_waiting(lack)
        await anyio.sleep(PAUSE)
