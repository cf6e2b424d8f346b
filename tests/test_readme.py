"""Every example of the README and of the guides runs unchanged, against a local Imgwire."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi import FastAPI

from imgwire_async import AsyncImgwireClient
from imgwire_async.core.fetch import MAX_REDIRECTS, WORTHWHILE
from imgwire_async.core.pace.local_limits import LONGEST_WAIT, PAUSE
from imgwire_async.core.retry import DEFAULT_CAPACITY, RETRIED_STATUSES, RetryPolicy
from imgwire_async.imgix import AsyncImgixClient
from imgwire_async.imgix.service import IMGIX
from imgwire_async.imgwire import confirming
from imgwire_async.imgwire.cdn.table import reference
from imgwire_async.imgwire.service import IMGWIRE
from imgwire_async.ingest.coordination.coordinator import ATTEMPTS, DEFERRALS
from imgwire_async.ingest.coordination.health import FIRST_PROBE, LONGEST_PROBE
from imgwire_async.ingest.runners.pool import MOST_DEATHS
from imgwire_async.ingest.shards.objects import ATTEMPTS as OBJECT_ATTEMPTS
from imgwire_async.ingest.shards.objects import FIRST_DELAY, LONGEST_DELAY
from imgwire_async.ingest.sources.buckets import LIST_RETRIES as BUCKET_LIST_RETRIES
from imgwire_async.migrate.job import LIST_RETRIES
from imgwire_async.sandbox import ImgixSandbox, Sandbox
from tests.stores.s3_server import S3Server, s3_server

README = Path(__file__).resolve().parent.parent / "README.md"
PACKAGE = README.parent / "imgwire_async"
GUIDES = sorted((PACKAGE / "guides").glob("*.md"))
GALLERY = (PACKAGE / "examples" / "gallery" / "service.py").read_text()
TEXTS = {path: path.read_text() for path in (README, *GUIDES)}
_BLOCK = re.compile(r"```(python|sh)\n(.*?)```", re.DOTALL)
_ENVIRONMENTS = {
    'eval "$(imgwire-async sandbox --env)"': "imgwire",
    'eval "$(imgwire-async sandbox imgix --env)"': "imgix",
}
LINKS = [
    pytest.param(path.parent / link, id=link)
    for path, text in TEXTS.items()
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text)
]
_PATH = re.compile(r"`((?:\w+/)+(?:\w+\.(?:py|json))?|\w+\.py)`")
NAMED = sorted(
    {
        name
        for guide in ("contributing.md", "retries-and-limits.md")
        for name in _PATH.findall(TEXTS[PACKAGE / "guides" / guide])
    }
)
"""Files and folders of the package or the project that the guides about the code mention."""


@pytest.fixture
def folder(tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: empty, except for the files that `scripts/demo` leaves in a checkout."""
    (tmp_path / ".demo" / "photographs").mkdir(parents=True)
    shutil.copyfile(photo, tmp_path / ".demo" / "photographs" / "rocket.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ".state"))  # the folder for journals of buckets
    monkeypatch.setenv("IMGWIRE_CONFIG_FILE", str(tmp_path / ".config" / "profiles.ini"))
    return tmp_path


class Shell:
    """The shell of a reader: lines that start a service set the variables of one shared service."""

    def __init__(
        self, folder: Path, sandbox: Sandbox, imgix: ImgixSandbox, patch: pytest.MonkeyPatch
    ) -> None:
        self.folder = folder
        self.patch = patch
        self.variables = {
            "imgwire": {
                "IMGWIRE_API_KEY": sandbox.server_key,
                "IMGWIRE_API_BASE_URL": sandbox.base_url,
                "IMGWIRE_ENVIRONMENT_ID": str(sandbox.environment_id),
                "IMGWIRE_CLIENT_KEY": sandbox.client_key,
            },
            "imgix": {"IMGIX_API_KEY": imgix.api_key, "IMGIX_API_BASE_URL": imgix.base_url},
        }

    def run(self, block: str) -> None:
        """Run the lines of a block, except for those that need a checkout or a host that does not exist."""
        lines = []
        for line in block.splitlines():
            command = line.partition("  #")[0].strip()
            if command in _ENVIRONMENTS:
                for name, value in self.variables[_ENVIRONMENTS[command]].items():
                    self.patch.setenv(name, value)
            elif not re.match(r"pip |scripts/|\.venv/|\. |.*example\.com", line):
                lines.append(line)
        if lines:
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            subprocess.run(
                ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],
                cwd=self.folder,
                env=os.environ | {"PATH": path},
                check=True,
                timeout=120,
            )


@pytest.fixture(scope="module")
def local_imgix() -> Iterator[ImgixSandbox]:
    with ImgixSandbox(deployment_delay=0, indexing_delay=0, session_delay=0) as local:
        yield local


@pytest.fixture
def imgix(local_imgix: ImgixSandbox) -> Iterator[ImgixSandbox]:
    yield local_imgix
    local_imgix.reset()


@pytest.fixture
def bucket(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """The bucket `photos` of the guides about buckets, as a local S3."""
    with s3_server() as local:
        monkeypatch.setenv("AWS_ENDPOINT_URL", local.url)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))  # journals of buckets
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "of-the-tests")
        hero = photo.read_bytes()
        local.objects |= {"hero.jpg": hero, "2024/one.jpg": hero, "2024/two.jpg": hero + b" "}
        yield local


# tests/migrate runs the guide that needs an account with pictures.
PAGES = [path for path in TEXTS if path.name != "moving-from-imgix.md"]
MARKS = {
    # Ray emits many warnings about its own internals.
    "clusters.md": [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")],
    # Each of its many commands would be a process; tests/cli runs them all in one.
    "command-line.md": [pytest.mark.slow],
}


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.name, marks=MARKS.get(path.name, [])) for path in PAGES]
)
async def test_a_page_runs_from_top_to_bottom_on_its_own(
    path: Path,
    folder: Path,
    sandbox: Sandbox,
    imgix: ImgixSandbox,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if path.name in {"cloud-stores.md", "export.md"}:
        request.getfixturevalue("bucket")
    if path.name == "clusters.md":
        request.getfixturevalue("cluster")
    shell = Shell(folder, sandbox, imgix, monkeypatch)
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        for match in _BLOCK.finditer(TEXTS[path]):
            language, block = match.groups()
            line = TEXTS[path][: match.start(2)].count("\n")
            if block == GALLERY:  # tests/integrations runs it
                continue
            if language == "sh":
                await anyio.to_thread.run_sync(shell.run, block)
            elif "asyncio.run(" in block:
                (folder / "example.py").write_text(block)
                environment = os.environ | {"PYTHONDEVMODE": "1"}
                await anyio.run_process([sys.executable, "example.py"], env=environment)
            elif "def test_" not in block:  # tests/testing runs those
                flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
                code = compile("\n" * line + block, str(path), "exec", flags, dont_inherit=True)
                result = eval(code, names)
                if inspect.isawaitable(result):
                    await result
            if isinstance(app := names.get("app"), FastAPI):
                async with app.router.lifespan_context(app):
                    pass
    finally:
        for client in names.values():
            if isinstance(client, AsyncImgwireClient | AsyncImgixClient):
                await client.aclose()


def test_the_readme_is_short() -> None:
    assert len(TEXTS[README].splitlines()) <= 200


def test_the_readme_links_to_every_guide() -> None:
    linked = set(re.findall(r"\]\(imgwire_async/guides/([\w-]+\.md)", TEXTS[README]))

    assert linked == {path.name for path in GUIDES}


def test_the_guide_about_fastapi_shows_the_current_service() -> None:
    assert f"```python\n{GALLERY}```" in TEXTS[PACKAGE / "guides" / "fastapi.md"]


def test_the_guide_about_delivery_has_the_table_of_transformations() -> None:
    assert reference() in TEXTS[PACKAGE / "guides" / "delivery.md"]


@pytest.mark.parametrize("target", LINKS)
def test_links_between_pages_work(target: Path) -> None:
    assert target.exists()


@pytest.mark.parametrize("name", NAMED)
def test_the_files_named_in_the_guides_exist(name: str) -> None:
    assert (PACKAGE / name).exists() or (README.parent / name).exists()


def test_the_guide_about_retries_has_the_numbers_of_the_code() -> None:
    guide = TEXTS[PACKAGE / "guides" / "retries-and-limits.md"]
    policy, arguments = RetryPolicy(), inspect.signature(AsyncImgwireClient.ingest).parameters

    retried = guide.partition("| Retried |")[2].partition("and")[0]
    pause = arguments["max_pause"].default

    assert re.findall(r"\d{3}", retried) == sorted(map(str, RETRIED_STATUSES))
    for stated in (
        f"1 + `max_retries` ({policy.max_retries})",
        f"up to {policy.base_delay:g} s, doubled with each retry up to {policy.max_delay:g} s",
        f"`max_retry_after` ({policy.max_retry_after:g} s)",
        f"{DEFAULT_CAPACITY:g} retries for all calls",
        f"{WORTHWHILE // 1024**2} MiB more has arrived; {MAX_REDIRECTS} redirects",
        f"every {PAUSE:g} s for {LONGEST_WAIT:g} s",
        *(f"from {one.pauses.first:g} s to every {one.pauses.longest:g} s" for one in (IMGWIRE, IMGIX)),
        f"{ATTEMPTS} attempts, `item_deadline`",
        f"put back up to {DEFERRALS} times",
        f"after {FIRST_PROBE:g} s up to every {LONGEST_PROBE:g} s, until `max_pause` ({pause:g} s)",
        f"{MOST_DEATHS} deaths in a row",
        f"`READY` for {confirming.LONGEST_WAIT:g} s",
        f"{LIST_RETRIES} retries or more",
        f"{OBJECT_ATTEMPTS} failures while others of its bucket are read",
        f"up to {FIRST_DELAY:g} s, doubled up to {LONGEST_DELAY:g} s",
        f"up to {BUCKET_LIST_RETRIES} times in a row",
    ):
        assert stated in guide
