"""What the generated tree offers and the hand-written facade does not pass on yet.

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
    given = _calls(package)
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
                elif not _gives(given[function.name], argument.arg):
                    missing.append(f"{name}: query parameter {argument.arg} is not given by the facade")
    return missing


def _missing_fields(tree: Path, body: ast.arg, given: dict[str, set[str]]) -> Iterator[str]:
    names = {node.id for node in ast.walk(body.annotation or ast.Pass()) if isinstance(node, ast.Name)}
    for module in sorted((tree / "models").glob("*.py")):
        for model in _top_level(module, ast.ClassDef):
            if model.name not in names:
                continue
            for statement in model.body:
                if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                    continue
                field = statement.target.id
                if field != "additional_properties" and not _gives(given.get(model.name, set()), field):
                    yield f"field {field} of {model.name} is not given by the facade"


def _gives(arguments: set[str], name: str) -> bool:
    return name in arguments or _EVERYTHING in arguments


def _calls(package: Path) -> dict[str, set[str]]:
    """Keyword arguments that the facade gives, by the last name of what it calls."""
    found: dict[str, set[str]] = {}
    for file in sorted(package.rglob("*.py")):
        if file.relative_to(package).parts[0] in _NOT_FACADE:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"), file.name)):
            if isinstance(node, ast.Call):
                called = node.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                arguments = {keyword.arg or _EVERYTHING for keyword in node.keywords}
                found.setdefault(name, set()).update(arguments)
    return found


def _top_level(module: Path, kind: type[T]) -> Iterator[T]:
    for node in ast.parse(module.read_text("utf-8")).body:
        if isinstance(node, kind):
            yield node
