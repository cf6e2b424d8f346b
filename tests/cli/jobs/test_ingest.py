"""`imgwire-async ingest`: output, files and exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from imgwire_async.cli.app import app
from imgwire_async.sandbox import Sandbox
from tests.hangs import HANGS
from tests.ingest.support import folder_of, small_image
from tests.stores.s3_server import Failure, s3_server

Invoke = Callable[..., Result]
MAIN = "from imgwire_async.cli import main; main()"


@pytest.fixture
def cli(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)

    def invoke(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(app, ("ingest", "--concurrency", "8", *arguments), **options)

    return invoke


def test_a_folder_is_stored_and_skipped_the_next_time(cli: Invoke, tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", 12)
    result = cli("photos", "--images", "map.csv", "--report", "report.json")
    assert result.exit_code == 0, result.output
    assert "12 stored of 12" in result.stdout
    assert (tmp_path / "photos.journal").exists()
    assert len((tmp_path / "map.csv").read_text().splitlines()) == 13
    assert json.loads((tmp_path / "report.json").read_text())["stored"] == 12

    assert "0 stored, 12 already stored" in cli("photos").stdout


def test_each_of_several_sources_is_a_separate_job(cli: Invoke, tmp_path: Path) -> None:
    folder_of(tmp_path / "one", 2)
    (folder_of(tmp_path / "two", 3) / "empty.png").touch()
    folder_of(tmp_path / "three", 1)

    result = cli("one", "two", "three")

    assert result.exit_code == 1
    totals = [line.split(" stored")[0] for line in result.stdout.splitlines() if " stored" in line]
    assert totals == ["2", "3", "1"]
    assert {path.stem for path in tmp_path.glob("*.journal")} == {"one", "two", "three"}
    assert cli("missing", "one").exit_code == 5


@pytest.mark.parametrize("more", [("--failed", "x.jsonl"), ("--journal", "x.journal"), ("one/0000.png",)])
def test_options_for_a_single_source_are_rejected_for_several(
    cli: Invoke, tmp_path: Path, more: tuple[str, ...]
) -> None:
    folder_of(tmp_path / "one", 1)

    result = cli("one", "one", *more)

    assert (result.exit_code, result.stdout, list(tmp_path.glob("*.journal"))) == (2, "", [])


def test_failures_end_with_1_and_a_manifest_for_a_retry(
    cli: Invoke, sandbox: Sandbox, tmp_path: Path
) -> None:
    folder_of(tmp_path / "photos", 12)
    sandbox.faults.times(2, "images.create", status=413)
    result = cli("photos", "--failed", "failed.jsonl")
    assert result.exit_code == 1
    assert "2 × too large for the service (413" in result.stdout
    assert cli("failed.jsonl").exit_code == 0


def test_patterns_columns_and_a_dry_run(cli: Invoke, sandbox: Sandbox, tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", 12)
    result = cli("photos", "--include", "000*", "--exclude", "0003.png", "--dry-run")
    assert "dry run: 9 items" in result.stdout
    (tmp_path / "list.csv").write_text("sku,file,color\n7,photos/0001.png,red\n")
    columns = ("--column", "source=file", "--column", "key=sku", "--rest-as-metadata")
    assert cli("list.csv", *columns, "--dry-run").exit_code == 0
    assert len(sandbox.requests) == 0
    assert not list(tmp_path.glob("*.journal"))


def test_json_has_a_line_for_every_outcome_and_one_for_the_report(cli: Invoke, tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", 2)
    rows = '{"source": "photos/0000.png"}\n{"source": "photos/0001.png"}\n{"source": "missing.png"}\n'
    result = cli("-", "--json", input=rows)
    *outcomes, report = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert sorted(outcome["outcome"] for outcome in outcomes) == ["failed", "stored", "stored"]
    assert report["report"]["stored"] == 2


def test_items_with_changed_parameters_are_reported_and_recreated_on_request(
    cli: Invoke, tmp_path: Path
) -> None:
    folder_of(tmp_path / "photos", 2)
    cli("photos")
    result = cli("photos", "--purpose", "hero")
    assert (result.exit_code, "2 stored items have changed" in result.stdout) == (0, True)
    first, *_ = cli("photos", "--purpose", "hero", "--json").stdout.splitlines()
    assert json.loads(first)["changed"] == "parameters"
    assert "2 stored" in cli("photos", "--purpose", "hero", "--on-change", "recreate").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("photos", "--on-change", "panic"),
        ("photos", "--concurrency", "many"),
        ("photos", "--column", "nonsense"),
        ("photos", "--journal", "photos/0000.png"),
        ("photos", "--deadline", "-1"),
        ("photos", "--no-such-option"),
    ],
)
def test_wrong_usage_ends_with_2(cli: Invoke, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    folder_of(tmp_path / "photos", 1)
    result = cli(*arguments)
    assert result.exit_code == 2, result.output
    assert "rror" in result.stderr


def test_a_missing_source_fails_like_a_missing_file_in_upload(cli: Invoke) -> None:
    result = cli("missing")
    assert result.exit_code == 5
    assert "No such file" in result.stderr


def test_a_job_that_stops_early_ends_with_3_and_resumes(
    cli: Invoke, sandbox: Sandbox, tmp_path: Path
) -> None:
    folder_of(tmp_path / "photos", 12)
    sandbox.faults.always("images.create", status=402)
    result = cli("photos")
    assert result.exit_code == 3
    assert "Run the same command again to resume. The journal knows what is stored." in result.stderr
    sandbox.faults.clear()
    assert cli("photos").exit_code == 0


@pytest.mark.parametrize(
    ("number", "processes"), [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGINT, 2)]
)
def test_a_first_signal_finishes_uploads_in_flight_and_a_second_one_stops_at_once(
    sandbox: Sandbox, tmp_path: Path, number: signal.Signals, processes: int
) -> None:
    folder_of(tmp_path / "photos", 40)
    sandbox.faults.always("images.create", stall=1.0)

    with started(sandbox, tmp_path, processes) as first:
        wait_for(lambda: len(sandbox.requests.of("images.create")) >= 4)
        os.killpg(first.pid, number)  # as a terminal does
        output, errors = first.communicate(timeout=HANGS)
    assert first.returncode == 128 + number, errors
    assert "Finishing uploads in progress" in errors
    stored = len(sandbox.requests.of("store.put"))
    assert 4 <= stored < 40
    assert f"{stored} stored" in output

    sandbox.faults.clear()
    sandbox.faults.always("images.create", stall=30.0)
    before = len(sandbox.requests.of("images.create"))
    with started(sandbox, tmp_path, processes) as second:
        wait_for(lambda: len(sandbox.requests.of("images.create")) >= before + 4)
        os.killpg(second.pid, number)
        assert second.stderr is not None
        assert any("Finishing" in line for line in iter(second.stderr.readline, ""))
        os.killpg(second.pid, number)
        second.communicate(timeout=HANGS)
    assert second.returncode == 128 + number


@contextmanager
def started(sandbox: Sandbox, folder: Path, processes: int) -> Iterator[subprocess.Popen[str]]:
    keys = {"IMGWIRE_API_KEY": sandbox.server_key, "IMGWIRE_API_BASE_URL": sandbox.base_url}
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "ingest", "photos", "--concurrency", "4", "--processes", str(processes)],
        cwd=folder,
        env=os.environ | keys,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(happened: Callable[[], bool]) -> None:
    for _ in range(6000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen within a minute")


def test_a_bucket_is_ingested_with_options_and_a_journal_of_its_own(
    cli: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with s3_server() as s3:
        s3.objects |= {"photos/a.png": small_image(1), "photos/b.png": small_image(2), "photos/c.txt": b"c"}
        options = [part for pair in s3.options.items() for part in ("--store-option", "=".join(pair))]
        arguments = ("s3://photos/photos/", "--include", "*.png", *options)

        first, again = cli(*arguments), cli(*arguments)
        denied = cli("s3://photos/photos/", "--store-option", "hush")

    assert first.exit_code == 0, first.output
    assert "2 stored of 2" in first.stdout
    assert "0 stored, 2 already stored" in again.stdout
    assert "not-a-secret" not in first.output
    assert len(list((tmp_path / "state" / "imgwire-async").glob("*.journal"))) == 1
    assert denied.exit_code == 2
    assert "hush" not in denied.output


def test_an_incomplete_list_of_a_denied_bucket_says_so(
    cli: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
    with s3_server() as s3:
        s3.fail = lambda _: Failure(403, "AccessDenied")
        result = cli(s3.uri("photos/"), "--failed", "failed.jsonl")

    assert result.exit_code == 3
    assert "the list of failed and untried items is incomplete; it is empty: " in result.stdout
    assert (tmp_path / "failed.jsonl").read_text() == ""
