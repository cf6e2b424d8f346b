"""Bulk jobs against services with unknown rate limits, over real sockets and in real time.

python scripts/measure/pacing_load.py LIMIT      a service with that limit, as `bench.py pacing` starts it
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final, NamedTuple

import anyio
import typer
from stub_service import Connection

from imgwire_async import AsyncImgwireClient
from imgwire_async.sandbox import FixedWindow, MaxInFlight, SteadyRate
from imgwire_async.sandbox.server.requests.rate_limits import RateLimiter, RateRule

ROUND_TRIP: Final = 0.17  # seconds, as in the simulation of the tests
OPERATION: Final = "images.upload_via_url"


class Limit(NamedTuple):
    rule: RateRule
    rate: float
    """Requests per second that it accepts."""
    settled: int
    """Seconds at the start that are not counted."""
    end: int
    """Seconds."""
    goodput: float
    """Minimum share of the rate that must be accepted."""
    throttled: float
    """Maximum share of responses that may be 429."""


def bucket(rate: int, burst: int, *, hint: bool) -> SteadyRate:
    return SteadyRate(rate=rate, burst=burst, retry_after="seconds" if hint else None)


def window(limit: int, seconds: int, *, hint: bool) -> FixedWindow:
    return FixedWindow(limit=limit, seconds=seconds, retry_after="seconds" if hint else None)


LIMITS: Final = {
    "20/s": Limit(bucket(20, 20, hint=False), 20, 60, 120, 0.92, 0.01),
    "20/s, Retry-After": Limit(bucket(20, 20, hint=True), 20, 60, 120, 0.90, 0.005),
    "200/s": Limit(bucket(200, 50, hint=False), 200, 60, 120, 0.92, 0.01),
    "200/s, Retry-After": Limit(bucket(200, 50, hint=True), 200, 60, 120, 0.90, 0.005),
    "120 per 6 s": Limit(window(120, 6, hint=False), 20, 12, 132, 0.92, 0.04),
    "120 per 6 s, Retry-After": Limit(window(120, 6, hint=True), 20, 12, 132, 0.97, 0.02),
    "600 per 60 s": Limit(window(600, 60, hint=False), 10, 60, 660, 0.92, 0.04),
    "600 per 60 s, Retry-After": Limit(window(600, 60, hint=True), 10, 60, 660, 0.97, 0.02),
    "20 in flight": Limit(MaxInFlight(limit=20), 20 / ROUND_TRIP, 60, 120, 0.60, 0.005),
}
TOLERANCE: Final = 0.15
SHARED: Final = (0.005, 0.04)
"""Maximum share of 429s when processes share a limit per second, or a quota per window."""


class Limited(Connection):
    """A connection to a service that is slow and rejects requests over its limit."""

    limiter: RateLimiter
    began: float
    ok: Counter[int]
    """Accepted requests by the second of their response."""
    throttled: Counter[int]

    def _answer(self) -> None:
        asyncio.get_running_loop().call_later(ROUND_TRIP / 4, self._decide)

    def _decide(self) -> None:
        second = int(time.monotonic() - self.began)
        refusal = self.limiter.enter(OPERATION)
        if refusal is None:
            self.ok[second] += 1
            asyncio.get_running_loop().call_later(ROUND_TRIP * 3 / 4, self._accept)
            return
        self.throttled[second] += 1
        hint = b"" if refusal.retry_after is None else b"Retry-After: %b\r\n" % refusal.retry_after.encode()
        self._transport.write(b"HTTP/1.1 429 Too Many Requests\r\n%bContent-Length: 2\r\n\r\n{}" % hint)

    def _accept(self) -> None:
        self.limiter.leave(OPERATION)
        super()._answer()


async def serve(limit: str) -> None:
    """Serve until standard input ends, then report what was accepted and rejected in every second."""
    # Windows start with the job, so that every run measures the same.
    Limited.began = time.monotonic()
    Limited.limiter = RateLimiter({OPERATION: LIMITS[limit].rule}, lambda: time.monotonic() - Limited.began)
    Limited.ok, Limited.throttled = Counter(), Counter()
    server = await asyncio.get_running_loop().create_server(Limited, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()
    print(json.dumps([Limited.ok, Limited.throttled]))


class Seconds(NamedTuple):
    ok: Counter[int]
    throttled: Counter[int]

    def between(self, begin: int, end: int) -> tuple[int, int]:
        """Accepted and rejected requests."""
        seconds = range(begin, end)
        return sum(self.ok[second] for second in seconds), sum(self.throttled[second] for second in seconds)


@contextmanager
def limited_service(limit: str, seconds: list[Seconds]) -> Iterator[str]:
    """The base URL of a service in a process of its own; its counts are added to `seconds`."""
    command = [sys.executable, __file__, limit]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            counts = [Counter({int(at): n for at, n in one.items()}) for one in json.load(process.stdout)]
            seconds.append(Seconds(*counts))


async def run(base_url: str, processes: int, seconds: float) -> None:
    """Ingest URLs for this many seconds."""
    urls = (f"https://assets.example.com/{number}.jpg" for number in itertools.count())
    async with AsyncImgwireClient("sk_bench", base_url=base_url) as imgwire:
        with anyio.move_on_after(seconds):
            async with imgwire.ingest(urls, processes=processes, breaker=False) as job:
                async for _ in job:
                    pass


def pacing(
    limits: Annotated[list[str] | None, typer.Argument(help=f"Some of: {' · '.join(LIMITS)}.")] = None,
    processes: Annotated[list[int], typer.Option(help="How many processes share the limit.")] = [1, 4],  # noqa: B006
) -> None:
    """Jobs with `concurrency="auto"` against unknown limits: goodput and 429s. All of them take an hour.

    A line ends with "missed" where a figure is worse than the threshold by more than 15 %.
    """
    for name in limits or LIMITS:
        limit = LIMITS[name]
        for count in processes:
            counted: list[Seconds] = []
            with limited_service(name, counted) as base_url:
                asyncio.run(run(base_url, count, limit.end + 1))
            ok, throttled = counted[0].between(limit.settled, limit.end)
            goodput = ok / (limit.end - limit.settled) / limit.rate
            share = throttled / max(1, ok + throttled)
            most = limit.throttled if count == 1 else SHARED[isinstance(limit.rule, FixedWindow)]
            early_ok, early_throttled = counted[0].between(0, limit.settled)
            kept = goodput >= limit.goodput * (1 - TOLERANCE) and share <= most * (1 + TOLERANCE)
            print(
                f"{name:26} {count} processes  goodput {goodput:.3f} (≥ {limit.goodput:.2f})"
                f"  429 {share:.2%} (≤ {most:.1%})"
                f"  before {limit.settled} s: {early_ok / limit.settled / limit.rate:.2f},"
                f" {early_throttled / max(1, early_ok + early_throttled):.1%}"
                f"{'' if kept else '  missed'}",
                flush=True,
            )


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
