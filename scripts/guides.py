"""The README's sections, and the guides beside it, as pages of the HTML reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType, ModuleType

from pdoc.doc import Module

ROOT = "guide"
"""The page with what the README says before its first section; the others lie in a folder of this name."""

_HEADING = re.compile(r"^(#{1,6}) (.+)$")
_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
_NAME = re.compile(r"(?<![\[`])`(?:await )?([A-Za-z_][\w.]*)(?:\([^`]*\))?`(?![\]`])")
_REFERENCE = {"imgwire_async/API.md": "imgwire_async.html"}
"""What stands in the reference for a file of the project."""


class UnknownLinkError(Exception):
    """A link of the README leads to nothing that the reference has."""


def guides(readme: str, places: Mapping[str, str] = MappingProxyType({})) -> dict[str, Module]:
    """A module without members for every section, with its text as docstring, by name in order.

    Args:
        readme: the text in Markdown.
        places: pages and anchors of the reference by what the README calls them.

    Raises:
        UnknownLinkError: a link leads to no heading, and to no file that has a page.
    """
    sections = _sections(readme)
    names = {title: f"{ROOT}.{_slug(title).replace('-', '_')}" for title in sections}
    names[next(iter(sections))] = ROOT
    anchors = {
        _slug(heading): (names[title], "" if heading == title else _slug(heading))
        for title, lines in sections.items()
        for heading in (title, *_headings(lines))
    }
    return {
        names[title]: _module(names[title], "\n".join(_with_links(lines, names[title], anchors, places)))
        for title, lines in sections.items()
    }


def with_files(readme: str, files: Mapping[str, str]) -> str:
    """The README with further guides as sections of it.

    Args:
        readme: the text in Markdown.
        files: texts of the guides, each with its title in the first line, by the paths to which the README
            links.
    """
    for path, text in files.items():
        title = text.partition("\n")[0].removeprefix("# ")
        readme = readme.replace(f"]({path})", f"](#{_slug(title)})")
    return "\n".join([readme, *(_one_level_lower(text) for text in files.values())])


def _one_level_lower(text: str) -> str:
    in_code = False
    lines = []
    for line in text.splitlines():
        in_code ^= line.startswith("```")
        lines.append(line if in_code or not _HEADING.match(line) else f"#{line}")
    return "\n".join(lines)


def titles(readme: str) -> dict[str, str]:
    """Titles of the guides by the names of their modules."""
    return dict(zip(guides(readme), _sections(readme), strict=True))


def _sections(readme: str) -> dict[str, list[str]]:
    """Lines below each heading of the first two levels, by its text; lower headings rise by one level."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    in_code = False
    for line in readme.splitlines():
        in_code ^= line.startswith("```")
        heading = None if in_code else _HEADING.match(line)
        if heading is None:
            lines.append(line)
        elif len(heading[1]) <= 2:
            lines = sections.setdefault(heading[2], [])
        else:
            lines.append(line[1:])
    return sections


def _headings(lines: list[str]) -> list[str]:
    in_code = False
    found = []
    for line in lines:
        in_code ^= line.startswith("```")
        if not in_code and (heading := _HEADING.match(line)):
            found.append(heading[2])
    return found


def _with_links(
    lines: list[str], page: str, anchors: dict[str, tuple[str, str]], places: Mapping[str, str]
) -> list[str]:
    """The lines with links that lead from this page to others, instead of through the README or nowhere."""
    to_root = "../" * page.count(".")

    def replaced(link: re.Match[str]) -> str:
        path, _, anchor = link[1].partition("#")
        if path in _REFERENCE:
            return f"]({to_root}{_REFERENCE[path]})"
        if path or anchor not in anchors:
            raise UnknownLinkError(f"README.md: {link[1]}")
        target, place = anchors[anchor]
        return f"]({to_root}{target.replace('.', '/')}.html{'#' + place if place else ''})"

    def explained(code: re.Match[str]) -> str:
        place = places.get(code[1])
        return code[0] if place is None else f"[{code[0]}]({to_root}{place})"

    in_code = False
    changed = []
    for line in lines:
        in_code ^= line.startswith("```")
        changed.append(line if in_code else _NAME.sub(explained, _LINK.sub(replaced, line)))
    return changed


def _slug(heading: str) -> str:
    """The anchor that GitHub and pdoc give to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def _module(name: str, text: str) -> Module:
    module = ModuleType(name, text)
    module.__dict__["__docformat__"] = "markdown"
    return Module(module)
