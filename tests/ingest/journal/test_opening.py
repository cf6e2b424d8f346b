"""A job cancelled while a thread opens its journal: the journal is closed once the thread is done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgwire_async import AsyncImgwireClient
from imgwire_async.imgwire.export import job as export_job
from imgwire_async.ingest import parts
from imgwire_async.ingest.journal.database import Journal


class Held:
    """Blocks the calling thread at the end of a function until the test lets it return."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.called = asyncio.Event()
        self.may_return = threading.Event()
        self._function = function
        self._loop = asyncio.get_running_loop()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        result = self._function(*arguments, **options)
        self._loop.call_soon_threadsafe(self.called.set)
        assert self.may_return.wait(60)
        return result


@pytest.mark.parametrize(
    ("kind", "module", "step"),
    [
        ("ingest", parts, "Journal"),
        ("ingest", parts, "bind"),
        ("export", parts, "Journal"),
        ("export", export_job, "NameRegister"),
    ],
)
async def test_a_job_that_asyncio_cancels_while_it_starts_releases_the_journal(
    client: AsyncImgwireClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    module: Any,
    step: str,
) -> None:
    held = Held(getattr(module, step))
    monkeypatch.setattr(module, step, held)

    async def run() -> None:
        journal = tmp_path / "j"
        job = (
            client.ingest([], journal=journal)
            if kind == "ingest"
            else client.export(tmp_path / "out", journal=journal)
        )
        async with job:
            raise AssertionError("the job has started")

    task = asyncio.create_task(run())
    await held.called.wait()
    task.cancel()
    # A cancelled task either ends at once or waits for its thread.
    asyncio.get_running_loop().call_soon(held.may_return.set)
    with pytest.raises(asyncio.CancelledError):
        await task

    with Journal(tmp_path / "j") as journal:
        assert journal.count() == {}


async def test_a_job_that_asyncio_cancels_while_it_joins_a_cluster_leaves_it(
    client: AsyncImgwireClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []

    class Cluster:
        def __init__(self, *_: object) -> None:
            self.join = held

        def leave(self) -> None:
            happened.append("left")

    held = Held(lambda: happened.append("joined"))
    monkeypatch.setattr("imgwire_async.ingest.runners.ray_link.RayCluster", Cluster)
    # The extra need not be installed.
    monkeypatch.setattr("imgwire_async.ingest.runners.ray_runner.check_installed", lambda: None)

    async def run() -> None:
        async with client.ingest([], journal=tmp_path / "j", runner="ray"):
            raise AssertionError("the job has started")

    task = asyncio.create_task(run())
    async with asyncio.timeout(30):  # so that a failure does not hang the test
        await held.called.wait()
    task.cancel()
    asyncio.get_running_loop().call_soon(held.may_return.set)
    with pytest.raises(asyncio.CancelledError):
        await task

    assert happened == ["joined", "left"]
