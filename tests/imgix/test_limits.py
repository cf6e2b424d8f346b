"""The published limits: kept from the first request on, shared, and never a wait of an hour."""

from __future__ import annotations

import anyio
import pytest

from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.errors import NotFoundError, RateLimitError
from imgwire_async.imgix import AsyncImgixClient, Deployment, ImgixRateClass
from imgwire_async.imgix.service import IMGIX
from imgwire_async.sandbox import ImgixSandbox
from tests.imgix.scripted import SOURCE, Script, resource


@pytest.mark.parametrize("algorithm", ["bucket", "window"])
async def test_two_clients_of_one_key_are_never_told_to_slow_down(algorithm: str) -> None:
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

            assert one.stats().attempts + other.stats().attempts == 24
            assert one.stats().retries == other.stats().retries == 0


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
def test_no_span_holds_more_requests_than_published(rate_class: str, published: int, seconds: int) -> None:
    limit = IMGIX.rate_classes[rate_class]

    assert limit is not None
    most = limit.burst + int(limit.rate * seconds)
    assert most <= published
    assert limit.burst + limit.rate * seconds > 0.95 * published


async def test_a_wait_of_an_hour_is_an_error_that_says_how_long(script: Script) -> None:
    script.on("POST /api/v1/sources", resource("sources", SOURCE))
    deployment = Deployment(type="webfolder", imgix_subdomains=["a"], webfolder_base_url="https://o/")
    limits = {ImgixRateClass.CREATE_SOURCE: RateLimit(1 / 3600)}

    async with AsyncImgixClient("ak_hour", base_url=script.base_url, rate_limits=limits) as imgix:
        await imgix.sources.create(name="a", deployment=deployment)
        with pytest.raises(RateLimitError, match="rate limit of 'create_source'") as caught:
            await imgix.sources.create(name="a", deployment=deployment)

    assert caught.value.retry_after == pytest.approx(3600, abs=60)
    assert len(script.seen) == 1
