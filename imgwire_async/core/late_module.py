"""Modules that are loaded when something of theirs is first used."""

from __future__ import annotations

from importlib import import_module


class LateModule:
    """Stands for a module that takes too long to load with the one that uses it.

    Args:
        name: full name of the module.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        return getattr(import_module(self._name), attribute)
