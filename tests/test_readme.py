"""Every example of the README and of the guides runs as it stands, against a local Imgwire."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shutil
import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import anyio
import pytest

from imgwire_async import AsyncImgwireClient
from imgwire_async.core.fetch import MAX_REDIRECTS, WORTHWHILE
from imgwire_async.core.pace.local_limits import LONGEST_WAIT, PAUSE
from imgwire_async.core.retry import DEFAULT_CAPACITY, RETRIED_STATUSES, RetryPolicy
from imgwire_async.imgwire import confirming
from imgwire_async.imgwire.resources.polling import FIRST_PAUSE, SLOWEST_PAUSE
from imgwire_async.ingest.coordination.coordinator import ATTEMPTS, DEFERRALS
from imgwire_async.ingest.coordination.health import FIRST_PROBE, LONGEST_PROBE
from imgwire_async.ingest.runners.processes import MOST_DEATHS
from imgwire_async.sandbox import Sandbox

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


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
async def test_example_runs(
    example: str, folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)
    if "asyncio.run(" in example:
        script = folder / "example.py"
        script.write_text(example)
        await anyio.run_process([sys.executable, str(script)], env=os.environ | {"PYTHONDEVMODE": "1"})
        return
    async with AsyncImgwireClient() as imgwire:
        image = await imgwire.images.upload("hero.jpg")
        content = (folder / "hero.jpg").read_bytes()
        names: dict[str, Any] = {
            "imgwire": imgwire,
            "image": image,
            "image_id": image.id,
            "content": content,
        }
        code = compile(example, str(README), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)
        if inspect.isawaitable(result):
            await result
        # Examples that define a function show how it is called by its name.
        if "try_it" in names:
            await names["try_it"]("hero.jpg")


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
        f"from {FIRST_PAUSE:g} s to every {SLOWEST_PAUSE:g} s",
        f"{ATTEMPTS} attempts, `item_deadline`",
        f"put back up to {DEFERRALS} times",
        f"after {FIRST_PROBE:g} s up to every {LONGEST_PROBE:g} s, until `max_pause` ({pause:g} s)",
        f"{MOST_DEATHS} deaths in a row",
        f"`READY` for {confirming.LONGEST_WAIT:g} s",
    ):
        assert stated in guide
