"""Messages of the command line: one sentence that names options; details only with `--verbose`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from imgwire_async import errors
from imgwire_async.cli.app import app
from imgwire_async.cli.settings import settings
from imgwire_async.cli.wording import failure_in_words, in_own_words, sentence
from imgwire_async.sandbox import Sandbox
from tests.ingest.support import folder_of

Invoke = Callable[..., Result]
PYTHON = re.compile(
    r"\w=(?:True|None)?[,; .]|[a-z]_[a-z]+(?!\w*:)|\bapi_key\b|[a-z]\(\)|\bimages\.\w+|\bpass \w+="
)
"""Words that mean something only to Python programmers."""


@pytest.fixture
def cli(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)

    def invoke(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(app, arguments, **options)

    return invoke


@pytest.fixture
def parameters() -> Iterator[dict[str, str]]:
    names = {"mime_type": "--mime-type", "meta": "--meta", "deadline": "--deadline", "image_id": "ID"}
    settings.parameters = names
    yield names
    settings.reset()


@pytest.mark.usefixtures("parameters")
@pytest.mark.parametrize(
    ("in_python", "here"),
    [
        ("pass mime_type= to declare its type", "pass --mime-type to declare its type"),
        ("deadline must be a positive number", "--deadline must be a positive number"),
        ("before the deadline must come", "before the deadline must come"),
        ("custom_metadata must map strings to strings", "--meta must map strings to strings"),
        ("'mime_type' and 'a/custom_metadata' stay", "'mime_type' and 'a/custom_metadata' stay"),
        ("image must be a UUID", "ID must be a UUID"),
        ("check that api_key (or IMGWIRE_API_KEY) is valid", "check that IMGWIRE_API_KEY is valid"),
        ("exists; pass overwrite=True to replace it", "exists; use --overwrite to replace it"),
        ("longer than max_retry_after (60 s)", "longer than the 60 s that a command waits"),
        (
            "    a.png: images.create: the service responded with 413",
            "    a.png: the service responded with 413",
        ),
        ("stopped early: ingest: stopped early: no key", "stopped early: no key"),
        ("the service responded with 422; query.deadline: too long", "--deadline: too long"),
        (
            "the base URL is right: ConnectError: Connection refused",
            "the base URL is right: Connection refused",
        ),
        ("cannot reach the service: ConnectTimeout", "cannot reach the service: no connection in time"),
        ("the connection broke: ReadError", "the connection broke"),
        ("incomplete or not valid HTTP: RemoteProtocolError", "incomplete or not valid HTTP"),
    ],
)
def test_arguments_and_names_of_exceptions_become_words(in_python: str, here: str) -> None:
    assert in_own_words(in_python) == here


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["upload", "notes.txt"], {}),
        (["upload", "notes.txt", "--mime-type", "text/plain"], {}),
        (["upload", "empty.png"], {}),
        (["upload", "photos"], {}),
        (["upload", "https://example.com/x.png"], {}),
        (["upload-url", "nonsense"], {}),
        (["upload-url", "https://user:word@example.com/x.png"], {}),
        (["show", "x"], {}),
        (["rm", "x", "--yes"], {}),
        (["download", "x"], {}),
        (["cors", "rm", "x"], {}),
        (["metrics", "--tz", "No/Where"], {}),
        (["ingest", "photos", "--deadline", "-1"], {}),
        (["ingest", "photos", "--on-change", "recreate", "--dedupe"], {}),
        (["ingest", "photos", "--concurrency", "1", "--processes", "2"], {}),
        (["ls"], {"IMGWIRE_API_KEY": ""}),
        (["ls"], {"IMGWIRE_API_KEY": "sk_wrong"}),
        (["ls"], {"IMGWIRE_API_KEY": "ck_wrong"}),
        (["ls"], {"IMGWIRE_ENVIRONMENT_ID": "x"}),
        (["ls"], {"IMGWIRE_API_BASE_URL": "http://example.com"}),
        (["ls"], {"IMGWIRE_API_BASE_URL": "https://user:word@example.com"}),
        (["ls", "--base-url", "https://example.com"], {"IMGWIRE_API_KEY": ""}),
    ],
    ids=str,
)
def test_no_message_names_a_python_argument(
    cli: Invoke, tmp_path: Path, arguments: list[str], variables: dict[str, str]
) -> None:
    folder_of(tmp_path / "photos", 1)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "empty.png").touch()

    result = cli(*arguments, env=variables)

    (line,) = result.stderr.splitlines()
    assert result.exit_code != 0
    assert not PYTHON.search(line), line
    assert line.count("Error: ") == line.startswith("Error: ")


def test_the_rejected_option_is_named(cli: Invoke) -> None:
    assert cli("metrics", "--tz", "No/Where").stderr.startswith("Error: --tz: ")
    Path("notes.txt").write_text("no image")
    assert "--mime-type" in cli("upload", "notes.txt").stderr


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("cannot upload 'a/b.png': the file is empty", "Error: cannot upload 'a/b.png': the file is empty"),
        ("'b.png' is not an image", "Error: 'a/b.png' is not an image"),
        ("the service responded with 413", "a/b.png: the service responded with 413"),
    ],
)
def test_a_failure_names_its_item_only_once(message: str, shown: str) -> None:
    assert sentence(errors.UploadError(message), "a/b.png") == shown


def test_details_are_shown_with_verbose_only(cli: Invoke, sandbox: Sandbox) -> None:
    sandbox.faults.always("images.list", status=403)

    short, long = cli("ls"), cli("ls", "--verbose")

    assert (len(short.stderr.splitlines()), sandbox.base_url in short.stderr) == (1, False)
    assert long.stderr.startswith(short.stderr)
    assert f"request: GET {sandbox.base_url}/api/v1/images/" in long.stderr


@pytest.mark.parametrize("place", ["before", "after"])
def test_shared_options_stand_before_or_after_the_command(cli: Invoke, sandbox: Sandbox, place: str) -> None:
    options = ["--base-url", sandbox.base_url, "--verbose"]
    arguments = [*options, "ls"] if place == "before" else ["ls", *options]
    sandbox.faults.always("images.list", status=403)

    result = cli(*arguments, env={"IMGWIRE_API_BASE_URL": "http://127.0.0.1:9"})

    assert (result.exit_code, f"GET {sandbox.base_url}" in result.stderr) == (3, True)
    assert cli("ls").stderr.count("\n") == 1


def test_a_service_that_cannot_be_reached_is_named(cli: Invoke) -> None:
    result = cli("ls", "--quiet", env={"IMGWIRE_API_BASE_URL": "http://127.0.0.1:9"})

    assert result.stderr.startswith(
        "Error: cannot reach http://127.0.0.1:9; check that it runs and that the base URL is right: "
    )


def test_quiet_still_shows_results_and_errors(cli: Invoke) -> None:
    assert "Expires at" in cli("token").stderr
    assert cli("token", "--quiet").stderr == ""
    assert cli("show", "x", "--quiet").stderr.startswith("Error: ")


def test_retries_are_announced(cli: Invoke, sandbox: Sandbox) -> None:
    sandbox.faults.times(1, "images.list", status=503)

    assert cli("ls", "--verbose").stderr.startswith("Retrying (2 of 5): the service responded with 503")


def test_a_retry_says_in_words_why_no_response_arrived(cli: Invoke, sandbox: Sandbox) -> None:
    sandbox.faults.times(1, "images.list", reset="before")

    assert cli("ls", "--verbose").stderr.startswith("Retrying (2 of 5): the connection broke\n")
    assert failure_in_words("ConnectError") == "no connection"
    assert failure_in_words("TooManyRedirects") == "no usable response"


@pytest.mark.parametrize("waiting", [True, False])
def test_an_accepted_url_is_not_reported_as_stored(cli: Invoke, photo: Path, waiting: bool) -> None:
    source = json.loads(cli("upload", str(photo), "--wait", "--json").stdout)["cdn_url"]
    arguments = ["upload-url", source, *(["--wait"] if waiting else [])]

    shown, facts = cli(*arguments), json.loads(cli(*arguments, "--json").stdout)

    outcome = "stored" if waiting else "accepted"
    assert (facts["outcome"], shown.stdout.split()[:2]) == (outcome, ["outcome", outcome])
    assert ("not stored yet" in shown.stderr) is not waiting


@pytest.mark.parametrize(("waiting", "code"), [(True, 5), (False, 0)])
def test_a_url_that_cannot_be_fetched_is_never_reported_as_stored(
    cli: Invoke, sandbox: Sandbox, waiting: bool, code: int
) -> None:
    arguments = ["upload-url", f"{sandbox.base_url}/nothing.png", *(["--wait"] if waiting else [])]

    result = cli(*arguments, "--json")

    assert result.exit_code == code
    outcomes = [json.loads(line)["outcome"] for line in result.stdout.splitlines()]
    assert outcomes == ([] if waiting else ["accepted"])
    assert ("quarantine" in result.stderr) is waiting
