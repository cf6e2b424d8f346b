"""The guides and the reference as HTML: complete, without broken links, and accessible."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

import pytest
from build_docs import GUIDES
from documentation.docstrings import RESOURCES
from documentation.links import place, spoken_of
from playwright.sync_api import Browser, Page, sync_playwright
from sphinx.util.inventory import InventoryFile

from imgwire_async import AsyncImgwireClient
from imgwire_async.imgix import AsyncImgixClient
from tests.browsers import CHROMIUM, violations

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome found")

BUILDER = Path(__file__).parent.parent / "scripts" / "build_docs.py"

PUBLIC = (
    "imgwire_async",
    "imgwire_async.cdn",
    "imgwire_async.errors",
    "imgwire_async.imgix",
    "imgwire_async.integrations.fastapi",
    "imgwire_async.integrations.opentelemetry",
    "imgwire_async.migrate",
    "imgwire_async.models",
    "imgwire_async.sandbox",
    "imgwire_async.testing",
)
"""The modules that users import from."""

FOR_THE_PACKAGE = {"CallContext", "in_context"}
"""Names of `errors` that only this package needs."""

SHOWN = ["index.html", "guides/export.html", "reference/export.html", "search.html"]
"""Pages of every kind."""


class Links(HTMLParser):
    """The links of a page, and the anchors in it."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if attributes.get("id"):
            self.anchors.add(str(attributes["id"]))
        for name in ("href", "src"):
            if attributes.get(name) and tag != "use":
                self.links.add(str(attributes[name]))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pages, built without a warning."""
    folder = tmp_path_factory.mktemp("docs")
    built = subprocess.run([sys.executable, BUILDER, folder], capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    return folder


@pytest.fixture(scope="session")
def entries(built: Path) -> dict[str, str]:
    """Pages of the reference's entries by full name, including canonical names."""
    inventory = InventoryFile.loads((built / "objects.inv").read_bytes(), uri="")
    return {
        name: item.uri
        for kind, items in inventory.data.items()
        if kind.startswith("py:")
        for name, item in items.items()
    }


@pytest.fixture(scope="module")  # while it is open, no event loop can run in this thread
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without network."""
    with browser.new_context(offline=True, viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        yield page
        assert {url.partition(":")[0] for url in requested} <= {"file", "data"}


def pages(built: Path) -> list[Path]:
    return sorted(built.rglob("*.html"))


def test_no_link_is_broken_and_nothing_is_loaded_from_elsewhere(built: Path) -> None:
    contents = {path: Links(path.read_text(encoding="utf-8")) for path in pages(built)}
    broken = []
    for path, content in contents.items():
        for link in content.links:
            parts = urlsplit(link)
            if parts.scheme in {"http", "https", "data"}:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            there = contents.get(target)
            if not target.exists() or (anchor and there and anchor not in there.anchors):
                broken.append(f"{path.relative_to(built)}: {link}")
        assert not re.search(
            r'<(script|link|img)[^>]+(src|href)="(https?:)?//', path.read_text(encoding="utf-8")
        )

    assert broken == []


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_has_an_entry(entries: dict[str, str], module: str) -> None:
    shown = {name.rpartition(".")[2] for name in entries}

    names = vars(importlib.import_module(module))
    own = [name for name, value in names.items() if getattr(value, "__module__", None) == module]
    assert {name for name in names.get("__all__", own) if name[0] != "_"} - FOR_THE_PACKAGE <= shown


@pytest.mark.parametrize("client", sorted(RESOURCES))
def test_every_method_of_a_resource_is_listed_as_users_call_it(entries: dict[str, str], client: str) -> None:
    wanted = {
        f"{client}.{resource}.{name}"
        for resource, kind in RESOURCES[client].items()
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }

    assert wanted <= entries.keys()


def test_the_clients_show_inherited_methods(entries: dict[str, str]) -> None:
    for kind, module in ((AsyncImgwireClient, "imgwire_async"), (AsyncImgixClient, "imgwire_async.imgix")):
        for name, _ in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_"):
                assert f"{module}.{kind.__name__}.{name}" in entries


def test_nothing_private_is_shown(built: Path, entries: dict[str, str]) -> None:
    assert [name for name in entries if any(part.startswith("_") for part in name.split("."))] == []
    assert not [name for name in entries if name.endswith((".add_note", ".with_traceback"))]
    for path in (built / "reference").glob("*.html"):
        signatures = re.findall(r'<dt class="sig .*?</dt>', path.read_text(encoding="utf-8"), re.DOTALL)
        for signature in (re.sub("<[^>]+>", "", one) for one in signatures):
            assert not re.search(r"&lt;|\bcore\b|\bCore\b|CallContext|\b_[a-z]\w+|attr_dict", signature), (
                signature
            )


def test_names_in_guides_link_to_the_reference(built: Path) -> None:
    uploads = (built / "guides" / "uploads.html").read_text(encoding="utf-8")

    assert 'href="../reference/uploads.html#imgwire.images.upload"' in uploads


def test_a_builtin_type_is_not_linked(built: Path) -> None:
    ingest = (built / "reference" / "ingest.html").read_text(encoding="utf-8")

    assert ingest.count('<span class="pre">type</span>') > 0
    assert not re.search(r'<a [^>]*><span class="pre">type</span></a>', ingest)


@pytest.mark.parametrize(
    "text", ["images.upload", "await images.upload(file)", "client.images.upload", "imgwire.images.upload"]
)
def test_a_method_is_found_as_users_call_it(text: str) -> None:
    name = "imgwire.images.upload"

    assert place(dict.fromkeys(spoken_of(name, "method"), name), text) == name


@pytest.mark.parametrize("text", ["upload", "pip install images.upload", "other.upload"])
def test_text_with_another_meaning_is_not_linked(text: str) -> None:
    name = "imgwire.images.upload"

    assert place(dict.fromkeys(spoken_of(name, "method"), name), text) is None


def test_every_guide_is_a_page(built: Path) -> None:
    assert {path.stem for path in GUIDES.glob("*.md")} == {path.stem for path in (built / "guides").iterdir()}


@needs_browser
@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("images.upload", "imgwire.images.upload"),
        ("upload_many", "imgwire.images.upload_many"),
        ("RateLimitError", "imgwire_async.RateLimitError"),
        ("bulk ingestion", "Bulk ingestion"),
    ],
)
def test_a_search_gives_exact_names_first(built: Path, page: Page, query: str, first: str) -> None:
    page.goto(f"{(built / 'search.html').as_uri()}?q={quote(query)}")

    assert page.locator("#search-results li a").first.inner_text() == first


@needs_browser
def test_a_search_gives_guides_before_other_pages(built: Path, page: Page) -> None:
    page.goto(f"{(built / 'search.html').as_uri()}?q=images.upload")
    page.locator("#search-results li").nth(3).wait_for()
    pages = [link.get_attribute("href") or "" for link in page.locator("#search-results li a").all()]

    assert pages[:2] == ["reference/uploads.html#imgwire.images.upload", "guides/uploads.html"]
    assert [one for one in pages[1:6] if not one.startswith("guides/")] == []


@needs_browser
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("name", SHOWN)
def test_a_page_fits_a_phone_and_passes_axe(
    built: Path, page: Page, name: str, colours: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=colours)
    assert problems(page, built / name) == []


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_page_fits_a_phone_and_passes_axe(
    built: Path, page: Page, colours: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=colours)
    assert [one for path in pages(built) for one in problems(page, path)] == []


@needs_browser
def test_the_colours_can_be_switched(built: Path, page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto((built / "index.html").as_uri())
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator(".content-icon-container .theme-toggle").click()

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


@needs_browser
def test_code_has_a_button_that_copies_it(built: Path, page: Page) -> None:
    page.goto((built / "guides" / "uploads.html").as_uri())

    assert page.locator("button.copybtn").count() == page.locator("div.highlight pre").count() > 0


@needs_browser
def test_pages_are_readable_without_scripts(built: Path, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False, color_scheme="dark") as context:
        page = context.new_page()
        page.goto((built / "reference" / "uploads.html").as_uri())

        assert page.get_by_text("create its record, then send its bytes").is_visible()
        assert page.locator(".sidebar-tree a", has_text="Bulk ingestion").first.is_visible()
        assert page.locator(".toc-tree a").count() > 10


def problems(page: Page, path: Path) -> list[str]:
    """The violations that axe reports for the page, and whether it is wider than a phone."""
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(path.as_uri())
    found = [] if page.evaluate("document.documentElement.scrollWidth") <= 390 else ["wider than a phone"]
    page.set_viewport_size({"width": 1280, "height": 800})
    found += violations(page)
    return [f"{path.name}: {one}" for one in found]
