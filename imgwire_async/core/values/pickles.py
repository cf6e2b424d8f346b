"""Pickles that earlier versions have written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")


def reads_older_pickles(cls: type[T]) -> type[T]:
    """Make a frozen dataclass with slots give its last fields their defaults if a pickle lacks them.

    The method is set on the finished class, because Python before 3.11.4 replaces one that the class defines.
    """

    def set_state(self: Any, state: Sequence[object]) -> None:  # noqa: ANN401 - an instance of `cls`
        for number, one in enumerate(fields(self)):
            if number < len(state):
                value = state[number]
            else:
                value = one.default if one.default_factory is MISSING else one.default_factory()
            object.__setattr__(self, one.name, value)

    cls.__setstate__ = set_state  # type: ignore[attr-defined]
    return cls
