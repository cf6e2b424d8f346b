"""Formats docstrings and signatures for users: code in fences, and nothing private."""

from __future__ import annotations

import inspect
import re
import sys
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from imgwire_async.errors import ImgwireError
from imgwire_async.imgix.resources.assets import Assets
from imgwire_async.imgix.resources.reports import Reports
from imgwire_async.imgix.resources.sources import Sources
from imgwire_async.imgix.resources.upload_sessions import UploadSessions
from imgwire_async.imgwire.resources.cors_origins import CorsOrigins
from imgwire_async.imgwire.resources.custom_domain import CustomDomain
from imgwire_async.imgwire.resources.images import Images
from imgwire_async.imgwire.resources.metrics import Metrics

RESOURCES: dict[str, dict[str, type]] = {
    "imgwire": {
        "images": Images,
        "cors_origins": CorsOrigins,
        "custom_domain": CustomDomain,
        "metrics": Metrics,
    },
    "imgix": {
        "sources": Sources,
        "assets": Assets,
        "upload_sessions": UploadSessions,
        "reports": Reports,
    },
}
"""The classes with the operations of a service, by the names of the client and of its attribute."""

_INTERNALS = {"core", "chunks", "fetch", "upload"}
"""Arguments of constructors that only this package calls."""

_DEFAULT = re.compile(r"<[a-z][^<>]*>|attr_dict\[[^]]*\]\.default")
"""Defaults without a literal form: functions, and values created for each object."""

_CODE = re.compile(r"(?<!`)`([^`]+)`(\w?)")
_FENCE = re.compile(r"^( *)```(\w*)$")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Give methods of resources the names by which users call them: `imgwire.images.upload`."""
    for client, resources in RESOURCES.items():
        module = ModuleType(client)
        module.__dict__.update(resources)
        sys.modules[client] = module
    # Before Napoleon, which reads the sections.
    app.connect("autodoc-process-docstring", _with_code_blocks, priority=400)
    app.connect("autodoc-process-signature", _without_internals)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _with_code_blocks(
    _app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    """Turn Markdown's fences into directives, and its code in a line into reStructuredText's."""
    lines[:] = _CODE.sub(_as_literal, "\n".join(lines)).split("\n")
    changed: list[str] = []
    indent: str | None = None
    for line in lines:
        fence = _FENCE.match(line)
        if fence and indent is None:
            indent = fence[1]
            changed += [f"{indent}.. code-block:: {fence[2] or 'text'}", ""]
        elif fence:
            indent = None
            changed.append("")
        else:
            changed.append(f"   {line}" if indent is not None and line else line)
    lines[:] = changed


def _as_literal(code: re.Match[str]) -> str:
    return f"``{code[1]}``\\ {code[2]}" if code[2] else f"``{code[1]}``"


def _without_internals(
    _app: Sphinx,
    _what: str,
    _name: str,
    obj: object,
    _options: object,
    signature: str | None,
    returned: str | None,
) -> tuple[str | None, str | None]:
    """Omit the constructor arguments of classes that users receive and do not create."""
    if signature and inspect.isclass(obj) and (issubclass(obj, ImgwireError) or _takes_internals(obj)):
        return "", returned
    return signature and _DEFAULT.sub("...", signature), returned


def _takes_internals(cls: type) -> bool:
    constructor = inspect.getattr_static(cls, "__init__")
    return not _INTERNALS.isdisjoint(getattr(constructor, "__annotations__", ()))
