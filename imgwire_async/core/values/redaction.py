"""Keeps credentials out of logs, representations and tracebacks.

`Secret` wraps a credential as soon as it is received, so that no `repr`, log line or traceback with local
variables shows it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import fields

_QUERY = re.compile(r"[?#]")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)


class Secret:
    """A credential that is never shown and can be read only with `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The credential itself, for the code that sends it."""
        return self._value

    def digest(self) -> str:
        """A digest that identifies the credential without revealing it."""
        return hashlib.sha256(self._value.encode()).hexdigest()

    def __repr__(self) -> str:
        return "Secret(…)"


class HiddenText(str):
    """A string that is hidden from its `repr`, and from the `repr` of a dict that contains it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "HiddenText(…)"


def without_query(url: str) -> str:
    """`url` without query, fragment and user information, and so safe to show."""
    scheme, separator, rest = _QUERY.split(url, maxsplit=1)[0].partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def redacted(text: str) -> str:
    """`text` with every URL in it reduced to the parts that are safe to show."""
    return _URL.sub(lambda match: without_query(match[0]), text)


def repr_without_bytes(instance: object) -> str:
    """The repr of a dataclass, with bytes replaced by their length: an image would fill the log."""
    shown = []
    for one in fields(instance):  # type: ignore[arg-type]
        value = getattr(instance, one.name)
        if one.repr:
            text = f"<{len(value)} bytes>" if isinstance(value, bytes | bytearray) else repr(value)
            shown.append(f"{one.name}={text}")
    return f"{type(instance).__name__}({', '.join(shown)})"
