"""Finds what the generated tree offers and the hand-written facade does not pass on yet.

Read from the source, not from imports: a facade that does not fit the new tree must not stop the report.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T", bound=ast.stmt)

_NOT_FACADE = {"lowlevel", "sandbox"}
_EVERYTHING = "**"


def unreachable(tree: Path, package: Path) -> list[str]:
    """Operations, query parameters and request fields that no call in the facade gives.

    Args:
        tree: the generated tree.
        package: the package whose other modules are the facade.

    Returns:
        A sentence for each, by operation.
    """
    given, keys = _calls(package), _keys(package)
    missing: list[str] = []
    for module in sorted((tree / "api").glob("*/*.py")):
        for function in _top_level(module, ast.AsyncFunctionDef):
            name = f"{module.parent.name}.{function.name.removeprefix(module.parent.name + '_')}"
            if function.name not in given:
                missing.append(f"{name}: not called by the facade")
                continue
            for argument in function.args.kwonlyargs:
                if argument.arg == "body":
                    missing += [f"{name}: {line}" for line in _missing_fields(tree, argument, given)]
                elif not _gives(given[function.name], argument.arg) and not (
                    "further_query" in given[function.name] and _innermost(function, argument.arg) in keys
                ):
                    missing.append(f"{name}: query parameter {argument.arg} is not given by the facade")
    return missing


def _missing_fields(tree: Path, body: ast.arg, given: dict[str, set[str]]) -> Iterator[str]:
    """A sentence for each field of the body, or of a model in it, that the facade does not give."""
    models = {
        model.name: model
        for module in sorted((tree / "models").glob("*.py"))
        for model in _top_level(module, ast.ClassDef)
    }
    waiting = _names_in(body.annotation)
    seen: set[str] = set()
    while waiting:
        name = waiting.pop(0)
        if name in seen or name not in models:
            continue
        seen.add(name)
        for statement in models[name].body:
            if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                continue
            field = statement.target.id
            if field == "additional_properties" or _is_constant(statement):
                continue
            if _gives(given.get(name, set()), field):
                waiting += _names_in(statement.annotation)
            else:
                yield f"field {field} of {name} is not given by the facade"


def _names_in(annotation: ast.expr | None) -> list[str]:
    return [node.id for node in ast.walk(annotation or ast.Pass()) if isinstance(node, ast.Name)]


def _is_constant(statement: ast.AnnAssign) -> bool:
    """Whether a field has the one value that it can have, such as the type of a JSON:API resource."""
    return isinstance(statement.value, ast.Constant)


def _innermost(function: ast.AsyncFunctionDef, argument: str) -> str:
    """What the name of a query parameter has in brackets: `or:tags` of `filter[or:tags]`."""
    for node in ast.walk(function):
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and isinstance(value, ast.Name) and value.id == argument:
                return str(key.value).rpartition("[")[2].removesuffix("]")
    return ""


def _keys(package: Path) -> set[str]:
    """Keys that the facade writes in mappings, such as those of the filters that it puts into a query."""
    return {
        key.value
        for tree in _facade(package)
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def _facade(package: Path) -> Iterator[ast.Module]:
    for file in sorted(package.rglob("*.py")):
        if file.relative_to(package).parts[0] not in _NOT_FACADE:
            yield ast.parse(file.read_text("utf-8"), file.name)


def _gives(arguments: set[str], name: str) -> bool:
    return name in arguments or _EVERYTHING in arguments


def _calls(package: Path) -> dict[str, set[str]]:
    """Keyword arguments that the facade gives, by the last name of what it calls."""
    found: dict[str, set[str]] = {}
    for tree in _facade(package):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                arguments = {keyword.arg or _EVERYTHING for keyword in node.keywords}
                if name == "from_dict" and isinstance(called, ast.Attribute):
                    name, arguments = ast.unparse(called.value).rpartition(".")[2], {_EVERYTHING}
                found.setdefault(name, set()).update(arguments)
    return found


def _top_level(module: Path, kind: type[T]) -> Iterator[T]:
    for node in ast.parse(module.read_text("utf-8")).body:
        if isinstance(node, kind):
            yield node
