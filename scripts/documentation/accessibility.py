"""Mends what Sphinx and the theme write for people who use a keyboard or a screen reader."""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

_PARAMETERS = re.compile(r'(<span class="sig-paren">[(\[]</span>\s*)<dl>(.*?)</dl>', re.DOTALL)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Change each page before it is written."""
    app.connect("html-page-context", _mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def mended(body: str) -> str:
    """The content of a page, in which code scrolls with the keyboard, and tags mean what they say."""
    body = body.replace("<pre>", '<pre tabindex="0">').replace('<th class="head"><p></p></th>', "<td></td>")
    return _PARAMETERS.sub(_as_blocks, body)


def _as_blocks(parameters: re.Match[str]) -> str:
    """Parameters on lines of their own, which are no list of definitions."""
    blocks = parameters[2].replace("<dd>", '<span class="parameter">').replace("</dd>", "</span>")
    return f"{parameters[1]}{blocks}"


def _mend(_app: Sphinx, _page: str, _template: str, context: dict[str, object], _tree: object) -> None:
    if "body" in context:
        context["body"] = mended(str(context["body"]))
