"""The README and the guides as pages of the HTML reference."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from types import MappingProxyType, ModuleType

from pdoc.doc import Module

ROOT = "guide"
"""The page with the README; the guides lie in a folder of this name."""
README = "README.md"

_HEADING = re.compile(r"^(#{1,6}) (.+)$")
_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
_NAME = re.compile(r"(?<![\[`])`(?:await )?([A-Za-z_][\w.]*)(?:\([^`]*\))?`(?![\]`])")
_REFERENCE = {"imgwire_async/API.md": "imgwire_async.html"}
"""Pages of the reference for files of the project."""
_NO_PAGES = {"CHANGELOG.md", "LICENSE"}
"""Files that are linked to in the project, and left out of the HTML."""


class UnknownLinkError(Exception):
    """A link of a guide leads to nothing that the reference has."""


def guides(texts: Mapping[str, str], places: Mapping[str, str] = MappingProxyType({})) -> dict[str, Module]:
    """A module without members for every guide, with its text as docstring, by name in order.

    Args:
        texts: the README, then the guides, in Markdown with their titles as first headings, by path.
        places: pages and anchors of the reference by what the guides call them.

    Raises:
        UnknownLinkError: a link leads to no heading, and to no file that has a page.
    """
    names = _names(texts)
    anchors = {path: {_slug(heading) for heading in _headings(text)} for path, text in texts.items()}
    return {
        names[path]: _module(names[path], _with_links(path, text, names, anchors, places))
        for path, text in texts.items()
    }


def titles(texts: Mapping[str, str]) -> dict[str, str]:
    """Titles of the guides by the names of their modules."""
    return {name: _title(texts[path]) for path, name in _names(texts).items()}


def in_order(readme: str, others: Mapping[str, str]) -> dict[str, str]:
    """The README, then the guides in the order in which it links to them.

    Args:
        readme: the text in Markdown.
        others: texts of the guides by path.
    """
    linked = [link.partition("#")[0] for link in _LINK.findall(readme)]
    order = sorted(others, key=lambda path: (linked.index(path) if path in linked else len(linked), path))
    return {README: readme} | {path: others[path] for path in order}


def _names(texts: Mapping[str, str]) -> dict[str, str]:
    """Names of the modules by path."""
    return {
        path: ROOT if path == README else f"{ROOT}.{_slug(_title(text)).replace('-', '_')}"
        for path, text in texts.items()
    }


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")


def _headings(text: str) -> list[str]:
    in_code = False
    found = []
    for line in text.splitlines():
        in_code ^= line.startswith("```")
        if not in_code and (heading := _HEADING.match(line)):
            found.append(heading[2])
    return found


def _with_links(
    page: str,
    text: str,
    names: Mapping[str, str],
    anchors: Mapping[str, set[str]],
    places: Mapping[str, str],
) -> str:
    """The text below the title, with links to other pages instead of files."""
    to_root = "../" * names[page].count(".")

    def replaced(link: re.Match[str]) -> str:
        path, _, anchor = link[1].partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
        if target in _REFERENCE:
            return f"]({to_root}{_REFERENCE[target]})"
        if target in _NO_PAGES:
            return "]"
        if target not in names or (anchor and anchor not in anchors[target]):
            raise UnknownLinkError(f"{page}: {link[1]}")
        return f"]({to_root}{names[target].replace('.', '/')}.html{'#' + anchor if anchor else ''})"

    def explained(code: re.Match[str]) -> str:
        place = places.get(code[1])
        return code[0] if place is None else f"[{code[0]}]({to_root}{place})"

    in_code = False
    changed = []
    for line in text.splitlines()[1:]:
        in_code ^= line.startswith("```")
        changed.append(line if in_code else _NAME.sub(explained, _LINK.sub(replaced, line)))
    return "\n".join(changed)


def _slug(heading: str) -> str:
    """The anchor that GitHub and pdoc give to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def _module(name: str, text: str) -> Module:
    module = ModuleType(name, text)
    module.__dict__["__docformat__"] = "markdown"
    return Module(module)
