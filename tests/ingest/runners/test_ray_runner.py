"""Errors and warnings before a job starts on a Ray cluster. No test here needs Ray."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest

from imgwire_async import (
    AsyncImgwireClient,
    ConfigurationError,
    Folder,
    IngestItem,
    InvalidArgumentError,
    Manifest,
    RayRunner,
)
from imgwire_async.imgix.client import AsyncImgixClient
from imgwire_async.ingest.runners import ray_runner
from imgwire_async.ingest.runners.ray_runner import (
    SHARD_BYTES,
    Carried,
    check_reachable,
    say_if_by_url,
    say_if_slow,
)
from imgwire_async.ingest.shards.cutting import Cutter
from imgwire_async.ingest.shards.preparing import Task
from imgwire_async.migrate import migrate_from_imgix
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of

URL = "https://example.com/a.png"


@pytest.fixture
def with_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    monkeypatch.setattr(ray_runner, "find_spec", lambda _: None)


def test_an_address_without_a_listener_is_rejected_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        for one in ("", "auto", address, f"ray://{address}"):
            check_reachable(one)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        for one in (address, f"ray://{address}"):
            with pytest.raises(ConfigurationError, match=r"nothing listens at .*RAY_ADDRESS"):
                check_reachable(one)


async def test_a_ray_that_cannot_be_imported_counts_as_missing(
    client: AsyncImgwireClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'imgwire-async\[ray\]'"):
        client.ingest([URL], runner="ray")


@pytest.mark.usefixtures("without_ray")
@pytest.mark.parametrize("runner", ["ray", RayRunner(workers=2)])
async def test_without_ray_the_message_names_the_extra(client: AsyncImgwireClient, runner: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"pip install 'imgwire-async\[ray\]'"):
        client.ingest([URL], runner=runner)
    async with AsyncImgixClient("key") as imgix:
        with pytest.raises(ConfigurationError, match=r"pip install 'imgwire-async\[ray\]'"):
            migrate_from_imgix(imgix, client, runner=runner)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"runner": "spark"}, 'runner must be "ray", a RayRunner or None'),
        ({"runner": "ray", "processes": 2}, "cannot be combined"),
        ({"runner": RayRunner(workers=9), "concurrency": 8}, "at least the number of"),
    ],
)
async def test_an_invalid_choice_of_runner_is_rejected(
    client: AsyncImgwireClient, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        client.ingest([URL], **arguments)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"workers": 0}, "workers must be"),
        ({"workers": 1.5}, "workers must be"),
        ({"num_cpus": -1}, "num_cpus must be"),
        ({"num_cpus": float("nan")}, "num_cpus must be"),
        ({"resources": {"gpu": "x"}}, "resources must map"),
        ({"resources": ["gpu"]}, "resources must map"),
    ],
)
def test_a_runner_checks_its_values(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        RayRunner(**arguments)


def test_on_trio_the_error_says_why(sandbox: Sandbox) -> None:
    async def run() -> None:
        async with client_of(sandbox) as client:
            with pytest.raises(ConfigurationError, match="needs an asyncio event loop"):
                client.ingest([URL], runner="ray")

    anyio.run(run, backend="trio")


@pytest.mark.usefixtures("with_ray")
@pytest.mark.parametrize("source", [
    "photos", "photos/a.png", Path("photos"), Folder("photos"), ["photos/a.png"], [URL, IngestItem("/a.png")],
], ids=str)  # fmt: skip
async def test_local_paths_are_rejected_unless_they_are_shared(
    client: AsyncImgwireClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    with pytest.raises(ConfigurationError, match=r"is on the disk of the machine .*shared_paths=True"):
        client.ingest(source, runner="ray")
    client.ingest(source, runner="ray", shared_paths=True)


@pytest.mark.usefixtures("with_ray")
@pytest.mark.parametrize("source", [
    URL, "-", "list.csv", Manifest("list.csv"), [URL, IngestItem(b"", "a"), "s3://b/a.png"], iter(["a.png"]),
], ids=lambda source: type(source).__name__)  # fmt: skip
async def test_sources_that_can_be_sent_are_accepted(client: AsyncImgwireClient, source: Any) -> None:
    client.ingest(source, runner="ray")


def test_a_path_among_items_fails_alone_and_a_shared_one_becomes_absolute() -> None:
    remote = Carried(shared_paths=False, relays_urls=False)
    shared = Carried(shared_paths=True, relays_urls=False)
    sources: tuple[str | bytes, ...] = (URL, "gs://bucket/a.png", b"bytes")
    for source in sources:
        assert remote(IngestItem(source, "a")).source == shared(IngestItem(source, "a")).source == source
    for path in ("a.png", "/data/a.png", Path("a.png"), "file:///data/a.png"):
        with pytest.raises(InvalidArgumentError, match="shared_paths=True"):
            remote(IngestItem(path))
    assert shared(IngestItem("a.png")).source == str(Path("a.png").absolute())


def test_a_cluster_that_does_not_help_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(ray_runner, "say_once", said.append)
    say_if_by_url("bytes")
    say_if_slow([])
    say_if_slow([1_000.0, 5_000.0])
    relayed = Carried(shared_paths=False, relays_urls=True)
    mixed = Carried(shared_paths=False, relays_urls=False)
    mixed(IngestItem(b"", "a"))
    for _ in range(200):
        relayed(IngestItem(URL))
        mixed(IngestItem(URL))
    assert said == []
    say_if_by_url("url")
    assert 'transfer="url"' in said.pop()
    say_if_slow([5_000.0, 40.0])
    urls = Carried(shared_paths=False, relays_urls=False)
    for _ in range(200):
        urls(IngestItem(URL))
    assert [("40 requests a second" in one, "URLs" in one) for one in said] == [(True, False), (False, True)]


def test_items_of_bytes_share_a_frame_only_within_its_bound() -> None:
    sizes = [SHARD_BYTES // 2, SHARD_BYTES // 2, 1, 3 * SHARD_BYTES, 5, 5]
    tasks = [Task(str(n), IngestItem(bytes(size), str(n)), None, False, None) for n, size in enumerate(sizes)]
    shards = [[len(task.item.source) for task in shard.tasks] for shard in Cutter(1, SHARD_BYTES).cut(tasks)]  # type: ignore[arg-type]
    assert shards == [sizes[:2], [1], [3 * SHARD_BYTES], [5, 5]]
