"""The demo of a migration, as a new user sees it."""

from __future__ import annotations

import csv
import re
import subprocess
from pathlib import Path

import demo
import demo_migrate
import pytest
from rich.console import Console

from tests.ingest.support import folder_of

COUNT, URLS = 4, 40


def test_every_step_succeeds_and_reports_what_it_did(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "migration"

    succeeded = demo_migrate.migrate(
        Console(width=220), folder_of(tmp_path / "photos", 3), folder, count=COUNT, urls=URLS
    )

    output = capfd.readouterr().out
    assert succeeded, output
    assert f"{COUNT} photographs at a local imgix, {URLS} URLs in templates." in output
    for command in ("survey", "run --dry-run", "run", "rewrite", "verify"):
        assert f"$ imgwire-async migrate {command} " in output
    assert f"{COUNT} stored, 1 skipped" in output
    assert f"{URLS} imgix URLs: " in output
    assert "3 of unknown assets, 3 malformed, incomplete or unclear" in output
    assert f"{2 * COUNT} pairs: {COUNT} agree, 0 out of tolerance, {COUNT} approximate" in output
    assert (
        len(
            re.findall(
                r"^(?:Survey|Old and new URLs|Redirects|Changes|Report with).*: (.*)$", output, re.MULTILINE
            )
        )
        == 5
    )
    with (folder / "urls.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == COUNT
    templates = "".join(path.read_text(encoding="utf-8") for path in (folder / "templates").iterdir())
    left = re.findall(r"shop\.imgix\.net[^ \"\')]*", templates)
    assert all("trim=auto" in url or "gone" in url or url.endswith("w=<%=") for url in left)
    assert (folder / "verification" / "index.html").is_file()


@pytest.mark.slow
def test_the_demo_has_it_as_a_mode() -> None:
    script = Path(demo.__file__).with_name("demo")

    result = subprocess.run([script, "migrate", "--help"], capture_output=True, text=True, check=True)

    assert "from a local imgix to a local Imgwire" in result.stdout
