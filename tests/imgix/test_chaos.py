"""Mixed calls against a failing imgix that enforces its limits: each ends once, and both sides agree."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import anyio
import pytest

from imgwire_async.core.clients.client import core_of
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.core.retry import RetryBudget
from imgwire_async.errors import ImgwireError
from imgwire_async.imgix import AsyncImgixClient, Deployment, ImgixRateClass
from imgwire_async.imgix.service import IMGIX
from imgwire_async.sandbox import Fault, ImgixSandbox, SteadyRate
from imgwire_async.sandbox.imgix.operations import published_limits
from tests.clients import ShortWaits

FASTER = 100.0
"""All limits are this many times the published ones, and waits between attempts are as many times shorter."""

FAULTS = (
    Fault(status=500),
    Fault(status=502, body="<html>Bad Gateway</html>"),
    Fault(status=503, retry_after=0.02),
    Fault(reset="before"),
    Fault(reset="after"),
    Fault(truncate=True),
)


def server_limits(faster: float = FASTER) -> dict[str, SteadyRate]:
    """The published limits, raised; limits per hour or minute more than the others."""
    limits = {}
    for name, limit in published_limits(windows=False, retry_after=False).items():
        assert isinstance(limit, SteadyRate)
        more = faster * (60 if name in {"create_source", "update_source", "refresh_asset"} else 1)
        limits[name] = SteadyRate(rate=limit.rate * more, burst=limit.burst * int(faster), retry_after=None)
    return limits


def client_limits(faster: float = FASTER) -> dict[ImgixRateClass, RateLimit]:
    """The limits that the client applies, raised like those of the server."""
    limits = {}
    for name, limit in IMGIX.rate_classes.items():
        if limit is not None:
            more = faster * (60 if name in {"create_source", "update_source", "refresh_asset"} else 1)
            limits[ImgixRateClass(name)] = RateLimit(limit.rate * more, burst=limit.burst)
    return limits


@dataclass
class Ledger:
    """The results that the client has seen."""

    ended: Counter[str] = field(default_factory=Counter)
    created: set[str] = field(default_factory=set)
    creation_unclear: int = 0
    uploaded: dict[str, int] = field(default_factory=dict)
    """Sizes of the uploads that succeeded, by path."""
    upload_unclear: set[str] = field(default_factory=set)
    described: dict[str, str] = field(default_factory=dict)


class Worker:
    """Makes calls of every kind, one after another."""

    def __init__(self, imgix: AsyncImgixClient, source: str, ledger: Ledger, seed: int) -> None:
        self.imgix, self.source, self.ledger, self.seed = imgix, source, ledger, seed
        self.random = random.Random(seed)
        self.number = 0
        self.mine: list[str] = []
        self.session: str | None = None
        calls: list[tuple[int, Callable[[], Awaitable[object]]]] = [
            (8, self.create),
            (6, lambda: imgix.sources.update(source, name="Shop")),
            (8, lambda: imgix.sources.list(limit=20)),
            (6, lambda: imgix.sources.retrieve(source)),
            (14, self.upload),
            (6, lambda: imgix.assets.list(source, limit=20)),
            (20, lambda: imgix.assets.retrieve(source, "seed.txt")),
            (8, self.describe),
            (4, lambda: imgix.assets.add(source, "seed.txt")),
            (4, lambda: imgix.assets.refresh(source, "seed.txt")),
            (4, self.open_session),
            (3, self.end_session),
            (12, lambda: imgix.purge(f"https://shop.imgix.net/{self.random.randrange(1000)}.txt")),
            (3, lambda: imgix.publish("https://shop.imgix.net/seed.txt", source=source)),
            (3, lambda: imgix.reports.list()),
        ]
        self.weights, self.calls = zip(*calls, strict=True)

    async def make(self, count: int) -> None:
        for _ in range(count):
            (call,) = self.random.choices(self.calls, self.weights)
            try:
                await call()
            except ImgwireError as error:
                self.ledger.ended[type(error).__name__] += 1
            else:
                self.ledger.ended["done"] += 1

    async def create(self) -> None:
        self.number += 1
        label = f"s{self.seed}-{self.number}"
        deployment = Deployment(
            type="webfolder", imgix_subdomains=[label], webfolder_base_url="https://origin.example/"
        )
        try:
            made = await self.imgix.sources.create(name=label, deployment=deployment)
        except ImgwireError:
            self.ledger.creation_unclear += 1
            raise
        assert made.name == label
        assert made.id not in self.ledger.created
        self.ledger.created.add(made.id)

    async def upload(self) -> None:
        self.number += 1
        path, size = f"w{self.seed}/{self.number}.txt", 1 + self.random.randrange(2000)
        try:
            await self.imgix.assets.upload(self.source, path, b"x" * size)
        except ImgwireError:
            self.ledger.upload_unclear.add(path)
            raise
        self.ledger.uploaded[path] = size
        self.mine.append(path)

    async def describe(self) -> None:
        if not self.mine:
            return
        path, self.number = self.random.choice(self.mine), self.number + 1
        self.ledger.described.pop(path, None)
        await self.imgix.assets.update(self.source, path, description=str(self.number))
        self.ledger.described[path] = str(self.number)

    async def open_session(self) -> None:
        self.session = (await self.imgix.upload_sessions.create(self.source, f"l{self.seed}.bin")).id

    async def end_session(self) -> None:
        if self.session is not None:
            await self.imgix.upload_sessions.status(self.source, self.session)
            await self.imgix.upload_sessions.cancel(self.source, self.session)
            self.session = None


@pytest.fixture
async def server() -> AsyncIterator[ImgixSandbox]:
    async with ImgixSandbox(
        rate_limits=server_limits(), journal_size=1_000_000, indexing_delay=0, deployment_delay=0
    ) as server:
        yield server


async def put_to_work(server: ImgixSandbox, count: int) -> None:
    source = server.add_source("shop")
    server.add_file(source, "/seed.txt", b"seed")
    server.faults.random(0.2, seed=7, faults=FAULTS)
    ledger = Ledger()

    async with AsyncImgixClient(
        server.api_key, base_url=server.base_url, rate_limits=client_limits(), max_retries=6, concurrency=32
    ) as imgix:
        core_of(imgix).shared.time = quick = ShortWaits(FASTER)
        core_of(imgix).shared.budget = RetryBudget(lambda: quick.monotonic() * FASTER)
        workers = [Worker(imgix, source, ledger, seed) for seed in range(20)]
        async with anyio.create_task_group() as tasks:
            for worker in workers:
                tasks.start_soon(worker.make, count // 20)
        stats = imgix.stats()
        server.faults.clear()
        received = Counter(request.status for request in server.requests)

        # Every call ended, and nothing is left behind. Both sides count the same requests, and none was rate
        # limited.
        assert sum(ledger.ended.values()) == count
        assert (stats.in_flight, stats.waiting) == (0, 0)
        assert stats.retries > count / 20
        assert received.total() == stats.attempts
        assert received[429] == 0
        assert ledger.ended["done"] > 0.98 * count, ledger.ended
        # Nothing twice and nothing lost.
        made = [one.id async for one in imgix.sources.list(limit=100) if one.id != source]
        assert len(made) == len(set(made))
        assert ledger.created <= set(made)
        assert len(made) <= len(ledger.created) + ledger.creation_unclear
        stored = {str(one.origin_path)[1:]: one async for one in imgix.assets.list(source, limit=100)}
    assert {path: stored[path].file_size for path in ledger.uploaded} == ledger.uploaded
    assert set(stored) - set(ledger.uploaded) - {"seed.txt"} <= ledger.upload_unclear
    assert {path: stored[path].description for path in ledger.described} == ledger.described


async def test_mixed_calls_against_a_failing_service_end_exactly_once(server: ImgixSandbox) -> None:
    await put_to_work(server, 300)


@pytest.mark.slow
async def test_ten_thousand_mixed_calls_against_a_failing_service_end_exactly_once(
    server: ImgixSandbox,
) -> None:
    await put_to_work(server, 10_000)


CALLER = """
import random, sys
import anyio
from imgwire_async.core.clients.client import core_of
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.errors import NotFoundError
from imgwire_async.imgix import AsyncImgixClient
from imgwire_async.imgix.service import IMGIX

async def main():
    key, base_url, faster, count = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    limits = {name: RateLimit(limit.rate * faster) for name, limit in IMGIX.rate_classes.items() if limit}

    async def work():
        for _ in range(count // 8):
            match random.randrange(3):
                case 0:
                    await imgix.sources.list(limit=1)
                case 1:
                    try:
                        await imgix.assets.retrieve("5f73d9798d5327eb5194d54a", "a.jpg")
                    except NotFoundError:
                        pass
                case _:
                    await imgix.purge("https://shop.imgix.net/a.jpg")

    async with AsyncImgixClient(key, base_url=base_url, rate_limits=limits) as imgix:
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(work)

anyio.run(main)
"""


@pytest.mark.slow
def test_four_processes_with_one_key_share_its_limits() -> None:
    # The fast variant is test_several_processes_send_no_faster_than_one, which tests the gate.
    count = 9_984
    with ImgixSandbox(rate_limits=server_limits(20), journal_size=1_000_000) as server:
        server.add_source("shop")
        arguments = [server.api_key, server.base_url, "20", str(count // 4)]
        processes = [subprocess.Popen([sys.executable, "-c", CALLER, *arguments]) for _ in range(4)]

        assert [process.wait() for process in processes] == [0] * 4
        statuses = Counter(request.status for request in server.requests)

    assert statuses.total() == count + statuses[429]
    assert statuses[429] <= 0.005 * count
