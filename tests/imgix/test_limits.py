"""The published limits: applied from the first request, shared, and never a wait of an hour."""

from __future__ import annotations

import math
import re
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import anyio
import pytest

from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.errors import (
    ConfigurationError,
    DeadlineExceededError,
    NotFoundError,
    RateLimitError,
)
from imgwire_async.imgix import AsyncImgixClient, Deployment, ImgixRateClass
from imgwire_async.imgix.service import IMGIX
from imgwire_async.sandbox import ImgixSandbox
from imgwire_async.sandbox.imgix.operations import published_limits
from imgwire_async.sandbox.server.requests.rate_limits import RateLimiter
from tests.core.virtual_time import VirtualTime
from tests.imgix.scripted import SOURCE, Script, asset, resource

DEPLOYMENT: Final = Deployment(type="webfolder", imgix_subdomains=["a"], webfolder_base_url="https://o/")


def new_key() -> str:
    """A new key, because all processes of this machine share the limits of a key."""
    return f"ak_{secrets.token_hex(8)}"


@pytest.mark.parametrize("algorithm", ["bucket", "window"])
async def test_two_clients_with_one_key_never_exceed_the_limits(algorithm: str) -> None:
    with ImgixSandbox(limits="published", limit_algorithm=algorithm) as server:  # type: ignore[arg-type]
        async with (
            AsyncImgixClient(server.api_key, base_url=server.base_url) as one,
            AsyncImgixClient(server.api_key, base_url=server.base_url) as other,
        ):

            async def read(client: AsyncImgixClient) -> None:
                with pytest.raises(NotFoundError):
                    await client.assets.retrieve(SOURCE, "missing.jpg")

            async with anyio.create_task_group() as tasks:
                for client in (one, other):
                    for _ in range(12):
                        tasks.start_soon(read, client)

            retries = one.stats().retries + other.stats().retries
            assert one.stats().attempts + other.stats().attempts == 24 + retries
            # Requests may arrive closer together than they were sent; without a common limit ten would.
            assert retries <= 2


@pytest.mark.parametrize(
    ("rate_class", "published", "seconds"),
    [
        ("default", 4, 1),
        ("get_asset", 10, 1),
        ("refresh_asset", 10, 60),
        ("create_source", 60, 3600),
        ("update_source", 60, 3600),
        ("upload", 2, 1),
        ("purge", 10, 1),
    ],
)
def test_no_time_window_has_more_requests_than_published(
    rate_class: str, published: int, seconds: int
) -> None:
    limit = IMGIX.rate_classes[rate_class]

    assert limit is not None
    most = limit.burst + int(limit.rate * seconds)
    assert most <= published
    assert limit.burst + limit.rate * seconds > 0.95 * published


async def test_a_wait_of_an_hour_is_an_error_that_says_when_the_call_could_go(script: Script) -> None:
    script.on("POST /api/v1/sources", resource("sources", SOURCE))
    limits = {ImgixRateClass.CREATE_SOURCE: RateLimit(1 / 3600)}

    async with AsyncImgixClient(new_key(), base_url=script.base_url, rate_limits=limits) as imgix:
        await imgix.sources.create(name="a", deployment=DEPLOYMENT)
        with pytest.raises(RateLimitError, match="rate limit of 'create_source'") as caught:
            await imgix.sources.create(name="a", deployment=DEPLOYMENT)

    assert caught.value.retry_after == pytest.approx(3600, abs=60)
    named = re.search(r"at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", str(caught.value))
    assert named is not None
    instant = datetime.fromisoformat(named[1]).replace(tzinfo=UTC)
    assert instant - datetime.now(UTC) == pytest.approx(timedelta(hours=1), abs=timedelta(minutes=1))
    assert len(script.seen) == 1


CALLS: dict[ImgixRateClass, Callable[[AsyncImgixClient], Awaitable[object]]] = {
    ImgixRateClass.DEFAULT: lambda imgix: imgix.sources.list(),
    ImgixRateClass.GET_ASSET: lambda imgix: imgix.assets.retrieve(SOURCE, "a.jpg"),
    ImgixRateClass.REFRESH_ASSET: lambda imgix: imgix.assets.refresh(SOURCE, "a.jpg"),
    ImgixRateClass.CREATE_SOURCE: lambda imgix: imgix.sources.create(name="a", deployment=DEPLOYMENT),
    ImgixRateClass.UPDATE_SOURCE: lambda imgix: imgix.sources.disable(SOURCE),
    ImgixRateClass.UPLOAD: lambda imgix: imgix.assets.upload(SOURCE, "a.jpg", b"bytes"),
    ImgixRateClass.PURGE: lambda imgix: imgix.purge("https://shop.imgix.net/a.jpg"),
}


@pytest.mark.parametrize("rate_class", CALLS)
async def test_no_call_of_any_class_waits_longer_than_max_wait(
    script: Script, rate_class: ImgixRateClass
) -> None:
    for method, path, document in (
        ("GET", "sources", {"data": []}),
        ("GET", f"sources/{SOURCE}/assets/a.jpg", asset("a.jpg")),
        ("POST", f"sources/{SOURCE}/assets/refresh/a.jpg", asset("a.jpg")),
        ("POST", "sources", resource("sources", SOURCE)),
        ("PATCH", f"sources/{SOURCE}", resource("sources", SOURCE)),
        ("POST", f"sources/{SOURCE}/upload/a.jpg", asset("a.jpg")),
        ("POST", "purge", resource("purges", "p")),
    ):
        script.on(f"{method} /api/v1/{path}", document)
    limits = {rate_class: RateLimit(1 / 60)}

    async with AsyncImgixClient(new_key(), base_url=script.base_url, rate_limits=limits) as imgix:
        await CALLS[rate_class](imgix)
        with pytest.raises(RateLimitError, match=f"rate limit of '{rate_class}'.*longer than max_wait"):
            await CALLS[rate_class](imgix.with_options(max_wait=0.1))
        with pytest.raises(DeadlineExceededError):
            await CALLS[rate_class](imgix.with_options(deadline=0.05))
    assert len(script.seen) == 1


@pytest.mark.parametrize("max_wait", [-1, math.nan, "1", None])
def test_max_wait_is_a_number_of_seconds(max_wait: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_wait must be a number of seconds"):
        AsyncImgixClient("ak_test", max_wait=max_wait)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_three_thousand_reads_take_the_allowed_rate(backend: str) -> None:
    time, limit = VirtualTime(), IMGIX.rate_classes[ImgixRateClass.GET_ASSET]
    assert limit is not None
    gate = Gate(100, rate_limits={"get_asset": limit}, time=time)
    server = RateLimiter(published_limits(windows=True, retry_after=False), time.monotonic)
    rejected = 0

    async def read() -> None:
        nonlocal rejected
        for _ in range(60):
            async with gate.admit("get_asset"):
                rejected += server.enter("get_asset") is not None
                server.leave("get_asset")
                await time.sleep(0.05)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(read)

    time.run(main, backend=backend)

    assert rejected == 0
    assert 3000 / time.monotonic() > 0.95 * 10


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["bucket", "window"])
async def test_three_thousand_reads_take_the_allowed_rate_in_real_time(
    algorithm: Literal["bucket", "window"],
) -> None:
    with ImgixSandbox(limits="published", limit_algorithm=algorithm) as server:
        source = server.add_source("shop")
        server.add_file(source, "/a.txt", b"text")
        async with AsyncImgixClient(server.api_key, base_url=server.base_url) as imgix:

            async def read() -> None:
                for _ in range(60):
                    await imgix.assets.retrieve(source, "a.txt")

            started = anyio.current_time()
            async with anyio.create_task_group() as tasks:
                for _ in range(50):
                    tasks.start_soon(read)
            seconds = anyio.current_time() - started
        statuses = Counter(request.status for request in server.requests.of("assets.retrieve"))

    assert statuses[200] == 3000
    assert statuses.total() - 3000 == statuses[429] <= 30  # arrived closer together than they were sent
    assert 3000 / seconds > 0.95 * 10
