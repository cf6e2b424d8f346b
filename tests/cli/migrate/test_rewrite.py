"""`migrate rewrite` on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from imgwire_async.cli.app import app
from tests.hangs import HANGS

OLD = "https://shop.imgix.net/a.jpg"
NEW = "https://cdn.example.com/one"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "urls.csv").write_text(f"old_url,image_id,cdn_url\n{OLD},one,{NEW}\n")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.html").write_text(f"<img src='{OLD}?w=6'>\n{OLD}?trim=auto\n")
    return tmp_path / "site" / "a.html"


def invoke(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(app, ["migrate", "rewrite", *arguments, "--urls", "urls.csv"], **options)


def test_a_diff_and_totals_are_shown_and_nothing_is_written(site: Path) -> None:
    before = site.read_text()

    result = invoke("site")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[:5] == [
        "--- a/site/a.html",
        "+++ b/site/a.html",
        "@@ -1,2 +1,2 @@",
        f"-<img src='{OLD}?w=6'>",
        f"+<img src='{NEW}?enlarge=true&width=6'>",
    ]
    assert "2 imgix URLs: 1 exact, 0 approximate, 1 unsupported" in result.stderr
    assert "trim: no trimming" in result.stderr
    assert "use --write" in result.stderr
    assert site.read_text() == before


def test_files_are_written_with_write(site: Path) -> None:
    assert invoke("site", "--write", "--no-diff").stdout == ""

    assert site.read_text() == f"<img src='{NEW}?enlarge=true&width=6'>\n{OLD}?trim=auto\n"


def test_partial_pictures_are_accepted_on_request(site: Path) -> None:
    invoke("site", "--write", "--accept", "unsupported")

    assert site.read_text().endswith(f"\n{NEW}\n")


def test_json_has_a_line_for_each_changed_file_and_the_totals() -> None:
    result = invoke("site", "--json")

    file, totals = map(json.loads, result.stdout.splitlines())
    assert (file["path"], file["changed"], file["exact"]) == ("site/a.html", True, 1)
    assert totals["files"] == {"read": 1, "changed": 1, "skipped": 0, "failed": 0}
    assert totals["unsupported_reasons"] == [{"parameter": "trim", "reason": "no trimming", "count": 1}]


def test_values_on_standard_input_are_rewritten_to_standard_output() -> None:
    result = invoke("-", input=f"{OLD}?w=6\n\nother\n{OLD}")

    assert result.stdout == f"{NEW}?enlarge=true&width=6\n\nother\n{NEW}"
    assert "2 imgix URLs: 2 exact" in result.stderr


def test_a_column_on_standard_input_is_rewritten() -> None:
    result = invoke("-", "--column", "url", input=f"id,url\n{OLD},{OLD}\n")

    assert result.stdout == f"id,url\n{OLD},{NEW}\n"


def test_defaults_of_the_source_and_further_hosts_count(site: Path) -> None:
    site.write_text("https://img.example/a.jpg?w=6")

    invoke("site", "--write", "--host", "img.example", "--defaults", "fit=crop&q=60")

    assert site.read_text() == f"{NEW}?enlarge=true&quality=60&width=6"


@pytest.mark.parametrize(("arguments", "code"), [(["none"], 1), (["-", "site"], 2), (["-", "--write"], 2)])
def test_an_unreadable_file_fails(arguments: list[str], code: int) -> None:
    assert invoke(*arguments).exit_code == code


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        (">/dev/full", "Error: cannot write the output: No space left on device\n"),
        (">&-", "Error: cannot write the output: standard output is closed\n"),
        ("| true", ""),
    ],
)
def test_output_that_cannot_be_written_is_not_a_failure_of_a_file(
    site: Path, output: str, problem: str
) -> None:
    site.write_text(f"{OLD}?w=6\n" * 50_000)  # more than a pipe holds

    ended = in_shell(f"site --urls urls.csv {output}")

    assert (ended.returncode, ended.stderr) == (1, problem)


def test_a_closed_standard_input_is_named() -> None:
    ended = in_shell("- --urls urls.csv <&-")

    assert (ended.returncode, ended.stderr) == (5, "Error: cannot read standard input: Bad file descriptor\n")


def in_shell(arguments: str) -> subprocess.CompletedProcess[str]:
    command = f'set -o pipefail; "{sys.executable}" -m imgwire_async.cli migrate rewrite {arguments}'
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, check=False, text=True, timeout=HANGS, env=environment
    )
