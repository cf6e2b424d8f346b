"""Output files of a job: complete or absent, checked before the start, and never its own input."""

from __future__ import annotations

import errno
import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from imgwire_async import (
    AsyncImgwireClient,
    IngestItem,
    IngestStoppedError,
    InvalidArgumentError,
)
from imgwire_async.cli.app import app
from imgwire_async.ingest.results import outputs
from imgwire_async.ingest.results.outputs import write_table, write_text
from imgwire_async.sandbox import Sandbox
from tests.hangs import HANGS
from tests.ingest.support import folder_of

Invoke = Callable[..., Result]
MAIN = "from imgwire_async.cli import main; main()"


@pytest.fixture
def cli(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)
    return lambda *arguments, **options: CliRunner().invoke(
        app, ("ingest", "--concurrency", "4", *arguments), **options
    )


def manifest(folder: Path, count: int, name: str = "list.jsonl") -> Path:
    folder_of(folder / "photos", count)
    rows = [json.dumps({"source": f"photos/{number:04}.png"}) for number in range(count)]
    (folder / name).write_text("\n".join(rows) + "\n")
    return folder / name


def keys_in(path: Path) -> list[str]:
    return sorted(Path(json.loads(line)["key"]).name for line in path.read_text().splitlines())


NAMES = [f"{number:04}.png" for number in range(20)]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_no_output_replaces_the_redirected_standard_output(
    sandbox: Sandbox, tmp_path: Path, stream: str
) -> None:
    folder_of(tmp_path / "photos", 1)
    with (tmp_path / "images.csv").open("wb") as file:
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: file}
        ended = subprocess.run(
            [sys.executable, "-c", MAIN, "ingest", "photos", "--images", "images.csv"],
            cwd=tmp_path,
            env={
                **os.environ,
                "IMGWIRE_API_KEY": sandbox.server_key,
                "IMGWIRE_API_BASE_URL": sandbox.base_url,
            },
            check=False,
            timeout=HANGS,
            **streams,
        )
    assert ended.returncode == 2
    assert not sandbox.requests.of("images.create")


@pytest.mark.parametrize("spelling", ["failed.jsonl", "photos/../failed.jsonl", "link.jsonl", "hard.jsonl"])
@pytest.mark.parametrize("option", ["--failed", "--images", "--report"])
def test_no_output_replaces_the_source(
    cli: Invoke, sandbox: Sandbox, tmp_path: Path, spelling: str, option: str
) -> None:
    before = manifest(tmp_path, 3, "failed.jsonl").read_bytes()
    (tmp_path / "link.jsonl").symlink_to("failed.jsonl")
    (tmp_path / "hard.jsonl").hardlink_to(tmp_path / "failed.jsonl")

    result = cli("failed.jsonl", option, spelling)

    assert result.exit_code == 2
    assert f"{option}: cannot write '{spelling}': the items of the job are read from it" in result.stderr
    assert (tmp_path / "failed.jsonl").read_bytes() == before
    assert not sandbox.requests


def test_no_output_replaces_the_file_behind_standard_input(sandbox: Sandbox, tmp_path: Path) -> None:
    before = manifest(tmp_path, 3).read_bytes()
    keys = {"IMGWIRE_API_KEY": sandbox.server_key, "IMGWIRE_API_BASE_URL": sandbox.base_url}
    with (tmp_path / "list.jsonl").open() as source:
        run = subprocess.run(
            [sys.executable, "-c", MAIN, "ingest", "-", "--failed", "list.jsonl"],
            stdin=source,
            cwd=tmp_path,
            env=os.environ | keys,
            capture_output=True,
            text=True,
            check=False,
        )

    assert (run.returncode, "are read from it" in run.stderr) == (2, True), run.stderr
    assert (tmp_path / "list.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--images", "map.txt"), "--images: cannot write 'map.txt': the extension must be .csv, .jsonl"),
        (("--report", "report.txt"), "the extension must be .html, .json, .csv"),
        (("--failed", "failed.csv"), "the extension must be .jsonl or .ndjson"),
        (("--images", "missing/map.csv"), "--images: cannot write 'missing/map.csv': No such file"),
        (
            ("--failed", "folder.jsonl"),
            "--failed: cannot write 'folder.jsonl': it exists and is not a regular",
        ),
        (("--images", "x.jsonl", "--failed", "photos/../x.jsonl"), "it is the same file as 'x.jsonl'"),
        (("--images", "j.csv", "--journal", "j.csv"), "belongs to the journal"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_output_that_cannot_be_written_is_detected_before_the_first_request(
    cli: Invoke, sandbox: Sandbox, tmp_path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    folder_of(tmp_path / "photos", 2)
    (tmp_path / "folder.jsonl").mkdir()
    before = sorted(tmp_path.iterdir())

    result = cli("photos", *arguments)

    assert (result.exit_code, problem in result.stderr) == (2, True), result.stderr
    assert not sandbox.requests
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("option", ["--failed", "--images", "--report"])
def test_a_file_that_must_not_be_overwritten_is_detected_before_the_first_request(
    cli: Invoke, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    folder_of(tmp_path / "photos", 2)
    (tmp_path / "old.jsonl").write_text("old")
    # Makes the check fail for root as well.
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)

    result = cli("photos", option, "old.jsonl")

    assert (result.exit_code, "it is read-only" in result.stderr) == (2, True), result.stderr
    assert not sandbox.requests


def test_after_a_wrong_key_the_list_has_all_items(
    cli: Invoke, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest(tmp_path, 20)
    monkeypatch.setenv("IMGWIRE_API_KEY", "sk_wrong")

    result = cli("list.jsonl", "--failed", "failed.jsonl")

    assert result.exit_code == 3, result.output
    assert keys_in(tmp_path / "failed.jsonl") == NAMES
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    assert "20 stored" in cli("failed.jsonl", "--journal", "second.journal").stdout


def test_the_list_has_failed_and_untried_items_and_no_stored_ones(
    cli: Invoke, sandbox: Sandbox, tmp_path: Path
) -> None:
    folder_of(tmp_path / "photos", 4)
    assert cli("photos").exit_code == 0
    for file in sorted(folder_of(tmp_path / "more", 20).iterdir())[4:]:  # the first four are unchanged
        file.rename(tmp_path / "photos" / file.name)
    sandbox.faults.times(3, "images.create", status=413)
    sandbox.faults.always("images.create", status=402)

    result = cli("photos", "--failed", "failed.jsonl")

    assert result.exit_code == 3
    rows = [json.loads(line) for line in (tmp_path / "failed.jsonl").read_text().splitlines()]
    statuses = {row["key"]: row["_status"] for row in rows}
    assert sorted(statuses) == NAMES[4:]
    assert len(statuses) == len(rows)
    assert sorted(statuses.values()).count("failed") == 3


def test_rows_already_read_from_standard_input_are_in_the_list(
    cli: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = manifest(tmp_path, 20).read_text()
    monkeypatch.setenv("IMGWIRE_API_KEY", "sk_wrong")
    monkeypatch.setattr(os, "_exit", sys.exit)

    assert cli("-", "--failed", "failed.jsonl", input=rows).exit_code == 3
    assert keys_in(tmp_path / "failed.jsonl") == NAMES


@pytest.mark.parametrize("kind", ["folder", "manifest", "list", "generator", "async generator"])
async def test_the_list_of_a_python_job_is_complete_after_an_early_end(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    manifest(tmp_path, 20)
    paths = sorted((tmp_path / "photos").iterdir())

    async def given() -> Any:
        for path in paths:
            yield path

    sources: dict[str, Any] = {
        "folder": tmp_path / "photos",
        "manifest": tmp_path / "list.jsonl",
        "list": [IngestItem(path) for path in paths],
        "generator": (path for path in paths),
        "async generator": given(),
    }
    sandbox.faults.always("images.create", status=403)

    async with client.ingest(sources[kind], concurrency=4) as job:
        with pytest.raises(IngestStoppedError):
            async for _ in job:
                pass
        assert await job.write_failures(tmp_path / "failed.jsonl") == 20

    assert keys_in(tmp_path / "failed.jsonl") == NAMES


async def test_the_outputs_of_a_python_job_replace_neither_source_nor_journal(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    source = manifest(tmp_path, 2)
    async with client.ingest(source, journal=tmp_path / "j.jsonl") as job:
        async for _ in job:
            pass
        for path in (source, tmp_path / "j.jsonl"):
            with pytest.raises(InvalidArgumentError, match="cannot write"):
                await job.write_images(path)
            with pytest.raises(InvalidArgumentError, match="cannot write"):
                await job.write_failures(path)
        with pytest.raises(InvalidArgumentError, match="journal"):
            job.report.write(tmp_path / "j.jsonl")
        with pytest.raises(FileNotFoundError, match=r"missing/map\.csv"):
            await job.write_images(tmp_path / "missing" / "map.csv")


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Files longer than 64 KiB cannot be written, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_disk")
@pytest.mark.parametrize("name", ["map.csv", "map.jsonl", "map.parquet"])
def test_an_older_file_stays_whole_when_the_disk_is_full(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    target.write_text("old")
    rows = ({"key": os.urandom(500).hex()} for _ in range(1000))

    with pytest.raises(OSError, match=name) as caught:
        write_table(target, ("key",), rows)

    assert caught.value.errno == errno.EFBIG
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert target.read_text() == "old"


def test_a_replaced_file_keeps_its_permissions_and_a_link_stays(tmp_path: Path) -> None:
    (tmp_path / "real.jsonl").write_text("old")
    (tmp_path / "real.jsonl").chmod(0o600)
    (tmp_path / "link.jsonl").symlink_to("real.jsonl")

    write_text(tmp_path / "link.jsonl", ["new"])

    assert (tmp_path / "link.jsonl").is_symlink()
    assert (tmp_path / "real.jsonl").read_text() == "new\n"
    assert stat.S_IMODE((tmp_path / "real.jsonl").stat().st_mode) == 0o600


def test_nothing_is_replaced_when_the_rows_fail(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("old")

    def rows() -> Iterator[str]:
        yield "half a row"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_text(tmp_path / "x.jsonl", rows())

    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_one_file_that_fails_affects_neither_the_summary_nor_the_others(
    cli: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(tmp_path / "photos", 3)
    (tmp_path / "map.csv").write_text("old")
    real = outputs._replaceable
    asked: list[str] = []

    def replaceable(name: str) -> Path:
        asked.append(name)
        if name == "map.csv" and asked.count(name) == 2:  # the first check is made before the job
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(name)

    monkeypatch.setattr(outputs, "_replaceable", replaceable)
    arguments = ("--images", "map.csv", "--failed", "failed.jsonl", "--report", "report.json")
    result = cli("photos", *arguments)

    assert result.exit_code == 1
    assert "3 stored" in result.stdout
    assert "Error: --images: cannot write 'map.csv': No space left on device" in result.stderr
    assert (tmp_path / "map.csv").read_text() == "old"
    assert (tmp_path / "report.json").exists(), result.stderr
    assert json.loads((tmp_path / "report.json").read_text())["stored"] == 3
