"""Reports and lists of a job as objects: each appears only when it is complete."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from anyio import to_thread
from typer.testing import CliRunner

from imgwire_async import AsyncImgwireClient, InvalidArgumentError, StoreError
from imgwire_async.cli.app import app
from imgwire_async.ingest.results.outputs import Taken, check_different, check_free, write_text
from imgwire_async.sandbox import Sandbox
from imgwire_async.stores import writing
from tests.ingest.support import folder_of
from tests.stores.s3_server import Failure, S3Server, s3_server


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Server]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
    with s3_server() as server:
        yield server


async def test_a_job_writes_its_files_into_a_bucket(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "photos", 3)
    async with client.ingest(folder, journal=tmp_path / "journal", concurrency=4) as job:
        async for _ in job:
            pass
        assert await job.write_images(s3.uri("out/images.csv")) == 3
        assert await job.write_images(s3.uri("out/images.parquet")) == 3
        assert await job.write_failures(s3.uri("out/failed.jsonl")) == 0
        job.report.write(s3.uri("out/report.json"))
        job.report.write(s3.uri("out/report.html"))
        with pytest.raises(InvalidArgumentError, match="extension"):
            await job.write_images(s3.uri("out/images.txt"))

    assert len(list(csv.DictReader(s3.objects["out/images.csv"].decode().splitlines()))) == 3
    assert s3.objects["out/images.parquet"][:4] == b"PAR1"
    assert s3.objects["out/failed.jsonl"] == b""
    assert json.loads(s3.objects["out/report.json"])["stored"] == 3
    types = {r.key: r.headers.get("content-type") for r in s3.requests if r.method == "PUT"}
    assert types["out/report.html"] == "text/html"  # a browser displays it instead of downloading it
    assert types["out/images.csv"] == "text/csv"


async def test_an_older_object_is_replaced_only_with_overwrite(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    names = ["images.csv", "images.jsonl", "images.parquet", "failed.jsonl", "report.json", "report.csv"]
    s3.objects |= dict.fromkeys(names, b"older")

    async with client.ingest(folder_of(tmp_path / "photos", 1), concurrency=4) as job:
        async for _ in job:
            pass

        async def write(name: str, **options: bool) -> None:
            if name.startswith("report"):
                await to_thread.run_sync(partial(job.report.write, s3.uri(name), **options))
            elif name.startswith("images"):
                await job.write_images(s3.uri(name), **options)
            else:
                await job.write_failures(s3.uri(name), **options)

        for name in names:
            with pytest.raises(StoreError, match="pass overwrite=True to replace it") as raised:
                await write(name)
            assert raised.value.reason == "exists"
        assert set(s3.objects.values()) == {b"older"}

        for name in names:
            await write(name, overwrite=True)
    assert b"older" not in s3.objects.values()


def test_an_older_multipart_object_is_replaced_only_with_overwrite(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PART", 1000)
    s3.objects["rows.jsonl"] = b"older"
    rows = ["x" * 500] * 10

    with pytest.raises(StoreError, match="overwrite=True"):
        write_text(s3.uri("rows.jsonl"), rows)
    assert s3.objects == {"rows.jsonl": b"older"}

    write_text(s3.uri("rows.jsonl"), rows, overwrite=True)
    assert s3.objects["rows.jsonl"] == f"{'x' * 500}\n".encode() * 10


async def test_an_older_object_stays_when_the_new_one_cannot_be_written(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    s3.objects["images.csv"] = b"older"
    s3.fail = lambda request: Failure(403, "AccessDenied") if request.method == "PUT" else None

    async with client.ingest(folder_of(tmp_path / "photos", 1), concurrency=4) as job:
        async for _ in job:
            pass
        with pytest.raises(StoreError) as raised:
            await job.write_images(s3.uri("images.csv"), overwrite=True)

    assert raised.value.reason == "denied"
    assert s3.objects == {"images.csv": b"older"}


def test_the_command_writes_its_files_into_a_bucket_as_well(
    sandbox: Sandbox, s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)
    folder_of(tmp_path / "photos", 2)
    arguments = ["ingest", "photos", "--images", s3.uri("images.csv"), "--failed", s3.uri("failed.jsonl")]

    result = CliRunner().invoke(app, [*arguments, "--report", s3.uri("report.json")])

    assert result.exit_code == 0, result.output
    assert set(s3.objects) == {"images.csv", "failed.jsonl", "report.json"}
    s3.objects["images.csv"] = b"older"
    again = CliRunner().invoke(app, arguments)
    assert (again.exit_code, "use --overwrite to replace it" in again.stderr) == (1, True)
    assert s3.objects["images.csv"] == b"older"
    again = CliRunner().invoke(app, [*arguments, "--overwrite"])
    assert again.exit_code == 0, again.output
    assert s3.objects["images.csv"].startswith(b"key,")
    same = CliRunner().invoke(
        app, ["ingest", "photos", "--images", "s3://b/x.csv", "--report", "s3://b/x.csv"]
    )
    assert same.exit_code == 2
    assert {path.name for path in tmp_path.iterdir()} >= {"photos", "photos.journal"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("s3")]


def test_an_object_is_the_same_however_its_uri_is_spelled() -> None:
    with pytest.raises(InvalidArgumentError, match="it is the same file"):
        check_different("s3://bucket/list.jsonl", "S3://bucket/list.jsonl")
    with pytest.raises(InvalidArgumentError, match="are read from it"):
        check_free("S3://bucket/list.jsonl", Taken(source="s3://bucket/list.jsonl"))
    check_different("s3://bucket/list.jsonl", "gs://bucket/list.jsonl")
