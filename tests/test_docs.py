"""The HTML reference: the README and the guides, and the check of its links."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from build_docs import broken_links, build, guide_texts
from guides import UnknownLinkError, guides, in_order, titles
from reference import DOCUMENTED, RESOURCES

from imgwire_async.imgwire.resources.cors_origins import CorsOrigins
from imgwire_async.imgwire.resources.custom_domain import CustomDomain
from imgwire_async.imgwire.resources.images import Images
from imgwire_async.imgwire.resources.metrics import Metrics

SOME = [name for name in RESOURCES if ".imgwire." in name]

TEXTS = {
    "README.md": """# Name

Intro, see [errors](guides/errors.md), [why](guides/errors.md#on-the-way-or-here), the
[signatures](imgwire_async/API.md) and the [licence](LICENSE).

## Quick start

```sh
# not a heading, and no [link](#nowhere)
```
""",
    "guides/errors.md": """# What goes wrong

## On the *way*, or `here`

See [above](../README.md#quick-start), [there](#on-the-way-or-here), [more](more.md) and [outside](https://example.com/#x).
""",
    "guides/more.md": """# More

Text.
""",
}


def test_the_readme_and_every_guide_are_pages_with_their_titles() -> None:
    assert titles(TEXTS) == {
        "guide": "Name",
        "guide.what_goes_wrong": "What goes wrong",
        "guide.more": "More",
    }


def test_links_between_files_lead_from_page_to_page() -> None:
    pages = {name: module.docstring for name, module in guides(TEXTS).items()}

    assert "[errors](guide/what_goes_wrong.html)" in pages["guide"]
    assert "[why](guide/what_goes_wrong.html#on-the-way-or-here)" in pages["guide"]
    assert "[signatures](imgwire_async.html)" in pages["guide"]
    assert "the [licence]." in pages["guide"]
    assert "[above](../guide.html#quick-start)" in pages["guide.what_goes_wrong"]
    assert "[there](../guide/what_goes_wrong.html#on-the-way-or-here)" in pages["guide.what_goes_wrong"]
    assert "[more](../guide/more.html)" in pages["guide.what_goes_wrong"]
    assert "[outside](https://example.com/#x)" in pages["guide.what_goes_wrong"]


def test_guides_come_in_the_order_in_which_the_readme_links_to_them() -> None:
    texts = in_order("# Name\n[c](c.md#x) and [a](a.md)", {"a.md": "# A", "b.md": "# B", "c.md": "# C"})

    assert list(texts) == ["README.md", "c.md", "a.md", "b.md"]


def test_code_is_left_as_it_is() -> None:
    assert "# not a heading, and no [link](#nowhere)" in guides(TEXTS)["guide"].docstring


def test_what_the_reference_explains_is_linked_to_it() -> None:
    names = "Call `images.list(page=2)`, `images.gone` or ``images.list``."
    pages = guides(
        TEXTS | {"guides/more.md": f"# More\n\n{names}\n"}, {"images.list": "images.html#Images.list"}
    )

    last = pages["guide.more"].docstring.splitlines()[-1]
    assert (
        "Call [`images.list(page=2)`](../images.html#Images.list), `images.gone` or ``images.list``" in last
    )


@pytest.mark.parametrize("link", ["#gone", "gone.md", "errors.md#gone"])
def test_a_link_to_nothing_is_rejected(link: str) -> None:
    with pytest.raises(UnknownLinkError, match=re.escape(link)):
        guides(TEXTS | {"guides/more.md": f"# More\n\n[there]({link})\n"})


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guides of the real README, and a small part of the reference."""
    folder = tmp_path_factory.mktemp("docs")
    build(folder, SOME)
    return folder


def test_every_method_of_the_resources_is_in_the_reference(built: Path) -> None:
    pages = "".join((built / f"{name.replace('.', '/')}.html").read_text() for name in SOME)
    for resource in (Images, CorsOrigins, CustomDomain, Metrics):
        for name, method in inspect.getmembers(resource, inspect.isfunction):
            if not name.startswith("_"):
                assert f'id="{method.__qualname__}"' in pages
    assert set(SOME) <= set(DOCUMENTED)


def test_every_page_leads_to_all_guides_and_modules(built: Path) -> None:
    pages = [*titles(guide_texts()), *SOME]
    for page in pages:
        content = (built / f"{page.replace('.', '/')}.html").read_text()
        for other in pages:
            assert f'href="{"../" * page.count(".")}{other.replace(".", "/")}.html"' in content, (page, other)


def test_the_guides_are_found_by_the_search(built: Path) -> None:
    index = (built / "search.js").read_text()

    assert '"guide.bulk_ingestion"' in index
    assert '"guide.moving_from_the_official_python_sdk"' in index
    assert "It can be killed at any moment" in index
    assert '"guide.retries_and_limits"' in index
    assert '"guide.how_to_add"' in index
    assert '"guide.the_imgix_client"' in index


def test_the_guides_have_no_broken_links(built: Path) -> None:
    missing = {name.replace(".", "/") for name in DOCUMENTED}
    broken = [one for one in broken_links(built) if not any(f"{name}.html" in one for name in missing)]

    assert broken == []
    assert "url=./guide.html" in (built / "index.html").read_text()


def test_links_to_missing_pages_and_anchors_are_found(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "index.html").write_text(
        '<a href="sub/b.html#there">1</a><a href="sub/b.html#gone">2</a><a href="gone.html">3</a>'
        '<a href="https://example.com/x">4</a><a href="#here">5</a><p id="here"></p>'
    )
    (tmp_path / "sub" / "b.html").write_text('<h1 id="there"></h1><a href="../index.html">6</a>')

    assert broken_links(tmp_path) == ["index.html: gone.html", "index.html: sub/b.html#gone"]
