"""`migrate survey` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

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


def test_a_file_that_does_not_exist_is_an_error() -> None:
    result = CliRunner().invoke(app, ["migrate", "survey", "none.log"])

    assert result.exit_code == 5
    assert "cannot read 'none.log'" in result.stderr
