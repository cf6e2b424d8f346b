"""Every example of the README runs as it stands, against a local Imgwire."""

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
from imgwire_async.sandbox import Sandbox

README = Path(__file__).resolve().parent.parent / "README.md"
TEXT = README.read_text()
EXAMPLES = {
    f"line {TEXT[: match.start()].count(chr(10)) + 2}": match[1]
    for match in re.finditer(r"```python\n(.*?)```", TEXT, re.DOTALL)
    if "def test_" not in match[1]  # tests/testing runs those
}
LINKS = [pytest.param(README.parent / link, id=link) for link in re.findall(r"\]\((?!https?:)([^)#]+)", TEXT)]


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
