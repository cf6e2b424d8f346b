"""Texts of a document as parts of Python source: literals, names and docstrings."""

from __future__ import annotations

import re
import textwrap

from openapi_python_client.parser.properties import EnumProperty
from openapi_python_client.strings import safe_for_docstring

from regeneration.contract.document import Json, RegenerationError


def members(enum: EnumProperty) -> dict[str, str]:
    """Name and value of each member, in the order of the schema; undoes `generation.member_name`.

    Raises:
        RegenerationError: two values would have one name.
    """
    named: dict[str, str] = {}
    for spelled in enum.values:
        digits = spelled.replace("_", "").removeprefix("M")  # the generator may split words
        value = bytes.fromhex(digits).decode("utf-8", "surrogatepass")
        name = readable_name(value)
        if name in named:
            raise RegenerationError(
                f"{enum.class_info.name}: {named[name]!r} and {value!r} both become {name}"
            )
        named[name] = value
    return named


def readable_name(value: str) -> str:
    """The name of the member of an enumeration that has this value."""
    name = re.sub(r"\W+", "_", value, flags=re.ASCII).strip("_").upper() or "EMPTY"
    return f"VALUE_{name}" if name[0].isdigit() else name


def literal(value: Json) -> str:
    """A Python literal; the only way in which text of a document gets into code."""
    return repr(value)


def docstring(text: str, indent: int = 0) -> str:
    """A docstring of at most 100 columns; lines that begin with blanks are entries of a section."""
    lines: list[str] = []
    for line in safe_for_docstring(text).strip().split("\n"):
        margin = " " * (len(line) - len(line.lstrip()))
        wrapped = textwrap.wrap(
            line.strip(),
            100 - indent,
            initial_indent=margin,
            subsequent_indent=f"{margin}    " if margin else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += wrapped or [""]
    body = f"\n{' ' * indent}".join(lines) if len(lines) > 1 else lines[0]
    end = f"\n{' ' * indent}" if len(lines) > 1 else ""
    body = re.sub(r"[ ]+\n", "\n", body)
    return f'"""{body}{end}"""'
