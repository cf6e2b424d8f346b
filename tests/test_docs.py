"""The check of links in the HTML reference."""

from __future__ import annotations

from pathlib import Path

from build_docs import broken_links


def test_links_to_missing_pages_and_anchors_are_found(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "index.html").write_text(
        '<a href="sub/b.html#there">1</a><a href="sub/b.html#gone">2</a><a href="gone.html">3</a>'
        '<a href="https://example.com/x">4</a><a href="#here">5</a><p id="here"></p>'
    )
    (tmp_path / "sub" / "b.html").write_text('<h1 id="there"></h1><a href="../index.html">6</a>')

    assert broken_links(tmp_path) == ["index.html: gone.html", "index.html: sub/b.html#gone"]
