"""Files that a bulk job writes into a folder are never among its items."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from imgwire_async import AsyncImgwireClient
from imgwire_async.cli.app import app
from imgwire_async.downloads.files import temporary_beside
from imgwire_async.ingest.results import outputs
from imgwire_async.ingest.sources.folders import Folder
from imgwire_async.migrate import mapping
from imgwire_async.migrate.asset_items import AssetNote
from imgwire_async.migrate.redirects import RedirectKind, redirect_lines
from imgwire_async.migrate.traffic.page import write_survey
from imgwire_async.migrate.traffic.survey import TrafficSurvey
from imgwire_async.migrate.verification.page import write_page
from imgwire_async.migrate.verification.results import Compared
from imgwire_async.sandbox import Sandbox
from tests.ingest.support import counts, folder_of, ingest

Invoke = Callable[..., Result]
COUNT = 5


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "photos", COUNT)


@pytest.fixture
def cli(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, photos: Path) -> Invoke:
    monkeypatch.chdir(photos)
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, ("ingest", ".", "--concurrency", "8", *arguments))

    return invoke


def found(result: Result) -> int:
    counted = re.search(r" of (\d+)", result.stdout)
    assert counted is not None, result.output
    return int(counted[1])


@pytest.mark.parametrize("journal", [(), ("--journal", "photos.journal"), ("--journal", "state.db")])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_folder_may_contain_the_files_of_its_own_job(
    cli: Invoke, journal: tuple[str, ...], ending: str
) -> None:
    report = "json" if ending == "jsonl" else ending
    outputs = ("--images", f"map.{ending}", "--failed", "failed.jsonl", "--report", f"report.{report}")
    for run in range(3):
        result = cli(*journal, *outputs)
        assert result.exit_code == 0, result.output
        assert found(result) == COUNT
        assert f"{0 if run else COUNT} stored" in result.stdout
    assert {file.name for file in Path().glob("*") if file.suffix != ".png"} >= {f"map.{ending}"}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_folder_may_contain_the_files_of_other_jobs(cli: Invoke, sandbox: Sandbox, ending: str) -> None:
    sandbox.faults.times(1, "images.create", status=422)
    report = "json" if ending == "jsonl" else ending
    cli("--journal", "first", "--images", f"a.{ending}", "--failed", "b.jsonl", "--report", f"c.{report}")
    result = cli("--journal", "second", "--hidden")
    assert (result.exit_code, found(result)) == (0, COUNT)


def test_reports_that_are_lists_and_empty_lists_are_recognised(cli: Invoke) -> None:
    for journal in ("first", "second"):
        result = cli(
            "--journal", journal, "--failed", f"{journal}.ndjson", "--report", f"report-{journal}.jsonl"
        )
        assert (result.exit_code, found(result)) == (0, COUNT)
    assert found(cli("--journal", "third")) == COUNT


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
async def test_a_folder_may_contain_an_export(client: AsyncImgwireClient, photos: Path, ending: str) -> None:
    await client.images.wait_until_ready((await client.images.upload(photos / "0000.png")).id)
    async with client.export(
        photos, name="new/{file_name}", manifest=f"m.{ending}", journal=photos / "j"
    ) as job:
        async for outcome in job:
            assert outcome.image_id is not None
    assert {entry.key for entry in Folder(photos).entries()} == {
        "new/0000.png",
        *(f"{number:04}.png" for number in range(COUNT)),
    }


def test_a_folder_may_contain_the_files_of_a_migration(photos: Path) -> None:
    mapped = dict.fromkeys(mapping.COLUMNS, "")
    outputs.write_table(photos / "urls.csv", mapping.COLUMNS, [mapped])
    outputs.write_table(photos / "urls.jsonl", mapping.COLUMNS, [mapped])
    write_survey(TrafficSurvey(), photos / "survey.html")
    kinds: tuple[RedirectKind, ...] = ("nginx", "caddy", "next")
    for kind in kinds:
        outputs.write_text(photos / f"{kind}.conf", redirect_lines(kind, lambda: iter(())))
    note = AssetNote(source_id="1", origin_path="/a.png", hosts=("shop.imgix.net",))
    url = mapping.MappedUrl(note=note, old_url=note.old_urls()[0], image_id="2", cdn_url="https://cdn/2")
    outputs.write_text(photos / "list.json", redirect_lines("cloudflare", lambda: iter([url])))
    report = photos / "verification"
    (report / "pictures").mkdir(parents=True)
    compared = Compared("1", "https://old", "https://new", "w=1", ("w",), "exact")
    (report / "results.jsonl").write_text(json.dumps(asdict(compared)) + "\n")
    write_page(report / "index.html", [compared], shown=1, mean=1.5, worst=4.0, pictures="pictures")
    (report / "pictures" / "1-old.webp").write_bytes(b"x")
    (photos / "pictures").mkdir()
    (photos / "pictures" / "mine.webp").write_bytes(b"x")
    keys = {entry.key for entry in Folder(photos).entries()}
    assert keys == {"pictures/mine.webp", *(f"{number:04}.png" for number in range(COUNT))}


def test_incomplete_files_are_not_items_even_among_hidden_files(photos: Path) -> None:
    left = temporary_beside(photos / "a.png")
    for name in (left.name, f".imgwire-rewrite-{'a' * 32}.tmp"):
        (photos / name).write_bytes(b"x")
    for folder in (temporary_beside(left).name, f".imgwire-export-{'a' * 12}"):
        (photos / folder).mkdir()
        (photos / folder / "half.png").write_bytes(b"x")
    (photos / ".download-me.part").write_bytes(b"x")
    keys = {entry.key for entry in Folder(photos, hidden=True).entries()}
    assert keys == {".download-me.part", *(f"{number:04}.png" for number in range(COUNT))}


def test_a_file_that_only_resembles_one_of_a_job_is_an_item(photos: Path) -> None:
    (photos / "list.csv").write_text("key,image_id,price\n")
    (photos / "list.jsonl").write_text('{"key": 1}\n')
    (photos / "names.jsonl").write_text('{"name": "x", "value": 1}\n')
    (photos / "page.html").write_text("<html><title>x</title></html>")
    (photos / "report.json").write_text("{}")
    (photos / "sheet.parquet").write_bytes(b"PAR1PAR1")
    (photos / "archive.lock").write_bytes(b"x")
    with sqlite3.connect(photos / "other.db") as database:
        database.execute("CREATE TABLE t (x)")
    database.close()
    assert len(list(Folder(photos).entries())) == COUNT + 8


async def test_the_leftovers_of_a_killed_job_are_not_items(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path
) -> None:
    sandbox.faults.always("images.create", stall=60.0)
    keys = {"IMGWIRE_API_KEY": sandbox.server_key, "IMGWIRE_API_BASE_URL": sandbox.base_url}
    command = "from imgwire_async.cli import main; main()"
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", command, "ingest", ".", "--journal", "j"], cwd=photos, env=os.environ | keys
    )
    while not sandbox.requests.of("images.create"):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    sandbox.faults.clear()
    assert (photos / "j-wal").exists()
    _, report = await ingest(client, photos, journal=photos / "another")
    assert counts(report) == (COUNT, 0, 0, 0)
