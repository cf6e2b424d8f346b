"""`migrate survey` on the command line."""

from __future__ import annotations

import errno
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imgwire_async.cli.app import app

LINES = "/a.jpg?w=5&s=feedfacefeedface\n/a.jpg?w=5\n/a.jpg?trim=auto\nhttps://example.com/x\n"


def test_a_table_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "urls.txt"
    log.write_text(LINES)

    result = CliRunner().invoke(app, ["migrate", "survey", str(log), "--html", str(tmp_path / "page.html")])

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "3 requests: 2 exact (66.7 %), 0 approximate (0.0 %), 1 unsupported (33.3 %)"
    )
    assert "no trimming" in result.stdout
    assert "1 requests for other hosts" in result.stdout
    assert "feedface" not in result.output
    assert (tmp_path / "page.html").exists()


def test_standard_input_and_json() -> None:
    result = CliRunner().invoke(app, ["migrate", "survey", "-", "--json"], input=LINES)

    facts = json.loads(result.stdout)
    assert (facts["requests"], facts["statuses"]["exact"], facts["other_hosts"]) == (3, 2, 1)


@pytest.mark.parametrize("at", [12, -7], ids=["data", "sum"])
def test_damaged_gzip_on_standard_input_is_an_error(at: int) -> None:
    content = bytearray(gzip.compress(LINES.encode() * 9))
    content[at : at + 3] = b"\xff\xff\xff"

    result = CliRunner().invoke(app, ["migrate", "survey", "-"], input=bytes(content))

    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr.startswith("Error: cannot read standard input: ")


def test_a_file_that_does_not_exist_is_an_error() -> None:
    result = CliRunner().invoke(app, ["migrate", "survey", "none.log"])

    assert result.exit_code == 5
    assert "cannot read 'none.log'" in result.stderr


@pytest.fixture
def access(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "access.log"
    log.write_text("https://shop.imgix.net/a.jpg?w=4\n")
    return log


@pytest.mark.parametrize(
    "page", ["access.log", "folder/../access.log", "link", "hard", "no/page.html", "folder", "-"]
)
def test_a_page_that_would_replace_a_log_or_cannot_be_written_is_rejected_first(
    access: Path, page: str
) -> None:
    Path("link").symlink_to(access)
    Path("hard").hardlink_to(access)
    Path("folder").mkdir()

    result = CliRunner().invoke(app, ["migrate", "survey", "access.log", "--html", page])

    assert result.exit_code == 2, result.output
    assert f"Error: --html: cannot write '{page}'" in result.stderr
    assert not result.stdout
    assert access.read_text() == "https://shop.imgix.net/a.jpg?w=4\n"


def test_no_page_replaces_the_file_behind_standard_input(access: Path) -> None:
    command = "from imgwire_async.cli import main; main()"
    with access.open() as standard_input:
        result = subprocess.run(
            [sys.executable, "-c", command, "migrate", "survey", "-", "--html", "access.log"],
            stdin=standard_input,
            capture_output=True,
            text=True,
            check=False,
        )

    assert (result.returncode, "the requests are read from it" in result.stderr) == (2, True), result.stderr
    assert access.read_text() == "https://shop.imgix.net/a.jpg?w=4\n"


def test_a_page_that_fails_late_does_not_affect_the_rest(
    access: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "page.html")

    monkeypatch.setattr("imgwire_async.migrate.traffic.page.write_survey", fail)
    result = CliRunner().invoke(app, ["migrate", "survey", str(access), "--html", "page.html"])
    assert result.exit_code == 1
    assert "1 requests" in result.stdout
    assert "No space left on device: 'page.html'" in result.stderr
