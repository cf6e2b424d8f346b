"""`imgwire-async export`: output, files and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from imgwire_async import AsyncImgwireClient
from imgwire_async.cli.app import app
from imgwire_async.sandbox import Sandbox
from tests.imgwire.export.support import rows, stored_images

Invoke = Callable[..., Result]


@pytest.fixture
def cli(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)

    def invoke(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(app, ("export", "--concurrency", "8", *arguments), **options)

    return invoke


@pytest.fixture
async def images(client: AsyncImgwireClient) -> int:
    return len(await stored_images(client, 5))


def test_all_images_are_exported_and_the_next_run_fetches_none(
    cli: Invoke, images: int, tmp_path: Path
) -> None:
    result = cli("backup/", "--report", "report.json")

    assert result.exit_code == 0, result.output
    assert "5 stored of 5" in result.stdout
    assert len(rows(tmp_path / "backup")) == images
    assert (tmp_path / "backup.export.journal").exists()
    assert json.loads((tmp_path / "report.json").read_text())["stored"] == images
    assert "0 stored, 5 already stored" in cli("backup").stdout


def test_json_shows_where_each_file_is(cli: Invoke, images: int, tmp_path: Path) -> None:
    result = cli("backup", "--json", "--name", "{year}/{id}{suffix}")

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == images + 1
    for line in lines[:-1]:
        assert line["outcome"] == "stored"
        assert (tmp_path / "backup" / line["path"]).is_file()
        assert line["path"].lower().endswith(f"/{line['key']}.png")


@pytest.mark.usefixtures("images")
def test_filters_are_options(cli: Invoke, tmp_path: Path) -> None:
    result = cli("backup", "--filter", "custom_metadata.number=3", "--filter", "file_name=con*")
    assert result.exit_code == 0, result.output
    result = cli("all", "--filter", "custom_metadata.yes=true", "--filter", "created_from=2020-01-01")

    assert rows(tmp_path / "backup") == []
    assert {row["custom_metadata"]["number"] for row in rows(tmp_path / "all")} == {1, 2, 3}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--filter", "purpose"), "--filter must be NAME=VALUE"),
        (("--filter", "purposes=x"), "did you mean 'purpose'"),
        (("--name", "../{id}"), "--name must be a path below the target"),
        (("--manifest", "all.txt"), "--manifest must be a file name"),
        (("--report", "report.txt"), "--report"),
    ],
)
def test_errors_are_phrased_in_terms_of_options(
    cli: Invoke, tmp_path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    result = cli("backup", *arguments)

    assert result.exit_code == 2
    assert problem in result.stderr
    assert not (tmp_path / "backup").exists()


@pytest.mark.usefixtures("images")
def test_a_foreign_file_at_the_target_fails_its_image(cli: Invoke, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "hero.png").write_bytes(b"mine")
    (tmp_path / "backup" / "HERO.PNG").write_bytes(b"mine")

    result = cli("backup")

    assert result.exit_code == 1
    assert "use --overwrite to replace" in result.stdout
    assert cli("backup", "--overwrite").exit_code == 0


@pytest.mark.usefixtures("images")
def test_an_older_manifest_is_not_replaced_by_a_new_journal(cli: Invoke) -> None:
    assert cli("backup").exit_code == 0

    for _ in range(2):
        result = cli("backup", "--journal", "new.journal")

        assert result.exit_code == 2
        assert "use --overwrite" in result.stderr


def test_no_report_replaces_the_manifest(cli: Invoke, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()

    result = cli("backup", "--manifest", "m.parquet", "--report", "backup/m.parquet")

    assert result.exit_code == 2
    assert "--report: cannot write 'backup/m.parquet': it is the manifest" in result.stderr
    assert not list(sandbox.requests)
    assert not list((tmp_path / "backup").iterdir())
