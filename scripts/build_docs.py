"""Builds guides and reference as HTML, and fails when a link in them leads nowhere.

The guides are the README and the files in `imgwire_async/guides`, the reference comes from the docstrings.
They share one navigation and one search.

scripts/docs [FOLDER]      default: build/docs; open index.html in a browser
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pdoc
from guides import guides, in_order, titles
from pdoc.doc import Class, Module
from reference import DOCUMENTED as MODULES

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
GUIDES = tuple(sorted((HERE.parent / "imgwire_async" / "guides").glob("*.md")))
TEMPLATES = HERE / "docs_templates"


class Page(HTMLParser):
    """The links of a page, and where links can lead to in it."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember links and anchors."""
        attributes = dict(attrs)
        if attributes.get("id"):
            self.anchors.add(str(attributes["id"]))
        if tag == "a" and attributes.get("href"):
            self.links.add(str(attributes["href"]))


def broken_links(folder: Path) -> list[str]:
    """Links between the pages of `folder` that lead nowhere."""
    pages = {path.resolve(): Page(path.read_text()) for path in folder.rglob("*.html")}
    broken = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if target not in pages or (anchor and anchor not in pages[target].anchors):
                broken.append(f"{path.relative_to(folder.resolve())}: {link}")
    return broken


def places(modules: Iterable[Module]) -> dict[str, str]:
    """Where the reference has what the guides name: classes, functions, methods such as `images.list`."""
    found: dict[str, str] = {}
    for module in modules:
        page = f"{module.fullname.replace('.', '/')}.html"
        for member in module.own_members:
            if member.docstring and not member.name.startswith("_"):
                found.setdefault(member.name, f"{page}#{member.qualname}")
            if isinstance(member, Class) and ".resources." in module.fullname:
                resource = "images" if "image" in page else page.rpartition("/")[2].removesuffix(".html")
                found |= {f"{resource}.{one.name}": f"{page}#{one.qualname}" for one in member.own_members}
    return found


def guide_texts() -> dict[str, str]:
    """The README and the guides in their order, by path."""
    texts = {str(path.relative_to(README.parent)): path.read_text() for path in GUIDES}
    return in_order(README.read_text(), texts)


def build(folder: Path, modules: Iterable[str] = MODULES) -> None:
    """Write the guides, and the reference of `modules`."""
    # About aliases of types, which are then shown by their names.
    warnings.filterwarnings("ignore", module="pdoc")
    texts = guide_texts()
    pdoc.render.configure(docformat="google", search=True, show_source=False, template_directory=TEMPLATES)
    pdoc.render.env.globals["guides"] = titles(texts)
    reference = {name: Module.from_name(name) for name in modules}
    pages = guides(texts, places(reference.values())) | reference
    for name, module in pages.items():
        path = folder / f"{name.replace('.', '/')}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pdoc.render.html_module(module, pages))
    (folder / "index.html").write_text(pdoc.render.html_index(pages))
    (folder / "search.js").write_text(pdoc.render.search_index(pages))


def main(folder: Path) -> None:
    build(folder)
    broken = broken_links(folder)
    if broken:
        sys.exit("These links lead nowhere:\n" + "\n".join(broken))
    print(folder / "index.html")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("build/docs"))
