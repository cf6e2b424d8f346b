"""Import paths of earlier layouts, so that pickles which name them still load.

They lead to the modules of today, and never to copies: a class has one identity whatever path it is reached
by. For pickles only; programs import from `imgwire_async`, `imgwire_async.models` and `imgwire_async.errors`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from importlib.abc import Loader

_ROOT: Final = "imgwire_async"

_MODULES: Final = {
    "cdn.forms": "imgwire.cdn.forms",
    "cdn.image_urls": "imgwire.image_urls",
    "cdn.keywords": "imgwire.cdn.keywords",
    "cdn.kinds": "imgwire.cdn.kinds",
    "cdn.table": "imgwire.cdn.table",
    "cdn.urls": "imgwire.cdn.urls",
    "client": "imgwire.client",
    "core.attempts": "core.logical_call",
    "core.credentials": "core.clients.credentials",
    "core.events": "core.clients.events",
    "core.gate": "core.pace.limits",
    "core.metadata": "core.values.metadata",
    "core.options": "core.clients.options",
    "ingest.folders": "ingest.sources.folders",
    "ingest.manifests": "ingest.sources.manifests",
    "ingest.outcomes": "ingest.results.outcomes",
    "ingest.report": "ingest.results.report",
    "lowlevel": "imgwire.lowlevel",
    "metrics_rows": "imgwire.metrics_rows",
    "pagination": "core.paging",
    "uploads": "bodies",
    "uploads.many": "imgwire.upload_many",
}
"""Modules and packages that had another path, below the root. A package stands for everything in it."""

_NAMES: Final = {("core.operation", "RateClass"): "imgwire.service"}
"""Names that have left a module which is still there."""


def moved_name(module: str, name: str) -> object:
    """What a pickle means by a name that has left a module; the `__getattr__` of such a module.

    Raises:
        AttributeError: the module never had the name.
    """
    target = _NAMES.get((module.removeprefix(f"{_ROOT}."), name))
    if target is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{_ROOT}.{target}"), name)


def _target(module: str) -> str | None:
    """The path of today; None for a module that has not moved."""
    if not module.startswith(f"{_ROOT}."):
        return None
    known, rest = module.removeprefix(f"{_ROOT}."), ""
    while known not in _MODULES:
        known, dot, last = known.rpartition(".")
        rest = f".{last}{rest}"
        if not dot:
            return None
    return f"{_ROOT}.{_MODULES[known]}{rest}"


class _Alias:
    """Loads a module by putting the one of today in its place."""

    def __init__(self, target: str) -> None:
        self._target = target

    def create_module(self, _: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = importlib.import_module(self._target)


class _MovedModules:
    """Finds modules by earlier paths, before other finders would find submodules of an alias once more."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _module: ModuleType | None = None
    ) -> ModuleSpec | None:
        target = _target(name)
        return None if target is None else ModuleSpec(name, cast("Loader", _Alias(target)))


def install() -> None:
    """Let imports find modules by earlier paths."""
    sys.meta_path.insert(0, _MovedModules())
