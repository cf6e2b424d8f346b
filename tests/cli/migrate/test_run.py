"""`imgwire-async migrate run`: output, files and exit codes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from imgwire_async.cli.app import app
from imgwire_async.errors import InvalidArgumentError
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.sandbox import ImgixSandbox, Sandbox
from tests.migrate.support import fill
from tests.stores.s3_server import s3_server

Invoke = Callable[..., Result]
COUNT = 6


@pytest.fixture(scope="module")
def imgix() -> Iterator[ImgixSandbox]:
    with ImgixSandbox(deployment_delay=0.0) as server:
        source_id = server.add_source("shop")
        fill(server, source_id, COUNT)
        server.add_file(source_id, "/terms.pdf", b"%PDF-1.4\n")
        yield server


@pytest.fixture
def cli(sandbox: Sandbox, imgix: ImgixSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("IMGIX_API_KEY", imgix.api_key)
    monkeypatch.setenv("IMGIX_API_BASE_URL", imgix.base_url)
    monkeypatch.setenv("IMGIX_RENDERING_BASE_URL", imgix.base_url)

    def invoke(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(app, ("migrate", "run", "--concurrency", "8", *arguments), **options)

    return invoke


def test_a_dry_run_counts_and_sends_nothing(cli: Invoke, sandbox: Sandbox, tmp_path: Path) -> None:
    result = cli("--dry-run", "--report", "report.json")
    assert result.exit_code == 0, result.output
    assert f"dry run: {COUNT} items" in result.stdout
    assert f"{COUNT} × image/png" in result.stdout
    assert "1 × application/pdf: 0.0 MB, 1 skipped" in result.stdout
    assert "not carried over: date_modified" in result.stdout
    assert "hours at the known limits" in result.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["types"]["image/png"]["count"] == COUNT
    assert report["skipped_types"] == {"application/pdf": 1}
    assert not [request for request in sandbox.requests if request.method != "GET"]
    assert not list(tmp_path.rglob("*.journal"))


def test_images_are_moved_and_their_urls_written(cli: Invoke, tmp_path: Path) -> None:
    result = cli("--urls", "urls.csv", "--redirects", "nginx=r.conf", "--redirects", "next=r.mjs", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout.splitlines()[-1])["report"]["stored"] == COUNT
    skipped = [json.loads(line) for line in result.stdout.splitlines() if '"skipped"' in line][:1]
    assert skipped[0]["detail"] == "application/pdf: a document"
    with (tmp_path / "urls.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["old_url"] == "https://shop.imgix.net/photos/0000%20%C3%A9.png"
    assert len(rows) == COUNT
    assert "NOT carried over" in (tmp_path / "r.conf").read_text()
    assert "NOT carried over" in (tmp_path / "r.mjs").read_text()


def test_every_output_can_be_an_object(cli: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as s3:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.options["access_key_id"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.options["secret_access_key"])
        files = {"urls": "urls.csv", "report": "report.json", "failed": "failed.jsonl"}
        options = [part for name, file in files.items() for part in (f"--{name}", s3.uri(file))]
        result = cli(*options, "--redirects", f"nginx={s3.uri('r.conf')}")
        assert result.exit_code == 0, result.output
        assert {*s3.objects} == {*files.values(), "r.conf"}

    assert f"0 stored, {COUNT} already stored, 1 skipped" in cli().stdout


@pytest.mark.parametrize(
    ("is_local", "arguments", "expected"),
    [
        (True, (), "http://localhost:1"),
        (False, (), None),
        (False, ("--rendering-base-url", "http://localhost:2"), "http://localhost:2"),
    ],
)
def test_the_variable_of_a_local_imgix_does_not_apply_to_an_account_at_the_public_service(
    cli: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    is_local: bool,
    arguments: tuple[str, ...],
    expected: str | None,
) -> None:
    monkeypatch.setenv("IMGIX_RENDERING_BASE_URL", "http://localhost:1")
    if not is_local:
        monkeypatch.delenv("IMGIX_API_BASE_URL")
    used: list[object] = []

    def migrate(*_: object, rendering_base_url: object, **__: object) -> None:
        used.append(rendering_base_url)
        raise InvalidArgumentError("not in this test")

    monkeypatch.setattr("imgwire_async.migrate.job.migrate_from_imgix", migrate)

    assert cli(*arguments).exit_code == 2
    assert used == [expected]


def test_an_image_whose_url_cannot_be_fetched_is_reported_as_failed_and_stored_by_the_next_run(
    cli: Invoke, imgix: ImgixSandbox, tmp_path: Path
) -> None:
    imgix.faults.times(2, "rendering.get", status=404)

    result = cli("--urls", "urls.csv", "--report", "report.json", "--failed", "failed.jsonl", "--json")

    assert result.exit_code == 1
    outcomes = [json.loads(line) for line in result.stdout.splitlines()]
    failed = {one["key"] for one in outcomes if one.get("outcome") == "failed"}
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["stored"], report["failed"], len(failed)) == (COUNT - 2, 2, 2)
    assert report["failures"][0]["cause"] == "ImageQuarantinedError"
    listed = [json.loads(line) for line in (tmp_path / "failed.jsonl").read_text().splitlines()]
    assert {row["key"] for row in listed} == failed
    assert len((tmp_path / "urls.csv").read_text().splitlines()) == 1 + COUNT - 2

    again = cli("--urls", "urls.csv")
    assert (again.exit_code, f"2 stored, {COUNT - 2} already stored" in again.stdout) == (0, True)
    assert len((tmp_path / "urls.csv").read_text().splitlines()) == 1 + COUNT


def test_a_second_account_at_the_same_url_is_not_mixed_with_the_first(
    cli: Invoke, imgix: ImgixSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli().exit_code == 0
    (journal,) = (tmp_path / "state").rglob("*.journal")
    with ImgixSandbox(deployment_delay=0.0) as other:
        fill(other, other.add_source("elsewhere"), 1)
        # A proxy would show both accounts at one URL; here the journal is edited to the same effect.
        monkeypatch.setenv("IMGIX_API_KEY", other.api_key)
        monkeypatch.setenv("IMGIX_API_BASE_URL", other.base_url)
        with Journal(journal) as opened:
            assert opened.binding is not None
            opened.keep_binding(opened.binding.replace(imgix.base_url, other.base_url))
        result = cli("--urls", "urls.csv", "--journal", str(journal))
    assert result.exit_code == 2
    assert "belongs to another account" in result.stderr
    assert not (tmp_path / "urls.csv").exists()


def test_the_journal_is_found_from_any_folder_unless_that_folder_has_its_own(
    cli: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"{COUNT} stored" in cli().stdout
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = cli()
    assert f"0 stored, {COUNT} already stored" in again.stdout
    (journal,) = (tmp_path / "state").rglob("*.journal")
    assert f"journal: {journal}" in again.stdout

    journal.rename("imgix.journal")
    again = cli()
    assert f"0 stored, {COUNT} already stored" in again.stdout
    assert f"journal: {Path('imgix.journal').absolute()}" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--redirects", "apache=x"), "--redirects must be one of nginx"),
        (("--redirects", "x"), "--redirects must be KIND=FILE"),
        (("--filter", "categories"), "--filter must be NAME=VALUE"),
        (("--filter", "category=shoes"), "did you mean 'categories'"),
        (("--alt-text", "alt"), "--alt-text must be 'name'"),
        (("--urls", "urls.txt"), "--urls: cannot write 'urls.txt'"),
        (("--redirects", "nginx=-"), "--redirects: cannot write '-', which stands for standard output"),
        (("--redirects", "nginx=r", "--redirects", "next=./r"), "it is the same file as 'r'"),
        (("--urls", "imgix.journal.csv", "--journal", "imgix.journal.csv"), "belongs to the journal"),
    ],
)
def test_wrong_arguments_end_with_2_before_any_request(
    cli: Invoke, sandbox: Sandbox, arguments: tuple[str, ...], message: str
) -> None:
    result = cli(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not list(sandbox.requests)


def test_without_a_key_of_imgix_the_message_names_the_variable(
    cli: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMGIX_API_KEY")
    result = cli()
    assert result.exit_code == 2
    assert "IMGIX_API_KEY" in result.stderr
