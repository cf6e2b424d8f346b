"""Makes the pages of Sphinx and the theme accessible with a keyboard or a screen reader."""

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
    """The content of a page, with code that scrolls with the keyboard, and semantically correct tags."""
    body = body.replace("<pre>", '<pre tabindex="0">').replace('<th class="head"><p></p></th>', "<td></td>")
    return _PARAMETERS.sub(_as_blocks, body)


def _as_blocks(parameters: re.Match[str]) -> str:
    """Parameters on separate lines, which are not a list of definitions."""
    blocks = parameters[2].replace("<dd>", '<span class="parameter">').replace("</dd>", "</span>")
    return f"{parameters[1]}{blocks}"


def _mend(_app: Sphinx, _page: str, _template: str, context: dict[str, object], _tree: object) -> None:
    if "body" in context:
        context["body"] = mended(str(context["body"]))
