"""Modules that are imported on first use."""

from __future__ import annotations

from importlib import import_module


class LateModule:
    """A placeholder for a module that takes too long to import eagerly.

    Args:
        name: full name of the module.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        return getattr(import_module(self._name), attribute)
