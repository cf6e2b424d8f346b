"""No async generator of the package holds a cancel scope across a `yield`.

A generator that is left early is closed by another task or by the garbage collector, and its scope would then
cancel unrelated work of the first task.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import imgwire_async

FOLDER = Path(imgwire_async.__file__).parent
OPENERS = {
    "CancelScope",
    "ForeignCode",
    "JoinedTasks",
    "TaskGroup",
    "create_task_group",
    "fail_after",
    "move_on_after",
    "open_nursery",
    "timeout",
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: str) -> Iterator[Function]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            yield node


def yields_within(function: Function, openers: set[str]) -> bool:
    """Whether the function has a `yield` inside a block opened by one of these."""

    def look(node: ast.AST, *, inside: bool) -> bool:
        if isinstance(node, ast.With | ast.AsyncWith):
            inside = inside or any(called(item.context_expr) in openers for item in node.items)
        if isinstance(node, ast.Yield | ast.YieldFrom) and inside:
            return True
        parts = (part for part in ast.iter_child_nodes(node) if not isinstance(part, Function | ast.Lambda))
        return any(look(part, inside=inside) for part in parts)

    return look(function, inside=False)


def called(expression: ast.expr) -> str:
    """The last part of a called name, such as `move_on_after` in `anyio.move_on_after(1)`."""
    if not isinstance(expression, ast.Call):
        return ""
    return ast.unparse(expression.func).rpartition(".")[2]


def offenders(source: list[Function]) -> list[str]:
    """Async generators with a `yield` inside a cancel scope, including scopes of our context managers."""
    openers = set(OPENERS)
    while found := {one.name for one in source if is_sync(one) and yields_within(one, openers)} - openers:
        openers |= found
    return [one.name for one in source if not is_sync(one) and yields_within(one, openers)]


def is_sync(function: Function) -> bool:
    return isinstance(function, ast.FunctionDef)


def test_no_async_generator_yields_within_a_cancel_scope() -> None:
    files = [path for path in FOLDER.rglob("*.py") if not {"lowlevel", "sandbox"} & set(path.parts)]
    texts = [text for path in files if "yield" in (text := path.read_text(encoding="utf-8"))]
    assert len(texts) > 40
    assert offenders([one for text in texts for one in functions(text)]) == []


def test_the_check_finds_such_a_generator() -> None:
    wrong = """
@contextmanager
def within_deadline():
    with time.move_on_after(1) as scope:
        yield scope

async def direct():
    async with anyio.create_task_group():
        yield 1

async def wrapped():
    with core.within_deadline():
        try:
            yield 1
        finally:
            pass

async def right():
    with core.within_deadline():
        await something()
    yield 1
"""
    assert offenders(list(functions(wrong))) == ["direct", "wrapped"]
