"""Builds guides and reference as HTML with Sphinx, and fails if a link in them is broken.

The guides are the README and the files in `imgwire_async/guides`; the reference comes from the docstrings of
the names that the files in `scripts/documentation/reference` list. The pages need neither a server nor the
network.

scripts/docs [FOLDER]      default: build/docs; open index.html in a browser
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from sphinx.cmd.build import build_main

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SETTINGS = HERE / "documentation"
GUIDES = ROOT / "imgwire_async" / "guides"

# Files of the project have other paths among the pages.
PLACES = {
    "](imgwire_async/guides/": "](guides/",
    "](imgwire_async/API.md)": "](reference/index.rst)",
}


def collect(folder: Path) -> None:
    """Copy everything that becomes a page to `folder`."""
    shutil.copytree(GUIDES, folder / "guides")
    shutil.copytree(SETTINGS / "reference", folder / "reference")
    shutil.copy(SETTINGS / "index.md", folder)
    for name in ("README.md", "CHANGELOG.md", "LICENSE"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for place, other in PLACES.items():
            text = text.replace(place, other)
        (folder / name).write_text(text, encoding="utf-8")


def build(folder: Path) -> int:
    """Write the pages to `folder`, and return the exit code of Sphinx; a warning is a failure."""
    with tempfile.TemporaryDirectory() as work:
        pages = Path(work) / "pages"
        pages.mkdir()
        collect(pages)
        options = [
            "-q",
            "-W",
            "--keep-going",
            "-j",
            "auto",
            "-c",
            str(SETTINGS),
            "-d",
            str(Path(work) / "read"),
        ]
        code: int = build_main([*options, str(pages), str(folder)])
    return code


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("build/docs")
    code = build(target)
    if code == 0:
        print(target / "index.html")
    sys.exit(code)
