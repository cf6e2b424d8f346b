"""Configured limits apply to a job and the other calls of its client together."""

from __future__ import annotations

from typing import Literal

import pytest

from imgwire_async import AsyncImgwireClient, RateClass, RateLimit
from imgwire_async.core.clients.client import core_of
from imgwire_async.ingest.shards.sending import with_pace_of_its_own


@pytest.mark.parametrize("concurrency", [100, "auto"])
async def test_a_job_draws_on_the_rate_limits_of_its_client(
    concurrency: int | Literal["auto"],
) -> None:
    limits = {RateClass.CREATE: RateLimit(20, burst=5)}
    async with AsyncImgwireClient(
        "sk_test",
        base_url="http://127.0.0.1:1",
        concurrency=concurrency,
        rate_limits=limits,
    ) as imgwire:
        core = core_of(imgwire)
        job = with_pace_of_its_own(core, {})
        bucket = core.shared.gate.bucket(RateClass.CREATE)

        assert bucket is not None
        assert job.shared.gate.bucket(RateClass.CREATE) is bucket
        assert job.shared.gate.bucket(RateClass.READ) is None


async def test_clients_do_not_share_limits_stated_by_their_user() -> None:
    limits = {RateClass.CREATE: RateLimit(20, burst=5)}
    async with (
        AsyncImgwireClient("sk_test", base_url="http://127.0.0.1:1", rate_limits=limits) as one,
        AsyncImgwireClient("sk_test", base_url="http://127.0.0.1:1", rate_limits=limits) as other,
    ):
        gates = [core_of(client).shared.gate for client in (one, other)]
        assert gates[0].bucket(RateClass.CREATE) is not gates[1].bucket(RateClass.CREATE)
