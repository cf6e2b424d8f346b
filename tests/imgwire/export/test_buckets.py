"""Exports into a bucket: objects appear complete, overwrite nothing by default, and can be ingested again."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from imgwire_async import (
    AsyncImgwireClient,
    DownloadTargetError,
    IngestStoppedError,
    InvalidArgumentError,
    Stored,
)
from imgwire_async.downloads import spool
from imgwire_async.sandbox import Sandbox
from imgwire_async.sandbox.server.requests.faults import Fault
from tests.clients import client_of
from tests.imgwire.export.support import export, facts, files_below, stored_images
from tests.ingest.support import counts, ingest
from tests.stores.s3_server import Failure, Request, S3Server, s3_server


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Server]:
    monkeypatch.setenv("HOME", str(tmp_path))
    with s3_server() as server:
        yield server


async def to_bucket(client: AsyncImgwireClient, s3: S3Server, key: str = "", **arguments: Any) -> Any:
    return await export(client, f"s3://photos/{key}", store_options=s3.options, **arguments)


def manifest(s3: S3Server, key: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in s3.objects[key].splitlines()]


@pytest.mark.parametrize("in_memory", [spool.IN_MEMORY, 100], ids=["small", "through a file"])
async def test_every_original_becomes_an_object(
    client: AsyncImgwireClient,
    s3: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_memory: int,
) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", in_memory)
    images = {str(image.id): image for image in await stored_images(client, 9)}

    outcomes, report = await to_bucket(client, s3, "backup", journal=tmp_path / "journal")

    assert counts(report) == (9, 0, 0, 0)
    rows = manifest(s3, "backup/manifest.jsonl")
    assert set(s3.objects) == {f"backup/{row['source']}" for row in rows} | {"backup/manifest.jsonl"}
    assert {row["key"] for row in rows} == images.keys()
    for row in rows:
        assert len(s3.objects[f"backup/{row['source']}"]) == images[row["key"]].size_bytes
    types = {put.key: put.headers.get("content-type") for put in s3.requests if put.method == "PUT"}
    assert {types[f"backup/{row['source']}"] for row in rows} == {"image/png"}
    locations = {outcome.image.location for outcome in outcomes if isinstance(outcome, Stored)}
    assert locations == {f"s3://photos/backup/{row['source']}" for row in rows}

    s3.requests.clear()
    _, report = await to_bucket(client, s3, "backup/", journal=tmp_path / "journal")
    assert counts(report) == (0, 9, 0, 0)
    assert s3.count("PUT") == {"backup/manifest.jsonl": 1}


@pytest.mark.parametrize("manifest", ["manifest.jsonl", "all.parquet"])
async def test_ingest_of_the_manifest_in_the_bucket_creates_the_same_records(
    client: AsyncImgwireClient, s3: S3Server, monkeypatch: pytest.MonkeyPatch, manifest: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    images = await stored_images(client, 9)
    await to_bucket(client, s3, "backup/", manifest=manifest)

    with Sandbox() as empty:
        async with client_of(empty) as other:
            outcomes, report = await ingest(other, s3.uri(f"backup/{manifest}"), wait_ready=True)
            again = [image async for image in other.images.list(limit=100)]

    assert counts(report) == (9, 0, 0, 0), outcomes
    assert sorted(map(facts, again)) == sorted(map(facts, images))


@pytest.mark.parametrize("into", ["a folder", "a bucket"])
async def test_an_export_runs_on_trio(
    client: AsyncImgwireClient, sandbox: Sandbox, s3: S3Server, tmp_path: Path, into: str
) -> None:
    images = await stored_images(client, 5)
    sandbox.faults.random(0.2, 1, [Fault(status=503), Fault(truncate=True)], "cdn.get")

    async def main() -> tuple[int, int, int, int]:
        async with client_of(sandbox) as on_trio:
            if into == "a bucket":
                _, report = await to_bucket(on_trio, s3, journal=tmp_path / "journal")
            else:
                _, report = await export(on_trio, tmp_path / "out")
            return counts(report)

    assert await to_thread.run_sync(partial(anyio.run, main, backend="trio")) == (5, 0, 0, 0)
    written = s3.objects or {
        name: (tmp_path / "out" / name).read_bytes() for name in files_below(tmp_path / "out")
    }
    listed = [json.loads(line) for line in written.pop("manifest.jsonl").splitlines()]
    assert {row["key"]: len(written[row["source"]]) for row in listed} == {
        str(image.id): image.size_bytes for image in images
    }


async def test_an_object_left_by_a_killed_run_is_adopted_and_a_foreign_one_is_not_replaced(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    images = await stored_images(client, 2)
    await to_bucket(client, s3, name="{id}")
    del s3.objects["manifest.jsonl"]
    s3.objects[str(images[0].id)] = bytes(images[0].size_bytes)

    outcomes, report = await to_bucket(client, s3, name="{id}")

    assert counts(report) == (1, 0, 0, 1)
    (failed,) = [outcome for outcome in outcomes if outcome.error]
    assert isinstance(failed.error, DownloadTargetError)
    assert failed.key == str(images[0].id)
    assert s3.objects[str(images[0].id)] == bytes(images[0].size_bytes)

    _, report = await to_bucket(client, s3, name="{id}", overwrite=True)
    assert counts(report) == (2, 0, 0, 0)


async def test_an_older_manifest_is_not_replaced_by_a_new_journal(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    s3.objects["manifest.jsonl"] = b"mine"

    with pytest.raises(InvalidArgumentError, match="overwrite=True"):
        await to_bucket(client, s3)

    assert s3.objects == {"manifest.jsonl": b"mine"}


async def test_a_manifest_for_which_there_is_no_temporary_folder_is_an_error_and_written_by_the_next_run(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stored_images(client, 2)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(DownloadTargetError, match="temporary file"):
        await to_bucket(client, s3, journal=tmp_path / "journal")
    assert "manifest.jsonl" not in s3.objects
    monkeypatch.undo()
    await to_bucket(client, s3, journal=tmp_path / "journal")
    assert len(manifest(s3, "manifest.jsonl")) == 2


async def test_a_store_that_fails_once_is_retried(client: AsyncImgwireClient, s3: S3Server) -> None:
    await stored_images(client, 4)
    failed: list[str] = []

    def once(request: Request) -> Failure | None:
        if request.method != "PUT" or request.key in failed:
            return None
        failed.append(request.key)
        return Failure(503, "SlowDown")

    s3.fail = once
    _, report = await to_bucket(client, s3)

    assert counts(report) == (4, 0, 0, 0)
    assert len(failed) == 5


async def test_a_bucket_without_write_permission_stops_the_job(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    await stored_images(client, 3)
    s3.fail = lambda request: Failure(403, "AccessDenied") if request.method == "PUT" else None

    with pytest.raises(IngestStoppedError, match="bucket is denied"):
        await to_bucket(client, s3, journal=tmp_path / "journal")

    s3.fail = lambda _: None
    _, report = await to_bucket(client, s3, journal=tmp_path / "journal")
    assert counts(report) == (3, 0, 0, 0)


@pytest.mark.parametrize("to", ["s3:/bucket/x", "ftp://host/x", "http://host/x", "s3://"])
def test_a_uri_that_names_no_bucket_is_rejected(to: str) -> None:
    with pytest.raises(InvalidArgumentError):
        AsyncImgwireClient("sk_test").export(to)
