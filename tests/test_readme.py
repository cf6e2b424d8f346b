"""Every example of the README and of the guides runs as it stands, against a local Imgwire."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from imgwire_async import AsyncImgwireClient
from imgwire_async.cli.app import app as program
from imgwire_async.core.fetch import MAX_REDIRECTS, WORTHWHILE
from imgwire_async.core.pace.local_limits import LONGEST_WAIT, PAUSE
from imgwire_async.core.retry import DEFAULT_CAPACITY, RETRIED_STATUSES, RetryPolicy
from imgwire_async.imgix import AsyncImgixClient
from imgwire_async.imgix.service import IMGIX
from imgwire_async.imgwire import confirming
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
TEXTS = {path: path.read_text() for path in (README, *GUIDES)}
EXAMPLES = {
    f"{path.name} line {text[: match.start()].count(chr(10)) + 2}": match[1]
    for path, text in TEXTS.items()
    for match in re.finditer(r"```python\n(.*?)```", text, re.DOTALL)
    if "def test_" not in match[1]  # tests/testing runs those
}
COMMANDS = [
    line
    for line in TEXTS[PACKAGE / "guides" / "imgix.md"].splitlines()
    if line.startswith("imgwire-async imgix")
]
LINKS = [
    pytest.param(path.parent / link, id=link)
    for path, text in TEXTS.items()
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text)
]
_PATH = re.compile(r"`((?:\w+/)+(?:\w+\.(?:py|json))?|\w+\.py)`")
NAMED = sorted({name for path in GUIDES for name in _PATH.findall(TEXTS[path])})
"""Files and folders that the guides name, below the package or the project."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the examples, with the files that they name."""
    data = files("skimage") / "data"
    (tmp_path / "photos").mkdir()
    for source, target in {
        "rocket.jpg": "hero.jpg",
        "hubble_deep_field.jpg": "photos/hubble.jpg",
        "astronaut.png": "photos/astronaut.png",
    }.items():
        with as_file(data / source) as path:
            shutil.copyfile(path, tmp_path / target)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def local_imgix() -> Iterator[ImgixSandbox]:
    with ImgixSandbox(deployment_delay=0, indexing_delay=0, session_delay=0) as local:
        yield local


@pytest.fixture
def source(local_imgix: ImgixSandbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A source of a local imgix with what the guide about imgix names, to which the variables lead."""
    monkeypatch.setenv("IMGIX_API_KEY", local_imgix.api_key)
    monkeypatch.setenv("IMGIX_API_BASE_URL", local_imgix.base_url)
    source_id = local_imgix.add_source("shop")
    local_imgix.add_file(source_id, "heroes/hero.jpg", (folder / "hero.jpg").read_bytes())
    local_imgix.add_report("source_analytics", period_start=0, period_end=86400, files=[b"a,b"])
    yield source_id
    local_imgix.reset()


@pytest.fixture
def bucket(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """The bucket `photos` of a local S3, which the environment names, as the guide has it."""
    with s3_server() as local:
        monkeypatch.setenv("AWS_ENDPOINT_URL", local.url)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "of-the-tests")
        hero = (folder / "hero.jpg").read_bytes()
        local.objects |= {"hero.jpg": hero, "2024/one.jpg": hero, "2024/two.jpg": hero + b" "}
        yield local


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
async def test_example_runs(
    example: str,
    folder: Path,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    source = request.getfixturevalue("source") if "imgix" in example else None
    if "s3://" in example:
        request.getfixturevalue("bucket")
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)
    if "asyncio.run(" in example:
        script = folder / "example.py"
        script.write_text(example)
        await anyio.run_process([sys.executable, str(script)], env=os.environ | {"PYTHONDEVMODE": "1"})
        return
    async with AsyncExitStack() as clients:
        imgwire = await clients.enter_async_context(AsyncImgwireClient())
        image = await imgwire.images.upload("hero.jpg")
        content = (folder / "hero.jpg").read_bytes()
        names: dict[str, Any] = {
            "imgwire": imgwire,
            "image": image,
            "image_id": image.id,
            "content": content,
        }
        if source is not None:
            imgix = await clients.enter_async_context(AsyncImgixClient())
            names |= {"imgix": imgix, "source": await imgix.sources.wait_until_deployed(source)}
        code = compile(example, str(README), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)
        if inspect.isawaitable(result):
            await result
        # Examples that define a function show how it is called by its name.
        if "try_it" in names:
            await names["try_it"]("hero.jpg")
        if isinstance(app := names.get("app"), FastAPI):
            async with app.router.lifespan_context(app):
                pass


@pytest.mark.parametrize("line", COMMANDS)
def test_command_for_imgix_runs(line: str, source: str) -> None:
    _, *arguments = shlex.split(line.replace("$SOURCE", source))

    result = CliRunner().invoke(program, arguments)

    assert result.exit_code == 0, result.output
    assert result.output


@pytest.mark.parametrize("target", LINKS)
def test_links_between_pages_lead_somewhere(target: Path) -> None:
    assert target.exists()


@pytest.mark.parametrize("name", NAMED)
def test_what_the_guides_name_is_there(name: str) -> None:
    assert (PACKAGE / name).exists() or (README.parent / name).exists()


def test_the_guide_of_all_loops_has_the_numbers_of_the_code() -> None:
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
