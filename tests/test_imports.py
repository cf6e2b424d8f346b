"""`import imgwire_async` is fast, and all public names are loaded on first use."""

from __future__ import annotations

import ast
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import imgwire_async
import imgwire_async.imgix
from imgwire_async import errors

ERRORS = [name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, Exception)]
HTTP_LIBRARIES = {"httpx", "httpcore", "aiohttp", "yarl"}


@pytest.mark.parametrize("package", [imgwire_async, imgwire_async.imgix], ids=lambda one: one.__name__)
def test_names_are_loaded_from_the_modules_that_type_checkers_see(package: Any) -> None:
    seen = {
        alias.name: (node.module or "").removeprefix(f"{package.__name__}.")
        for node in ast.walk(ast.parse(Path(package.__file__).read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package.__name__}.")
        for alias in node.names
    }
    with_all_errors = seen.pop("*", None) == "errors"

    assert seen == package._MODULES
    if with_all_errors:
        seen |= dict.fromkeys(("ValidationIssue", *ERRORS), "errors")
    assert sorted(seen) == sorted(package.__all__)
    assert set(seen) <= set(dir(package))
    assert all(getattr(package, name) for name in seen)
    classes = [one for one in map(vars(package).get, seen) if isinstance(one, type)]
    assert all(pickle.loads(pickle.dumps(one)) is one for one in classes)


def loaded(code: str) -> set[str]:
    """The modules that `code` loads in a fresh process, except for those in `before`, if the code sets it."""
    program = f"""
import json, sys
before = set()
{code}
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    process = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    return set(json.loads(process.stdout.splitlines()[-1]))


def packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def within(package: str, modules: set[str]) -> set[str]:
    return {module for module in modules if module.startswith(f"{package}.")}


def test_nothing_is_loaded_before_it_is_used() -> None:
    modules = loaded("import imgwire_async")

    assert not packages(modules) & {"anyio", "asyncio", "httpx", "aiohttp", "attrs", "ssl"}
    assert within("imgwire_async", modules) == {"imgwire_async._moved"}


def test_the_client_class_loads_without_rarely_used_modules() -> None:
    modules = loaded("from imgwire_async import AsyncImgwireClient")

    assert not packages(modules) & {*HTTP_LIBRARIES, "sqlite3", "rich", "click", "typer"}
    assert "imgwire_async.downloads.archives" not in modules
    assert within("imgwire_async.ingest", modules) == {"imgwire_async.ingest.stopping"}
    assert not within("imgwire_async.imgwire.cdn", modules)
    assert not packages(loaded("from imgwire_async.imgix import AsyncImgixClient")) & HTTP_LIBRARIES


@pytest.mark.parametrize("name", ["errors", "models", "cdn_url", "Transformation", "IngestItem", "Page"])
def test_only_the_names_of_clients_need_the_http_libraries(name: str) -> None:
    assert not packages(loaded(f"from imgwire_async import {name}")) & HTTP_LIBRARIES


def test_a_url_of_imgix_is_signed_without_its_client() -> None:
    modules = loaded("from imgwire_async.imgix import imgix_url; import imgwire_async.imgix.urls")

    assert not packages(modules) & {"anyio", "asyncio", "attrs", *HTTP_LIBRARIES}
    assert within("imgwire_async.imgix", modules) == {"imgwire_async.imgix.urls"}


def test_the_modules_of_imgix_are_attributes_of_their_package() -> None:
    code = "import imgwire_async.imgix as imgix; imgix.records.Asset; imgix.urls.imgix_url; imgix.client"

    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("run", ["asyncio.run(main())", "import trio; trio.run(main)"])
def test_the_first_request_loads_nothing_that_the_constructor_could_have_loaded(run: str) -> None:
    code = f"""
import asyncio, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from imgwire_async import AsyncImgwireClient

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{{"status": "ok"}}')
    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()

async def main():
    global before
    async with AsyncImgwireClient("sk_test", base_url=f"http://127.0.0.1:{{server.server_port}}") as imgwire:
        before = set(sys.modules)
        await imgwire.health()

{run}
"""
    first_request = loaded(code)

    assert not packages(first_request) & {*HTTP_LIBRARIES, "imgwire_async"}


def test_a_bulk_job_loads_what_it_needs_when_it_is_entered() -> None:
    code = """
from imgwire_async import AsyncImgwireClient
imgwire = AsyncImgwireClient("sk_test")
before = set(sys.modules)
imgwire.ingest("photos/")
"""

    assert within("imgwire_async.ingest", loaded(code)) == {
        f"imgwire_async.ingest.{name}" for name in ("items", "job", "options", "sink")
    }


def test_the_library_for_object_stores_is_loaded_when_a_bucket_is_opened() -> None:
    code = """
import anyio
from imgwire_async import AsyncImgwireClient
from imgwire_async.bodies.sources import open_source
async def main():
    async with open_source(__import__("sys").executable):
        pass
anyio.run(main)
"""
    assert "obstore" not in packages(loaded(code))


def test_submodules_are_available_without_being_imported() -> None:
    code = "import imgwire_async; imgwire_async.errors.ImgwireError; imgwire_async.models.Image"

    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("package", [imgwire_async, imgwire_async.imgix], ids=lambda one: one.__name__)
def test_an_unknown_name_is_an_attribute_error(package: Any) -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = package.nonsense


def loaded_by_command(*arguments: str, **environment: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    return loaded(f"""
import os
os.environ |= {environment!r}
sys.argv = {["imgwire-async", *arguments]!r}
from imgwire_async.cli import main
try:
    main()
except SystemExit:
    print()
""")


def without_a_client(modules: set[str]) -> bool:
    """Whether the commands are loaded, but nothing that only running a command needs."""
    needless = {*HTTP_LIBRARIES, "anyio", "attrs", "matplotlib", "fastapi"}
    return (
        "imgwire_async.cli.app" in modules
        and not packages(modules) & needless
        and not modules & {"imgwire_async.imgwire.client", "imgwire_async.ingest.job"}
        and not within("imgwire_async.imgix", modules)
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["ls", "--help"],
        ["ingest", "--help"],
        ["cors", "add", "--help"],
        ["imgix", "upload", "--help"],
        ["nonsense"],
    ],
)
def test_help_and_wrong_usage_load_neither_a_client_nor_an_http_library(arguments: list[str]) -> None:
    assert without_a_client(loaded_by_command(*arguments))


@pytest.mark.parametrize("line", ["imgwire-async ", "imgwire-async in", "imgwire-async ingest --on"])
def test_completion_loads_no_library_for_tables_either(line: str) -> None:
    modules = loaded_by_command(
        _IMGWIRE_ASYNC_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(line.count(" "))
    )

    assert without_a_client(modules)
    assert "rich" not in packages(modules)
