"""`import imgwire_async` is quick, and everything it offers is there when it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import imgwire_async

SOURCE = ast.parse(Path(imgwire_async.__file__).read_text())


def test_names_are_loaded_from_where_type_checkers_see_them() -> None:
    seen = {
        alias.name: (node.module or "").removeprefix("imgwire_async.")
        for node in ast.walk(SOURCE)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("imgwire_async")
        for alias in node.names
    }

    assert seen == imgwire_async._MODULES
    assert sorted(seen) == sorted(imgwire_async.__all__)
    assert all(getattr(imgwire_async, name) for name in seen)


def test_nothing_is_loaded_before_it_is_used() -> None:
    code = "import sys, imgwire_async; assert not {'anyio', 'httpx', 'aiohttp', 'attrs'} & sys.modules.keys()"

    subprocess.run([sys.executable, "-c", code], check=True)


def test_submodules_are_there_without_an_import_of_their_own() -> None:
    code = "import imgwire_async; imgwire_async.errors.ImgwireError; imgwire_async.models.Image"

    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = imgwire_async.nonsense
