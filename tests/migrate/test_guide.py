"""The examples of the guide "Moving from imgix" run unchanged, one after another."""

from __future__ import annotations

import ast
import asyncio
import csv
import inspect
import re
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from imgwire_async.cli.app import app
from imgwire_async.sandbox import ImgixSandbox, Sandbox
from tests.ingest.support import small_image

GUIDE = files("imgwire_async").joinpath("guides/moving-from-imgix.md").read_text()
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", GUIDE, re.DOTALL)
OLD = "https://shop.imgix.net/heroes/hero.jpg"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the files named in the guide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))  # the folder for the journal
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "index.html").write_text(f'<img src="{OLD}?w=4"><img src="{OLD}?w=<%= w %>">')
    (tmp_path / "products.csv").write_text(f"id,image_url\n1,{OLD}?h=5\n")
    (tmp_path / "access.log").write_text(f"{OLD}?w=4&fit=crop\n{OLD}?trim=auto\n")
    return tmp_path


@pytest.fixture
def moved(server: ImgixSandbox, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """An imgix account with one picture, and the environment variables for both services."""
    server.add_file(
        server.add_source("shop"), "/heroes/hero.jpg", small_image(1), custom_fields={"alt": "A hero"}
    )
    for name, value in {
        "IMGIX_API_KEY": server.api_key,
        "IMGIX_API_BASE_URL": server.base_url,
        "IMGIX_RENDERING_BASE_URL": server.base_url,
        "IMGWIRE_API_KEY": sandbox.server_key,
        "IMGWIRE_API_BASE_URL": sandbox.base_url,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("moved")
def test_every_example_runs_in_order(folder: Path) -> None:
    names: dict[str, Any] = {}
    with asyncio.Runner() as runner:
        for kind, text in BLOCKS:
            if kind == "sh":
                for line in text.splitlines():
                    result = CliRunner().invoke(app, shlex.split(line)[1:])
                    assert result.exit_code == 0, (line, result.output)
            else:
                code = compile(text, "guide", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                runner.run(_evaluate(code, names))

    with (folder / "urls.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["old_url"] == OLD
    assert (folder / "templates" / "index.html").read_text() == (
        f'<img src="{row["cdn_url"]}?enlarge=true&format=png&width=4"><img src="{OLD}?w=<%= w %>">'
    )
    assert row["cdn_url"] in (folder / "products.csv").read_text()
    assert (names["translation"].status, names["found"].is_within_tolerance) == ("unsupported", True)
    for written in (
        "survey.html",
        "plan.json",
        "redirects.conf",
        "redirects.caddy",
        "verification/index.html",
    ):
        assert (folder / written).stat().st_size
    assert not (folder / "dry.journal").exists()


async def _evaluate(code: Any, names: dict[str, Any]) -> None:
    result = eval(code, names)
    if inspect.isawaitable(result):
        await result
