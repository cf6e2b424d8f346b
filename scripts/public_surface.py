"""Writes `imgwire_async/API.md`: every public class, method and signature, so that a change shows in a diff.

    .venv/bin/python scripts/public_surface.py           rewrite the file
    .venv/bin/python scripts/public_surface.py --check   fail if it is not up to date

The source is read, not imported, so the result does not depend on the Python version.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import griffe
from reference import MODULES

REPOSITORY = Path(__file__).resolve().parent.parent
TARGET = REPOSITORY / "imgwire_async" / "API.md"


def surface() -> str:
    """The whole file."""
    package = griffe.load("imgwire_async", search_paths=[str(REPOSITORY)], resolve_aliases=True)
    lines = ["# Public surface", "", "Made by `scripts/public_surface.py`; do not edit."]
    seen: set[str] = set()
    for name in MODULES:
        module = package if name == package.path else package[name.removeprefix(f"{package.path}.")]
        block = [line for member in public_members(module) for line in described(member, seen)]
        if block:
            lines += ["", f"## {name.replace('.imgwire.lowlevel', '')}", "", "```python", *block, "```"]
    return "\n".join(lines) + "\n"


def public_members(module: griffe.Object | griffe.Alias) -> list[griffe.Object]:
    """What `__all__` lists, else the classes and functions that the module itself defines."""
    exported = [str(name) for name in module.exports or ()]
    members = [module.members[name] for name in exported] or [
        member for member in module.members.values() if not member.is_alias and member.is_public
    ]
    targets = [member.final_target if isinstance(member, griffe.Alias) else member for member in members]
    return sorted(targets, key=lambda target: target.name)


def described(target: griffe.Object, seen: set[str]) -> Iterator[str]:
    if target.path in seen:
        return
    seen.add(target.path)
    if isinstance(target, griffe.Class):
        bases = ", ".join(map(str, target.bases))
        yield f"class {target.name}({bases})" if bases else f"class {target.name}"
        for member in target.members.values():
            yield from described_member(member)
    elif isinstance(target, griffe.Function):
        yield signature(target)
    elif isinstance(target, griffe.Attribute):
        yield f"{target.name} = {target.value}"


def described_member(member: griffe.Object | griffe.Alias) -> Iterator[str]:
    if isinstance(member, griffe.Alias) or (member.name.startswith("_") and member.name != "__init__"):
        return
    if member.name == "__init__" and member.parent is not None and "dataclass" in member.parent.labels:
        return  # says the same as the fields
    if isinstance(member, griffe.Function):
        for overload in member.overloads or [member]:
            yield f"    {signature(overload)}"
    elif isinstance(member, griffe.Attribute):
        if member.annotation is not None:
            yield f"    {member.name}: {member.annotation}"
        elif "class-attribute" in member.labels:
            yield f"    {member.name} = {member.value}"


def signature(function: griffe.Function) -> str:
    return f"{'async def' if 'async' in function.labels else 'def'} {function.signature()}"


def main() -> int:
    text = surface()
    if sys.argv[1:] != ["--check"]:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET.name} is not up to date: run .venv/bin/python scripts/public_surface.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
