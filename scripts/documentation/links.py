"""Links code in a text, such as `images.upload`, to its entry in the reference."""

from __future__ import annotations

import builtins
import re

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode
from sphinx.util.typing import ExtensionMetadata

_NAME = re.compile(r"(?:await |async with |async for )?([A-Za-z_][\w.]*)(?:\(.*\))?")
_CLIENTS = ("client.", "imgwire.", "imgix.")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Link once all pages are read."""
    app.connect("doctree-read", _leave_builtins)
    app.connect("doctree-resolved", _link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def place(objects: dict[str, str], text: str) -> str | None:
    """The full name of what code in a text means, or None if the reference does not have it.

    Args:
        objects: full names of all entries, by the names that guides may use.
        text: code such as `images.upload`, `await images.list(page=2)` or `AsyncImgwireClient`.
    """
    name = _NAME.fullmatch(text)
    if name is None:
        return None
    for client in ("", *_CLIENTS):
        found = objects.get(name[1].removeprefix(client))
        if found is not None:
            return found
    return None


def spoken_of(full_name: str, kind: str) -> list[str]:
    """Names that guides may use for an entry."""
    parts = full_name.split(".")
    if kind in {"class", "exception", "function", "data"}:
        return [full_name, parts[-1]]
    return [full_name, ".".join(parts[-2:])]


def _leave_builtins(_app: Sphinx, tree: nodes.document) -> None:
    """Keep `type` in a signature from being linked to an attribute of that name."""
    for reference in tree.findall(pending_xref):
        if reference.get("refdomain") == "py" and reference["reftarget"] in vars(builtins):
            reference["reftarget"] = f"builtins.{reference['reftarget']}"


def _link(app: Sphinx, tree: nodes.document, page: str) -> None:
    domain = app.env.domains.python_domain
    objects: dict[str, str] = {}
    for full_name, entry in domain.objects.items():
        if not entry.aliased:
            for name in spoken_of(full_name, entry.objtype):
                objects.setdefault(name, full_name)
    for literal in list(tree.findall(nodes.literal)):
        if isinstance(literal.parent, nodes.reference | nodes.title):
            continue
        found = place(objects, literal.astext())
        if found is not None:
            entry = domain.objects[found]
            link = make_refnode(app.builder, page, entry.docname, entry.node_id, literal.deepcopy(), found)
            literal.replace_self(link)
