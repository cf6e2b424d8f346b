"""HTML that is escaped by construction: all text is escaped unless it is already an element."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final, TypeAlias

_VOID: Final = frozenset({"br", "img", "input", "meta"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = str | Iterable["Child"] | None
Attribute: TypeAlias = str | int | float | bool | None


def join(*children: Child) -> Html:
    """Several pieces as one."""
    return Html("".join(map(_rendered, children)))


def el(name: str, /, *children: Child, **attributes: Attribute) -> Html:
    """An element.

    Args:
        name: Its tag.
        *children: Its content: text, which is escaped, and elements.
        **attributes: By name, with `_` for `-` and a trailing `_` for names that Python reserves.
            True is an attribute without a value; None and False omit it.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        parts.append(f" {key}" if value is True else f' {key}="{escape(str(value))}"')
    parts.append(">")
    if name not in _VOID:
        parts += [*map(_rendered, children), f"</{name}>"]
    return Html("".join(parts))


def _rendered(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, str):
        return escape(child)
    return "".join(map(_rendered, child))
