"""`imgwire-async imgix …` against a local imgix: tables, JSON output and exit codes."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from typer.testing import CliRunner, Result

from imgwire_async.cli.app import app
from imgwire_async.cli.imgix.running import each
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.imgix.service import ImgixService
from imgwire_async.sandbox import ImgixSandbox

Invoke = Callable[..., Result]
SECRET = "t0psecret-of-the-bucket"
NOWHERE = "5f73d9798d5327eb5194d54a"


@pytest.fixture(scope="module")
def server() -> Iterator[ImgixSandbox]:
    with ImgixSandbox(deployment_delay=0, indexing_delay=0, session_delay=0) as server:
        yield server


@pytest.fixture
def local(server: ImgixSandbox) -> Iterator[ImgixSandbox]:
    yield server
    server.reset()


@pytest.fixture
def cli(local: ImgixSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGIX_API_KEY", local.api_key)
    monkeypatch.setenv("IMGIX_API_BASE_URL", local.base_url)
    monkeypatch.setenv("COLUMNS", "200")
    unlimited = dict.fromkeys(ImgixService.rate_classes, RateLimit(1e6, burst=1000))
    monkeypatch.setattr(ImgixService, "rate_classes", unlimited)

    def invoke(*arguments: str, **options: Any) -> Result:
        result = CliRunner().invoke(app, ("imgix", *arguments), **options)
        for secret in (local.api_key, SECRET):
            assert secret not in result.output
        return result

    return invoke


def lines(result: Result) -> list[Any]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def columns(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.output
    return [line.split() for line in result.stdout.splitlines()]


class TestSources:
    def test_are_created_shown_changed_and_listed(self, cli: Invoke, tmp_path: Path) -> None:
        (tmp_path / "key.txt").write_text(f"{SECRET}\n")
        fields = [
            "--set",
            "s3_bucket=photos",
            "--set",
            "s3_access_key=AKIA",
            "--set",
            "s3_secret_key=@key.txt",
        ]

        (made,) = lines(
            cli(
                "sources",
                "create",
                "Shop",
                "--type",
                "s3",
                "--subdomain",
                "shop",
                *fields,
                "--json",
                "--wait",
            )
        )
        (changed,) = lines(
            cli(
                *("sources", "update", made["id"], "--name", "Store", "--set", "cache_ttl_value=3600"),
                *("--set", "secure_url_enabled=true", "--set", 'default_params={"auto": "format"}'),
                *("--set", "s3_secret_key=@-", "--json"),
                input=SECRET,
            )
        )

        assert (made["deployment_status"], made["hosts"]) == ("deployed", ["shop.imgix.net"])
        assert (changed["name"], changed["deployment"]["cache_ttl_value"]) == ("Store", 3600)
        assert changed["deployment"]["default_params"] == {"auto": "format"}
        assert changed["deployment"]["s3_bucket"] == "photos"
        (shown,) = lines(cli("sources", "show", made["id"], "--json"))
        assert shown["deployment"]["secure_url_enabled"] is True
        assert "secure_url_token" not in shown
        assert "s3_secret_key" not in json.dumps(shown)
        (header, row) = columns(cli("sources", "ls", "--filter", "deployment.type=s3", "--sort", "-name"))
        assert header[:3] == ["id", "name", "type"]
        assert row[:3] == [made["id"], "Store", "s3"]
        assert "deployment.s3_bucket" in cli("sources", "show", made["id"]).stdout

    def test_are_disabled_enabled_and_waited_for(self, cli: Invoke, local: ImgixSandbox) -> None:
        source = local.add_source("shop")

        assert lines(cli("sources", "disable", source, "--json"))[0]["enabled"] is False
        stopped = cli("sources", "wait", source)
        assert (stopped.exit_code, "disabled" in stopped.stderr) == (1, True)
        assert lines(cli("sources", "enable", source, "--json"))[0]["enabled"] is True
        assert lines(cli("sources", "wait", source, "--json"))[0]["deployment_status"] == "deployed"

    @pytest.mark.parametrize(
        ("field", "says"),
        [
            (f"s3_secret_key={SECRET}", "@FILE"),
            ("cache_ttl_value=long", "a whole number"),
            ("secure_url_enabled=perhaps", "true or false"),
            ("default_params=w", "a JSON object"),
            ("s3_bukcet=photos", "did you mean 's3_bucket'?"),
            ("allows_upload=true", "unknown field of a deployment"),
            ("s3_secret_key=@missing.txt", "cannot read 'missing.txt': No such file or directory"),
            ("s3_bucket", "NAME=VALUE"),
        ],
    )
    def test_fields_of_a_deployment_are_checked_before_anything_is_sent(
        self, cli: Invoke, local: ImgixSandbox, field: str, says: str
    ) -> None:
        result = cli("sources", "update", NOWHERE, "--set", field)

        assert result.exit_code == 2
        assert says in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert not local.requests

    def test_an_update_without_a_change_is_wrong_usage(self, cli: Invoke) -> None:
        assert cli("sources", "update", NOWHERE).exit_code == 2

    def test_urls_are_shown_without_a_password(self, cli: Invoke, local: ImgixSandbox) -> None:
        url = f"https://user:{SECRET}@origin.example.com/a@b/"
        source = local.add_source("shop", type="webfolder", webfolder_base_url=url, image_error=url)

        (shown,) = lines(cli("sources", "show", source, "--json"))

        assert shown["deployment"]["webfolder_base_url"] == "https://origin.example.com/a@b/"


class TestUploads:
    def test_store_files_under_their_names_in_a_folder(
        self, cli: Invoke, local: ImgixSandbox, photo: Path, tmp_path: Path
    ) -> None:
        source = local.add_source("shop")
        notes = tmp_path / "notes.txt"
        notes.write_text("Text is stored as well.")

        stored = lines(cli("upload", source, str(photo), "notes.txt", "--to", "heroes/", "--wait", "--json"))

        assert {one["origin_path"] for one in stored} == {"/heroes/rocket.jpg", "/heroes/notes.txt"}
        assert {one["file_size"] for one in stored} == {file.stat().st_size for file in (photo, notes)}

    def test_wait_no_longer_than_the_timeout(self, cli: Invoke, local: ImgixSandbox, photo: Path) -> None:
        source = local.add_source("shop")

        late = cli("upload", source, str(photo), "--wait", "--timeout", "0")
        unused = cli("upload", source, str(photo), "--timeout", "5")

        assert (late.exit_code, unused.exit_code) == (6, 2)
        assert "has not indexed the asset within 0 s" in late.stderr
        assert unused.stderr == "Error: --timeout needs --wait.\n"

    def test_take_standard_input_under_a_path(self, cli: Invoke, local: ImgixSandbox) -> None:
        source = local.add_source("shop")

        (header, row) = columns(cli("upload", source, "-", "--to", "a/b.bin", input=b"bytes"))

        assert (header[0], row[0]) == ("origin_path", "/a/b.bin")

    def test_replace_nothing_without_overwrite(self, cli: Invoke, local: ImgixSandbox, photo: Path) -> None:
        source = local.add_source("shop")
        local.add_file(source, "rocket.jpg", b"former")

        refused = cli("upload", source, str(photo))

        assert refused.exit_code == 5
        assert "use --overwrite" in refused.stderr
        assert "overwrite=True" not in refused.stderr
        assert cli("upload", source, str(photo), "--overwrite").exit_code == 0

    def test_one_bad_file_does_not_keep_the_others_from_being_stored(
        self, cli: Invoke, local: ImgixSandbox, photo: Path
    ) -> None:
        result = cli("upload", local.add_source("shop"), "missing.jpg", str(photo), "--json")

        assert result.exit_code == 5
        assert json.loads(result.stdout)["origin_path"] == "/rocket.jpg"
        assert json.loads(result.stderr)["item"] == "missing.jpg"

    @pytest.mark.parametrize(
        "arguments", [["a.jpg", "b.jpg", "--to", "x.jpg"], ["-"], ["a/x.jpg", "b/x.jpg"]], ids=" ".join
    )
    def test_need_a_path_of_its_own_for_each_file(
        self, cli: Invoke, local: ImgixSandbox, arguments: list[str]
    ) -> None:
        assert cli("upload", NOWHERE, *arguments).exit_code == 2
        assert not local.requests


class TestAssets:
    def test_are_listed_with_filters_shown_and_changed(self, cli: Invoke, local: ImgixSandbox) -> None:
        source = local.add_source("shop")
        local.add_file(source, "a.jpg", b"a", custom_fields={"season": "spring", "size": "L"})
        local.add_file(source, "b.jpg", b"b")

        assert len(lines(cli("assets", "ls", source, "--all", "--json"))) == 2
        spring = cli("assets", "ls", source, "--filter", "custom:season=spring")
        assert [row[0] for row in columns(spring)] == ["origin_path", "/a.jpg"]
        (changed,) = lines(
            cli(
                *("assets", "update", source, "a.jpg", "--name", "A", "--category", "x", "--category", "y"),
                *("--field", "season=autumn", "--json"),
            )
        )
        assert (changed["name"], changed["categories"]) == ("A", ["x", "y"])
        assert changed["custom_fields"] == {"season": "autumn", "size": "L"}
        assert lines(cli("assets", "show", source, "/a.jpg", "--json")) == [changed]
        assert cli("assets", "update", source, "a.jpg").exit_code == 2

    def test_are_added_refreshed_published_and_unpublished(self, cli: Invoke, local: ImgixSandbox) -> None:
        source = local.add_source("shop")
        local.add_file(source, "a.jpg", b"a", index=False)

        assert lines(cli("assets", "add", source, "a.jpg", "--json"))[0]["origin_path"] == "/a.jpg"
        assert columns(cli("assets", "refresh", source, "a.jpg"))[1][0] == "/a.jpg"
        (gone,) = lines(cli("assets", "unpublish", source, "a.jpg", "--json"))
        (back,) = lines(cli("assets", "publish", source, "https://shop.imgix.net/a.jpg", "--json"))
        assert gone["url"] == back["url"] == "https://shop.imgix.net/a.jpg"
        assert gone["unpublish_id"]
        assert back["publish_id"]

    def test_of_several_paths_each_failure_is_shown(self, cli: Invoke, local: ImgixSandbox) -> None:
        source = local.add_source("shop")
        local.add_file(source, "a.jpg", b"a")

        result = cli("assets", "refresh", source, "a.jpg", "b.jpg")

        assert result.exit_code == 4
        assert "/a.jpg" in result.stdout
        assert result.stderr.startswith("b.jpg: ")

    def test_an_unknown_filter_names_a_similar_one(self, cli: Invoke) -> None:
        result = cli("assets", "ls", NOWHERE, "--filter", "media=IMAGE")

        assert result.exit_code == 5
        assert "media_kind" in result.stderr


class TestPurges:
    def test_show_what_was_accepted_and_what_is_a_duplicate(self, cli: Invoke, local: ImgixSandbox) -> None:
        local.add_source("shop")
        url = "https://shop.imgix.net/a.jpg"

        (first,) = lines(cli("purge", url, "--json"))
        (second,) = lines(cli("purge", url, "--json"))

        assert (first["url"], bool(first["purge_id"]), first["duplicate"]) == (url, True, False)
        assert second["duplicate"] is True

    def test_take_urls_from_standard_input(self, cli: Invoke, local: ImgixSandbox) -> None:
        local.add_source("shop")
        urls = [f"https://shop.imgix.net/{number}.jpg" for number in range(20)]

        done = lines(cli("purge", "-", "--json", input="\n".join([*urls, "", ""])))

        assert sorted(one["url"] for one in done) == sorted(urls)

    def test_take_urls_with_a_byte_order_mark_and_line_ends_of_windows(
        self, cli: Invoke, local: ImgixSandbox
    ) -> None:
        local.add_source("shop")
        url = "https://shop.imgix.net/bom.jpg"

        (done,) = lines(cli("purge", "-", "--json", input=b"\xef\xbb\xbf" + url.encode() + b"\r\n"))

        assert done["url"] == url

    def test_take_only_text_from_standard_input(self, cli: Invoke) -> None:
        result = cli("purge", "-", input=b"https://shop.imgix.net/\xff.jpg")

        assert result.exit_code == 2
        assert "standard input" in result.stderr
        assert len(result.stderr.splitlines()) == 1

    def test_end_quietly_when_their_reader_closes_the_pipe(
        self, cli: Invoke, local: ImgixSandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def closed(_: object) -> None:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

        local.add_source("shop")
        monkeypatch.setattr("imgwire_async.cli.imgix.running.show_json", closed)

        result = cli("purge", *(f"https://shop.imgix.net/{number}.jpg" for number in range(30)), "--json")

        assert (result.exit_code, result.output) == (1, "")
        assert len(local.requests) < 30

    def test_of_a_part_of_other_images_need_their_source(self, cli: Invoke) -> None:
        assert cli("purge", "https://shop.imgix.net/a.jpg", "--sub-image").exit_code == 2

    def test_stop_when_the_key_lacks_the_permission(
        self, cli: Invoke, local: ImgixSandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        local.add_source("shop")
        monkeypatch.setenv("IMGIX_API_KEY", local.create_key("sources"))

        result = cli("purge", *(f"https://shop.imgix.net/{number}.jpg" for number in range(100)))

        assert result.exit_code == 3
        assert len(result.stderr.splitlines()) == 1
        assert "Asset Purge" in result.stderr


def test_reports_are_listed_waited_for_and_downloaded(cli: Invoke, local: ImgixSandbox) -> None:
    report = local.add_report("source_analytics", period_start=0, period_end=86400, files=[b"a,b", b"c,d"])

    (row,) = columns(cli("reports", "ls", "--filter", "completed=true"))[1:]
    assert row[:2] == [report, "source_analytics"]
    (shown,) = lines(cli("reports", "show", report, "--json"))
    assert len(shown["files"]) == 2
    assert "?" not in "".join(shown["files"])
    assert lines(cli("reports", "wait", report, "--json"))[0]["completed"] is True
    files = lines(cli("reports", "download", report, "--to", "reports", "--json"))
    assert [Path(file["path"]).read_bytes() for file in files] == [b"a,b", b"c,d"]
    again = cli("reports", "download", report, "--to", "reports")
    assert (again.exit_code, "use --overwrite" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["sources", "show", NOWHERE], 4),
        (["assets", "show", NOWHERE, "a/../b.jpg"], 5),
        (["purge", "no-url"], 5),
        (["sources", "ls", "--limit", "0"], 2),
        (["reports", "show", NOWHERE], 4),
        (["nonsense"], 2),
    ],
    ids=str,
)
def test_exit_codes(cli: Invoke, arguments: list[str], code: int) -> None:
    assert cli(*arguments).exit_code == code


def test_without_a_key_one_sentence_names_the_variable_to_set(
    cli: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMGIX_API_KEY")

    result = cli("sources", "ls")

    assert result.exit_code == 2
    assert result.stderr == "Error: no API key: set the environment variable IMGIX_API_KEY\n"


def test_errors_are_json_for_scripts(cli: Invoke) -> None:
    result = cli("sources", "show", NOWHERE, "--json")

    assert result.stdout == ""
    error = json.loads(result.stderr)
    assert (error["error"], error["status"]) == ("NotFoundError", 404)


def test_retries_are_shown_with_verbose(cli: Invoke, local: ImgixSandbox) -> None:
    local.faults.once("sources.list", status=503)

    result = cli("sources", "ls", "--verbose")

    assert result.exit_code == 0
    assert "Retrying (2 of 5)" in result.stderr
    assert "503" in result.stderr


def test_another_base_url_receives_the_key_of_the_variable(
    cli: Invoke, local: ImgixSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGIX_API_BASE_URL", "http://127.0.0.1:1")

    assert lines(cli("sources", "ls", "--json", "--base-url", local.base_url)) == []


async def test_an_interrupted_command_shows_what_it_has_done(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = anyio.Event()

    async def work(item: str) -> dict[str, str]:
        if item == "slow":
            waiting.set()
            await anyio.sleep_forever()
        return {"id": item}

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(each, ["done", "slow"], work, ["id"], as_json=False))
        await waiting.wait()
        tasks.cancel_scope.cancel()
    assert "done" in capsys.readouterr().out
