"""`ls` with filters, and `bulk-download`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner, Result

from imgwire_async.cli.app import app
from imgwire_async.cli.exits import ExitCode
from imgwire_async.sandbox import Sandbox
from tests.cli.test_terminals import on_terminal
from tests.ingest.support import small_image

Invoke = Callable[..., Result]


@pytest.fixture
def cli(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    return invoke


@pytest.fixture
def images(cli: Invoke) -> dict[str, str]:
    """Ids of three stored images by file name; the first image has a purpose."""
    ids = {}
    for number, name in enumerate(["hero.png", "Hero-2.PNG", "logo.png"]):
        Path(name).write_bytes(small_image(number))
        purpose = ("--purpose", "front page") if number == 0 else ()
        result = cli("upload", name, "--wait", "--json", *purpose)
        assert result.exit_code == 0, result.output
        ids[name] = json.loads(result.stdout)["id"]
    return ids


def names(result: Result) -> set[str]:
    assert result.exit_code == 0, result.output
    return {json.loads(line)["original_filename"] for line in result.stdout.splitlines()}


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--name", "hero*"], {"hero.png", "Hero-2.PNG"}),
        (["--name", "*.jpg"], set()),
        (["--purpose", "front page"], {"hero.png"}),
        (["--status", "ready"], {"hero.png", "Hero-2.PNG", "logo.png"}),
        (["--status", "PENDING", "--status", "QUARANTINE"], set()),
        (["--since", "2020-01-01"], {"hero.png", "Hero-2.PNG", "logo.png"}),
        (["--since", "2999-12-31T23:59:59+02:00"], set()),
        (["--until", "2999-01-01"], {"hero.png", "Hero-2.PNG", "logo.png"}),
        (["--until", "2020-01-01"], set()),
        (["--name", "*.png", "--purpose", "front page"], {"hero.png"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else f"{len(value)} found",
)
def test_filters_choose_images(cli: Invoke, filters: list[str], found: set[str]) -> None:
    assert names(cli("ls", "--json", *filters)) == found


@pytest.mark.usefixtures("images")
def test_the_number_of_images_searched_is_shown(cli: Invoke) -> None:
    assert cli("ls", "--name", "hero*").stderr == "2 found among 3 of 3 images.\n"
    assert cli("ls", "--name", "x").stderr == "0 found among 3 of 3 images.\n"
    some = cli("ls", "--name", "*", "--limit", "1")
    assert (some.stdout.count("\n"), some.stderr) == (2, "1 found among 1 of 3 images.\n")


def test_a_limit_counts_matches_on_all_pages(
    cli: Invoke, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgwire_async.cli.images.stored._PAGE", 1)

    assert images
    assert names(cli("ls", "--json", "--name", "hero*", "--limit", "2")) == {"hero.png", "Hero-2.PNG"}


@pytest.mark.parametrize(
    "arguments", [["--status", "LOST"], ["--since", "yesterday"], ["--until", "2026-13-01"]], ids=str
)
def test_invalid_filters_are_wrong_usage(cli: Invoke, arguments: list[str]) -> None:
    assert cli("ls", *arguments).exit_code == ExitCode.USAGE


@pytest.mark.usefixtures("images")
def test_states_have_a_colour_on_terminals_only(cli: Invoke) -> None:
    green = "\x1b[32mREADY"

    assert green in on_terminal("ls", columns=120)[1]
    assert green not in on_terminal("ls", columns=120, env={"NO_COLOR": "1"})[1]
    assert "\x1b" not in cli("ls").stdout


def test_several_images_are_downloaded_into_a_folder(cli: Invoke, images: dict[str, str]) -> None:
    result = cli("bulk-download", *images.values(), "--to", "photos", "--json")

    assert result.exit_code == 0, result.output
    paths = [Path(json.loads(line)["path"]) for line in result.stdout.splitlines()]
    assert {path.parent.name for path in paths} == {"photos"}
    assert {path.read_bytes() for path in paths} == {Path(name).read_bytes() for name in images}


def test_an_archive_is_kept_as_a_file(cli: Invoke, images: dict[str, str]) -> None:
    result = cli("bulk-download", *images.values(), "--to", "all.zip", "--json")

    assert result.exit_code == 0, result.output
    record: dict[str, Any] = json.loads(result.stdout)
    assert record["size"] == Path("all.zip").stat().st_size
    with ZipFile("all.zip") as archive:
        assert len(archive.namelist()) == len(images)

    again = cli("bulk-download", *images.values(), "--to", "all.zip")
    assert again.exit_code == ExitCode.FAILED
    assert "use --overwrite" in again.stderr
    assert cli("bulk-download", *images.values(), "--to", "all.zip", "--overwrite").exit_code == 0


def test_an_unknown_image_of_an_archive_is_reported(cli: Invoke) -> None:
    result = cli("bulk-download", "00000000-0000-0000-0000-000000000004")

    assert result.exit_code == ExitCode.FAILED
    assert "Error: " in result.stderr
    assert list(Path.cwd().iterdir()) == []


def test_an_archive_is_not_written_to_a_folder_named_like_standard_output(
    cli: Invoke, images: dict[str, str]
) -> None:
    result = cli("bulk-download", *images.values(), "--to", "-")

    assert result.exit_code == ExitCode.USAGE
    assert "not standard output" in result.stderr
