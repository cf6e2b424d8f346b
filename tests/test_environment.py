"""The caller's environment variables reach neither the demo, the pytest plugin nor the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ingest.support import folder_of

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = {
    "IMGWIRE_API_KEY": "sk_other",
    "IMGWIRE_API_BASE_URL": "https://elsewhere.invalid",
    "IMGWIRE_ENVIRONMENT_ID": "11111111-2222-4333-8444-555555555555",
    "IMGWIRE_CLIENT_KEY": "ck_other",
    "FORCE_COLOR": "1",
    "COLUMNS": "20",
    "HTTP_PROXY": "http://127.0.0.1:9",
}
PLUGINS = ("-pno:schemathesis", "-pno:hypothesispytest", "-pno:respx", "-pno:cacheprovider")


def run(*arguments: str, folder: Path = ROOT) -> str:
    command = [sys.executable, *arguments]
    ended = subprocess.run(
        command, cwd=folder, env=os.environ | HOSTILE, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_demo_uses_its_own_service(tmp_path: Path) -> None:
    code = f"import demo, pathlib, sys; demo.WORKPLACE = pathlib.Path({str(tmp_path / 'workplace')!r})\n"
    code += f"import typer; sys.path.insert(0, {str(ROOT)!r}); typer.run(demo.main)"
    photos = folder_of(tmp_path / "photos", 2)

    output = run("-c", code, str(photos), folder=ROOT / "scripts")

    assert output.count("READY") == 2


PLUGIN = """
import asyncio

def test_it(imgwire_sandbox, imgwire_client):
    asyncio.run(upload(imgwire_client))
    assert "x-environment-id" not in imgwire_sandbox.requests[0].headers

async def upload(client):
    assert (await client.images.list()).data == []
"""


def test_the_client_of_the_plugin_belongs_to_its_sandbox(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(PLUGIN)

    assert "1 passed" in run("-m", "pytest", *PLUGINS, "test_it.py", folder=tmp_path)


@pytest.mark.parametrize(
    "tests",
    [
        ("tests/test_readme.py", "-k", "on_its_own[README"),
        ("tests/cli/test_commands.py", "-k", "upload_show_list or metrics or help"),
        ("tests/cli/jobs/test_ingest.py", "-k", "folder_is_stored"),
    ],
    ids=["the examples of the README", "commands", "jobs"],
)
def test_the_tests_see_only_what_they_set(tests: tuple[str, ...]) -> None:
    assert " passed" in run("-m", "pytest", "-q", *PLUGINS, *tests)
