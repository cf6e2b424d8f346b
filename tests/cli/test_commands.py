"""The command line against a sandbox: tables, JSON output and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner, Result

from imgwire_async.cli.app import app
from imgwire_async.cli.environment.metrics import sparkline
from imgwire_async.cli.parameters import size_of
from imgwire_async.sandbox import Sandbox
from tests.hangs import HANGS
from tests.sandbox.imgwire.support import eventually
from tests.stores.s3_server import s3_server

Invoke = Callable[..., Result]
NOWHERE = str(uuid.UUID(int=4))


@pytest.fixture
def cli(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)
    monkeypatch.delenv("IMGWIRE_ENVIRONMENT_ID", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: str, **options: Any) -> Result:
        result = CliRunner().invoke(app, arguments, **options)
        for secret in (sandbox.server_key, sandbox.client_key, sandbox.session_token):
            assert secret not in result.output
        return result

    return invoke


def lines(result: Result) -> list[Any]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def uploaded(cli: Invoke, photo: Path, *arguments: str) -> dict[str, Any]:
    (record,) = lines(cli("upload", str(photo), "--wait", "--json", *arguments))
    return dict(record)


def test_upload_show_list_and_delete(cli: Invoke, photo: Path) -> None:
    image = uploaded(cli, photo, "--purpose", "hero", "--meta", "source=import")
    assert (image["status"], image["purpose"], image["custom_metadata"]) == (
        "READY",
        "hero",
        {"source": "import"},
    )

    assert lines(cli("show", image["id"], "--json")) == [image]
    assert [one["id"] for one in lines(cli("ls", "--json"))] == [image["id"]]
    assert "rocket.jpg" in cli("ls").stdout

    assert lines(cli("rm", image["id"], "--yes", "--json")) == [{"status": "deleted"}]
    assert lines(cli("ls", "--json")) == []


def test_the_time_to_wait_for_an_image_is_an_option(cli: Invoke, photo: Path) -> None:
    with Sandbox(processing_delay=60.0) as slow:
        for command in (("upload", str(photo)), ("upload-url", "https://assets.example.com/x.png")):
            arguments = (*command, "--base-url", slow.base_url)
            late = cli(*arguments, "--wait", "--timeout", "0", env={"IMGWIRE_API_KEY": slow.server_key})
            unused = cli(*arguments, "--timeout", "5")
            assert (late.exit_code, late.stdout) == (6, "")
            assert "not READY within 0 s" in late.stderr
            assert (unused.exit_code, unused.stderr) == (2, "Error: --timeout needs --wait.\n")


def test_deleting_asks_first(cli: Invoke, photo: Path) -> None:
    image = uploaded(cli, photo)

    assert cli("rm", image["id"], input="n\n").exit_code == 1
    assert len(lines(cli("ls", "--json"))) == 1
    assert cli("rm", image["id"], input="y\n").exit_code == 0
    assert lines(cli("ls", "--json")) == []


def test_one_bad_file_does_not_keep_the_others_from_being_stored(
    cli: Invoke, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("no image")

    result = cli("upload", "notes.txt", str(photo), "missing.png", "--json")

    assert result.exit_code == 5
    assert [json.loads(line)["original_filename"] for line in result.stdout.splitlines()] == ["rocket.jpg"]
    failed = {one["item"]: one["error"] for one in map(json.loads, result.stderr.splitlines())}
    assert failed == {"notes.txt": "UnsupportedImageTypeError", "missing.png": "UploadSourceError"}


def test_all_lists_every_page(cli: Invoke, photo: Path) -> None:
    for _ in range(3):
        uploaded(cli, photo)

    assert len(lines(cli("ls", "--limit", "2", "--json"))) == 2
    assert len(lines(cli("ls", "--limit", "2", "--all", "--json"))) == 3


def test_a_list_says_how_many_there_are(cli: Invoke, photo: Path) -> None:
    assert (cli("ls").stdout, cli("ls").stderr) == ("No images yet.\n", "")
    for _ in range(3):
        uploaded(cli, photo)

    some, whole = cli("ls", "--limit", "2"), cli("ls")

    assert (some.stdout.count("\n"), some.stderr) == (3, "2 of 3 images.\n")
    assert (whole.stdout.count("\n"), whole.stderr) == (4, "")
    assert cli("ls", "--limit", "2", "--quiet").stderr == ""
    assert (cli("ls", "--page", "9").stdout, cli("ls", "--page", "9").stderr) == ("", "0 of 3 images.\n")


def test_transformations_are_listed_with_their_values(cli: Invoke) -> None:
    shown = cli("transformations").stdout
    quality = next(row for row in lines(cli("transformations", "--json")) if row["name"] == "quality")

    assert "watermark_position" in shown
    assert "an object" not in shown
    assert (quality["aliases"], "1 to 100" in quality["values"]) == (["q"], True)


def test_an_image_is_opened_in_the_browser(cli: Invoke, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def browser(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", browser)
    image = uploaded(cli, photo)

    shown = cli("open", image["id"], "width=300").stdout

    assert [shown] == [f"{url}\n" for url in opened] == [f"{image['cdn_url']}?width=300\n"]
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    assert cli("open", image["cdn_url"]).exit_code == 1


@pytest.mark.parametrize(
    ("given", "size"), [("1000", 1e3), ("500K", 5e5), ("1M", 1e6), ("1.5mb", 1.5e6), ("2GiB", 2 * 1024**3)]
)
def test_sizes_have_units(given: str, size: float) -> None:
    assert size_of(given) == size


@pytest.mark.parametrize("given", ["", "fast", "1 T", "-1", "1i", "1MM", "1e6"])
def test_an_invalid_size_is_wrong_usage(given: str) -> None:
    with pytest.raises(typer.BadParameter, match="such as 500K"):
        size_of(given)


def test_the_url_command_accepts_an_id_or_a_cdn_url(cli: Invoke, photo: Path) -> None:
    image = uploaded(cli, photo)

    by_id = cli("url", image["id"], "width=300", "format=auto", "--preset", "small").stdout
    by_url = cli("url", image["cdn_url"], "width=300", "format=auto", "--preset", "small").stdout

    assert by_id == by_url == f"{image['cdn_url']}@small?format=auto&width=300\n"


def test_a_wrong_transformation_is_rejected(cli: Invoke) -> None:
    result = cli("url", "https://cdn.imgwire.dev/a/b/c", "widht=300")

    assert result.exit_code == 5
    assert "width" in result.stderr


def test_download_writes_under_the_name_of_the_image(cli: Invoke, photo: Path, tmp_path: Path) -> None:
    image = uploaded(cli, photo)

    cli("download", image["id"])
    (record,) = lines(cli("download", image["id"], "width=50", "format=png", "--to", "small.png", "--json"))

    assert (tmp_path / "rocket.jpg").read_bytes() == photo.read_bytes()
    assert record["content_type"] == "image/png"
    refused = cli("download", image["id"])
    assert refused.exit_code == 1
    assert "already exists; use --overwrite to replace it" in refused.stderr
    assert cli("download", image["id"], "--overwrite").exit_code == 0


def test_download_names_the_file_after_the_delivered_format(cli: Invoke, photo: Path, tmp_path: Path) -> None:
    image = uploaded(cli, photo)

    (here,) = lines(cli("download", image["id"], "format=webp", "--json"))
    (there,) = lines(cli("download", image["id"], "format=webp", "--to", "photos/", "--json"))

    assert Path(here["path"]) == tmp_path / "rocket.webp"
    assert Path(there["path"]) == tmp_path / "photos" / "rocket.webp"


def test_a_stored_name_cannot_escape_the_folder(cli: Invoke, sandbox: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (tmp_path / "x.png").write_bytes(PNG)

    body = {"file_name": "../..\\evil.png", "mime_type": "image/png", "content_length": len(PNG)}
    headers = {"authorization": f"Bearer {sandbox.server_key}"}
    created = httpx.post(
        f"{sandbox.base_url}/api/v1/images/standard_upload",
        json=body,
        headers=headers,
        trust_env=False,
        timeout=60,
    ).json()
    headers = {"content-type": "image/png"}
    httpx.put(created["upload_url"], content=PNG, headers=headers, trust_env=False, timeout=60)
    eventually(lambda: lines(cli("show", created["image"]["id"], "--json"))[0]["status"] == "READY")

    result = cli("download", created["image"]["id"], "--to", "here")

    assert result.exit_code == 0, result.output
    assert [path.name for path in folder.iterdir()] == ["evil.png"]


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


def test_upload_by_url_token_cors_and_domain(cli: Invoke, photo: Path) -> None:
    image = uploaded(cli, photo)
    (fetched,) = lines(cli("upload-url", image["cdn_url"], "--wait", "--json"))
    assert fetched["status"] == "READY"
    assert lines(cli("token", "--json"))[0]["token"]

    (origin,) = lines(cli("cors", "add", "*.example.com", "--json"))
    assert "*.example.com" in cli("cors", "ls").stdout
    assert cli("cors", "rm", origin["id"]).exit_code == 0
    assert lines(cli("cors", "ls", "--json")) == []

    assert cli("domain", "show").exit_code == 4
    assert cli("domain", "set", "images.example.com").exit_code == 0
    assert lines(cli("domain", "test", "--json"))[0]["status"] == "CONNECTED"
    assert cli("domain", "rm").exit_code == 0


def test_metrics_shows_totals_and_graphs(cli: Invoke, photo: Path) -> None:
    uploaded(cli, photo)

    table = cli("metrics").stdout
    totals, *points = lines(cli("metrics", "--json"))

    assert "transfer_bytes" in table
    assert "█" in table
    assert totals["uploads"]["value"] == 1
    assert sum(point["uploads"] for point in points) == 1


@pytest.mark.parametrize(
    ("numbers", "bars"), [([], ""), ([0, 0], "▁▁"), ([0, 1, 7], "▁▂█"), ([5], "█")], ids=str
)
def test_graphs_range_from_zero_to_the_highest_number(numbers: list[int], bars: str) -> None:
    assert sparkline(numbers) == bars


def test_whoami_shows_the_kind_of_key(cli: Invoke, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    (record,) = lines(cli("whoami", "--json"))
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.client_key)
    (as_client,) = lines(cli("whoami", "--json"))

    assert (record["credential"], record["health"], record["images"]) == ("server key", "ok", 0)
    assert as_client["credential"] == "client key"


@pytest.mark.parametrize(
    ("arguments", "fault", "code"),
    [
        (["show", NOWHERE], {}, 4),
        (["show", "no-id"], {}, 5),
        (["ls"], {"status": 401}, 3),
        (["ls"], {"status": 403}, 3),
        (["ls"], {"status": 429, "retry_after": 3600}, 6),
        (["url", NOWHERE, "width"], {}, 2),
        (["nonsense"], {}, 2),
        (["--help"], {}, 0),
    ],
)
def test_exit_codes(
    cli: Invoke, sandbox: Sandbox, arguments: list[str], fault: dict[str, Any], code: int
) -> None:
    if fault:
        sandbox.faults.always("images.list", **fault)

    assert cli(*arguments).exit_code == code


def test_errors_are_json_for_scripts(cli: Invoke) -> None:
    result = cli("show", NOWHERE, "--json")

    assert result.stdout == ""
    error = json.loads(result.stderr)
    assert (error["error"], error["status"]) == ("NotFoundError", 404)


def test_without_a_key_the_message_names_the_variable_to_set(
    cli: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMGWIRE_API_KEY")

    result = cli("ls")

    assert (result.exit_code, "IMGWIRE_API_KEY" in result.stderr) == (2, True)


def test_names_cannot_control_the_terminal(cli: Invoke, photo: Path, tmp_path: Path) -> None:
    evil = tmp_path / "evil\x1b]0;title\x07[bold].jpg"
    evil.write_bytes(photo.read_bytes())
    assert cli("upload", str(evil)).exit_code == 0

    shown = cli("ls").stdout

    assert "\x1b" not in shown
    assert "[bold].jpg" in shown


def names_of(group: TyperGroup, *before: str) -> list[tuple[str, ...]]:
    names: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        path = (*before, name)
        names += names_of(command, *path) if isinstance(command, TyperGroup) else [path]
    return names


ALL = names_of(cast("TyperGroup", get_command(app)))


def test_every_operation_has_a_command() -> None:
    subjects = {name for name, *_ in ALL}
    assert subjects >= {
        "upload",
        "ingest",
        "ls",
        "url",
        "download",
        "cors",
        "domain",
        "metrics",
        "imgix",
        "migrate",
    }


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_every_command_shows_an_example_and_takes_json(cli: Invoke, command: tuple[str, ...]) -> None:
    explained = cli(*command, "--help").stdout

    assert "--json" in explained
    assert f"imgwire-async {' '.join(command)}" in explained.split("Options")[0].partition("Usage:")[2][40:]


def test_exit_codes_are_documented(cli: Invoke) -> None:
    assert "Exit codes" in cli("--help").stdout


def test_the_sandbox_prints_its_address_for_scripts() -> None:
    program = "from imgwire_async.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "sandbox", "--port", "0", "--json"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        answer = httpx.get(
            f"{told['base_url']}/api/v1/images/",
            headers={"authorization": f"Bearer {told['server_key']}"},
            trust_env=False,
            timeout=60,
        )
        process.terminate()
        assert process.wait(timeout=HANGS) == 0

    assert answer.json() == []
    assert set(told) == {"base_url", "server_key", "client_key", "session_token", "environment_id"}


def test_objects_of_a_store_are_uploaded_by_their_uri(cli: Invoke, photo: Path) -> None:
    with s3_server() as s3:
        s3.objects |= {"a//b.jpg": b"", "hero.jpg": photo.read_bytes()}
        environment = {"AWS_ACCESS_KEY_ID": "of-the-tests", "AWS_SECRET_ACCESS_KEY": "of-the-tests"}

        done = cli("upload", s3.uri("hero.jpg"), "--json", env=environment)
        missing = cli("upload", s3.uri("gone.jpg"), env=environment)

    (record,) = lines(done)
    assert record["original_filename"] == "hero.jpg"
    assert missing.exit_code == 5
    assert "the object does not exist" in missing.output
