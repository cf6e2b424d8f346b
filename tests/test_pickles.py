"""Pickles of earlier versions can still be loaded, even if classes have moved since."""

from __future__ import annotations

import ast
import base64
import importlib
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import imgwire_async
from imgwire_async import _moved
from imgwire_async.errors import ImgwireError
from tests.pickles.examples import IMAGE, examples, stored

FOLDER = Path(__file__).parent / "pickles"
EARLIER = {
    name: base64.b64decode(text)
    for name, text in json.loads((FOLDER / "before_the_layout_by_service.json").read_text()).items()
}
EXAMPLES = examples() | {"Stored": stored(image_id=IMAGE["id"], cdn_url=IMAGE["cdn_url"])}

LOAD = """
import pickle, sys
value = pickle.load(sys.stdin.buffer)
kind = value if isinstance(value, type) or callable(value) else type(value)
print(kind.__module__, kind.__qualname__)
repr(value)
"""


def assert_same(value: object, expected: object) -> None:
    assert type(value) is type(expected)
    assert (str(value), repr(value)) == (str(expected), repr(expected))
    if isinstance(value, ImgwireError):
        assert (value.args, vars(value)) == (expected.args, vars(expected))  # type: ignore[attr-defined]
    elif name_of_error(value) is None:
        assert value == expected


def name_of_error(value: object) -> str | None:
    """The name of the error in an outcome; the messages of errors are not compared."""
    error = getattr(value, "error", None)
    return None if error is None else type(error).__name__


def test_every_class_of_earlier_versions_has_an_example() -> None:
    assert EARLIER.keys() <= EXAMPLES.keys()


@pytest.mark.parametrize("name", EARLIER)
def test_a_value_pickled_under_earlier_paths_is_equal(name: str) -> None:
    assert_same(pickle.loads(EARLIER[name]), EXAMPLES[name])


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_value_pickled_now_is_equal(name: str) -> None:
    assert_same(pickle.loads(pickle.dumps(EXAMPLES[name])), EXAMPLES[name])


@pytest.mark.parametrize(
    "name", ["Image", "Page", "Stored", "RateClass", "Transformation", "NotFoundError", "a class"]
)
def test_a_fresh_process_needs_no_import_before_it_loads_a_pickle(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", LOAD], input=EARLIER[name], capture_output=True, check=True)

    value = EXAMPLES[name]
    kind = value if isinstance(value, type) else type(value)
    assert done.stdout.decode().split() == [kind.__module__, kind.__qualname__]


@pytest.mark.parametrize(("earlier", "now"), _moved._MODULES.items())
def test_an_earlier_path_leads_to_the_current_module_and_not_to_a_copy(earlier: str, now: str) -> None:
    module = importlib.import_module(f"imgwire_async.{earlier}")

    assert module is importlib.import_module(f"imgwire_async.{now}")
    assert module.__name__ == f"imgwire_async.{now}"
    assert module.__spec__ is not None
    assert module.__spec__.name == module.__name__


def test_modules_of_a_moved_package_are_not_copies() -> None:
    image = importlib.import_module("imgwire_async.lowlevel.models.image")

    assert image.Image is imgwire_async.Image


@pytest.mark.parametrize("module", ["imgwire_async.nonsense", "imgwire_async.lowlevel.nonsense"])
def test_a_module_that_never_existed_is_not_found(module: str) -> None:
    with pytest.raises(ModuleNotFoundError, match="nonsense"):
        importlib.import_module(module)


def test_a_name_that_never_existed_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = importlib.import_module("imgwire_async.core.operation").nonsense


def test_no_frozen_class_with_slots_defines_how_it_is_loaded() -> None:
    """Python before 3.11.4 replaces such a method; `reads_older_pickles` sets it afterwards."""
    found = []
    for path in Path(imgwire_async.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                decorators = " ".join(map(ast.unparse, node.decorator_list))
                methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
                if {"__getstate__", "__setstate__"} & methods and "frozen=True, slots=True" in decorators:
                    found.append(f"{path.name}: {node.name}")

    assert found == []
