"""Builds the HTML reference from the docstrings, and fails when a link in it leads nowhere.

scripts/docs [FOLDER]      default: build/docs; open index.html in a browser
"""

from __future__ import annotations

import sys
import warnings
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pdoc

MODULES = (
    "imgwire_async",
    "imgwire_async.client",
    "imgwire_async.cdn",
    "imgwire_async.errors",
    "imgwire_async.integrations.fastapi",
    "imgwire_async.integrations.opentelemetry",
    "imgwire_async.models",
    "imgwire_async.pagination",
    "imgwire_async.resources.cors_origins",
    "imgwire_async.resources.custom_domain",
    "imgwire_async.resources.images",
    "imgwire_async.resources.metrics",
    "imgwire_async.sandbox",
    "imgwire_async.testing",
)


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


def main(folder: Path) -> None:
    # About aliases of types, which are then shown by their names.
    warnings.filterwarnings("ignore", module="pdoc")
    pdoc.render.configure(docformat="google", search=True, show_source=False)
    pdoc.pdoc(*MODULES, output_directory=folder)
    broken = broken_links(folder)
    if broken:
        sys.exit("These links lead nowhere:\n" + "\n".join(broken))
    print(folder / "index.html")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("build/docs"))
