"""Ten thousand calls against a service that fails one in five requests: nothing is lost or stored twice."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from uuid import UUID

import anyio
import pytest
import pyvips

from imgwire_async import APIConnectionError, AsyncImgwireClient, Image, ImgwireError, NotFoundError, Timeouts
from imgwire_async.core.clients.client import keep_time
from imgwire_async.sandbox import Fault, Sandbox
from imgwire_async.testing.clock import VirtualClock

FAULTS = (
    Fault(status=429),
    Fault(status=429, retry_after=1),
    Fault(status=500),
    Fault(status=502, body="<html>Bad Gateway</html>"),
    Fault(status=503, retry_after=0.5),
    Fault(reset="before"),
    Fault(reset="after"),
    Fault(stall=1.0),
    Fault(truncate=True),
)


@dataclass
class Ledger:
    """The results that the client has seen."""

    uploads: dict[str, bytes] = field(default_factory=dict)
    """Content to be stored, by idempotency key."""
    stored: dict[str, Image] = field(default_factory=dict)
    """Records of the uploads that succeeded, by idempotency key."""
    deleted: set[UUID] = field(default_factory=set)
    """Images whose deletion was confirmed."""
    deletion_unclear: set[UUID] = field(default_factory=set)
    origins: int = 0
    origins_unclear: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    exposed: int = 0
    """Calls that failed although a retry would have been safe."""
    attempts_of_failed: list[int] = field(default_factory=list)


@pytest.fixture
async def chaos() -> AsyncIterator[Sandbox]:
    async with Sandbox(client_maximum_pending_uploads=None) as sandbox:
        yield sandbox


def impatient_client(sandbox: Sandbox, max_retries: int = 6, read: float = 0.5) -> AsyncImgwireClient:
    """A client with short waits between attempts."""

    client = AsyncImgwireClient(
        api_key=sandbox.server_key,
        base_url=sandbox.base_url,
        timeout=Timeouts(connect=5, read=read, write=5),
        max_retries=max_retries,
        concurrency=48,
    )
    keep_time(client, VirtualClock())
    return client


def small_image(number: int) -> bytes:
    """A PNG with different content for each number."""
    pixels = hashlib.sha256(str(number).encode()).digest() * 6
    return bytes(pyvips.Image.new_from_memory(pixels, 8, 8, 3, "uchar").write_to_buffer(".png"))


@pytest.mark.measures_time
@pytest.mark.parametrize("calls", [3_000, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_calls_against_a_failing_service_end_exactly_once(chaos: Sandbox, calls: int) -> None:
    chaos.faults.random(0.2, seed=7, faults=FAULTS)
    ledger = Ledger()
    work = iter(
        random.Random(7).choices(
            ("upload", "retrieve", "list", "delete", "origin"), weights=(25, 40, 10, 15, 10), k=calls
        )
    )

    async with impatient_client(chaos) as imgwire:
        async with anyio.create_task_group() as workers:
            for number in range(32):
                workers.start_soon(worker, imgwire, ledger, work, random.Random(number))
        attempts = imgwire.stats()
        chaos.faults.clear()

        # Every call has ended, and nothing is left behind in the client.
        assert sum(ledger.ended.values()) == calls
        assert (attempts.in_flight, attempts.waiting) == (0, 0)
        assert ledger.attempts_of_failed
        assert all(made >= 1 for made in ledger.attempts_of_failed)
        # Retries hide the failures, except for POSTs without a key and repeated deletions.
        assert attempts.retries > calls / 10
        assert ledger.exposed < calls / 1000

        on_server = [image async for image in imgwire.images.list(limit=100)]
        origins = [origin async for origin in imgwire.cors_origins.list(limit=100)]
    by_key = Counter(image.idempotency_key for image in on_server)
    live = {image.id for image in on_server}

    # Nothing twice: no key has two records, and no record has a key that was never used.
    assert max(by_key.values()) == 1
    assert set(by_key) <= set(ledger.uploads)
    # Nothing lost: what was confirmed is there, what was deleted is not.
    confirmed = {image.id for image in ledger.stored.values()}
    assert confirmed - ledger.deleted - ledger.deletion_unclear <= live
    assert ledger.deleted
    assert not ledger.deleted & live
    # The error of a failed POST without a key says that the request may have taken effect.
    assert ledger.origins <= len(origins) <= ledger.origins + ledger.origins_unclear


async def test_images_stored_through_failures_have_the_bytes_that_were_sent(chaos: Sandbox) -> None:
    chaos.faults.random(0.3, seed=11, faults=(*FAULTS, Fault(disconnect_after=40), Fault(status=503)))
    contents = {f"key-{number}": small_image(number) for number in range(200)}
    # Enough retries that none of the 600 calls is likely to fail every time.
    # A busy machine takes longer than 0.5 s for many concurrent calls, which would use up the retry budget.
    async with impatient_client(chaos, max_retries=20, read=30) as imgwire:

        async def upload(key: str, content: bytes) -> None:
            image = await imgwire.images.upload(content, idempotency_key=key, file_name=f"{key}.png")
            ready = await imgwire.images.wait_until_ready(image.id, timeout=24 * 3600)  # in accelerated time
            assert ready.hash_sha256 == hashlib.sha256(content).hexdigest()
            assert ready.size_bytes == len(content)

        async with anyio.create_task_group() as uploads:
            for key, content in contents.items():
                uploads.start_soon(upload, key, content)


async def worker(
    imgwire: AsyncImgwireClient, ledger: Ledger, work: Iterator[str], chance: random.Random
) -> None:
    for kind in work:
        try:
            await call(kind, imgwire, ledger, chance)
        except ImgwireError as error:
            ledger.ended[type(error).__name__] += 1
            ledger.exposed += kind != "origin" and not isinstance(error, NotFoundError)
            ledger.attempts_of_failed.append(error.attempts)
        else:
            ledger.ended["success"] += 1


async def call(kind: str, imgwire: AsyncImgwireClient, ledger: Ledger, chance: random.Random) -> None:
    known = [image.id for image in ledger.stored.values() if image.id not in ledger.deleted]
    match kind:
        case "retrieve" if known:
            image_id = chance.choice(known)
            if image_id not in ledger.deletion_unclear:
                assert (await imgwire.images.retrieve(image_id)).id == image_id
        case "delete" if known:
            image_id = chance.choice(known)
            ledger.deletion_unclear.add(image_id)
            await imgwire.images.delete(image_id)
            ledger.deletion_unclear.discard(image_id)
            ledger.deleted.add(image_id)
        case "list":
            await imgwire.images.list(limit=5)
        case "origin":
            try:
                await imgwire.cors_origins.create(f"host-{chance.getrandbits(64):x}.example.com")
            except ImgwireError as error:
                ledger.origins_unclear += not isinstance(error, APIConnectionError) or error.may_have_acted
                raise
            ledger.origins += 1
        case _:
            number = len(ledger.uploads)
            key, content = f"upload-{number}", small_image(number)
            ledger.uploads[key] = content
            ledger.stored[key] = await imgwire.images.upload(content, idempotency_key=key, file_name="x.png")
