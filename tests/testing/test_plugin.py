"""The pytest plugin as users run it: in separate runs of pytest."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import imgwire_async

PACKAGE = Path(imgwire_async.__file__).parent
CONFIGURATION = """
[pytest]
filterwarnings = error
asyncio_default_fixture_loop_scope = function
"""
OTHERS = ("-pno:schemathesis", "-pno:hypothesispytest", "-pno:respx", "-pno:cacheprovider")
"""Plugins that may be installed here and are slow to load."""


def example(language: str, containing: str, guide: str = "fastapi.md") -> str:
    """The only block of the guide in this language that contains this text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (PACKAGE / "guides" / guide).read_text(), re.DOTALL)
    (block,) = [block for block in blocks if containing in block]
    return str(block)


def pytest_in(folder: Path, test: str, *arguments: str) -> str:
    """The output of a pytest run, with the async plugins in their default modes."""
    (folder / "pytest.ini").write_text(CONFIGURATION)
    (folder / "test_it.py").write_text(test)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", *OTHERS, *arguments, "test_it.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout + run.stderr


def test_nothing_is_loaded_until_a_fixture_is_used(tmp_path: Path) -> None:
    test = """
import sys

def test_modules():
    assert "pytest_imgwire_async" in sys.modules
    assert not {"imgwire_async", "httpx", "aiohttp", "fastapi"} & sys.modules.keys()
"""
    assert "1 passed" in pytest_in(tmp_path, test)


def test_the_example_of_the_guide_passes(tmp_path: Path, photo: Path) -> None:
    (tmp_path / "service.py").write_text(example("python", "app = FastAPI(lifespan=imgwire_lifespan())"))
    (tmp_path / "hero.jpg").write_bytes(photo.read_bytes())

    test = example("python", "def test_an_upload", "testing.md")

    assert "2 passed" in pytest_in(tmp_path, test, "-oasyncio_mode=auto")


def test_the_example_of_the_readme_passes(tmp_path: Path, photo: Path) -> None:
    readme = (PACKAGE.parent / "README.md").read_text()
    (test,) = re.findall(r"```python\n(async def test_.*?)```", readme, re.DOTALL)
    (tmp_path / "hero.jpg").write_bytes(photo.read_bytes())

    assert "1 passed" in pytest_in(tmp_path, test, "-oasyncio_mode=auto")


def test_the_example_of_the_guide_about_imgix_passes(tmp_path: Path) -> None:
    guide = (PACKAGE / "guides" / "imgix.md").read_text()
    (test,) = re.findall(r"```python\n(async def test_.*?)```", guide, re.DOTALL)

    assert "1 passed" in pytest_in(tmp_path, test, "-oasyncio_mode=auto")


FAULTS = """
import asyncio

import pytest

def test_unused(imgwire_sandbox):
    imgwire_sandbox.faults.once("images.create", status=503)

@pytest.fixture
def busy(imgwire_sandbox):
    imgwire_sandbox.faults.always("images.create", status=503)

def test_unused_of_a_fixture(busy): ...

def test_used(imgwire_sandbox, imgwire_client):
    imgwire_sandbox.faults.times(3, "images.list", status=429, retry_after=50)
    asyncio.run(list_images(imgwire_client))

async def list_images(client):
    assert (await client.images.list()).data == []

def test_failed_for_another_reason(imgwire_sandbox):
    imgwire_sandbox.faults.once("images.create", status=503)
    assert 1 == 2

@pytest.mark.imgwire_sandbox(procesing_delay=3)
def test_with_unknown_settings(imgwire_sandbox): ...

@pytest.mark.anyio
async def test_with_anyio(imgwire_sandbox, imgwire_client, anyio_backend):
    imgwire_sandbox.faults.once("images.list", status=429, retry_after=50)
    await list_images(imgwire_client)
"""


def test_a_scripted_fault_that_does_not_occur_fails_a_passing_test(tmp_path: Path) -> None:
    run = pytest_in(tmp_path, FAULTS)

    assert "FAILED test_it.py::test_unused - Failed: These scripted faults did not" in run
    assert "FAILED test_it.py::test_unused_of_a_fixture - Failed: These scripted" in run
    assert "images.create: Fault(status=503" in run
    assert "PASSED test_it.py::test_used" in run
    assert "FAILED test_it.py::test_failed_for_another_reason - assert 1 == 2" in run
    assert "PASSED test_it.py::test_with_anyio[asyncio]" in run
    assert "PASSED test_it.py::test_with_anyio[trio]" in run
    assert "unexpected keyword argument 'procesing_delay'" in run
    assert "3 failed, 3 passed, 1 error in" in run


LOOPS = """
import pytest

@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("n", range(3))
async def test_one_loop_for_the_module(imgwire_client, n):
    await imgwire_client.health()

@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("n", range(3))
async def test_one_loop_for_all(imgwire_client, n):
    await imgwire_client.health()
"""


def test_event_loops_may_outlive_their_tests(tmp_path: Path) -> None:
    run = pytest_in(tmp_path, LOOPS)

    assert "6 passed" in run
    assert "destroyed" not in run
    assert "Unclosed" not in run


MARKER = """
import pytest

@pytest.mark.imgwire_sandbox(3)
def test_it(imgwire_sandbox): ...
"""


def test_settings_without_names_are_rejected(tmp_path: Path) -> None:
    assert "takes fields of SandboxSettings by their names" in pytest_in(tmp_path, MARKER)


CHANCE = """
from imgwire_async.sandbox import Fault

def test_it(imgwire_sandbox):
    imgwire_sandbox.faults.random(0.01, 1, [Fault(status=500)], "images.list")
"""


def test_a_random_fault_need_not_occur(tmp_path: Path) -> None:
    assert "1 passed" in pytest_in(tmp_path, CHANCE)


def test_pytest_lists_the_marker(tmp_path: Path) -> None:
    assert "imgwire_sandbox(**settings)" in pytest_in(tmp_path, "", "--markers")
