"""Rows of JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from imgwire_async.ingest.sources.lines import Line

_SPACE: Final = " \t\r\n"
_BLANKS: Final = f"\ufeff{_SPACE}"
_MOST_UNDECODABLE: Final = 100  # lines without a readable one; then the file is not JSON Lines


class UndecodableError(Exception):
    """The file is not text in UTF-8."""


def json_rows(lines: Iterator[Line]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """The number of each line that is not blank, with its object or its problem.

    An array with one object per line is read as well: brackets on lines of their own and commas at the ends
    of lines are ignored.

    Raises:
        UndecodableError: the beginning of the file is not UTF-8.
    """
    undecodable: list[Line] = []
    for line in lines:
        text = line.text.strip(_BLANKS)
        if line.problem is not None:
            undecodable.append(line)
            if len(undecodable) == _MOST_UNDECODABLE:
                break
        elif text and text not in {"[", "]"}:
            yield from _problems(undecodable)
            undecodable.clear()
            yield line.number, _row(text.removesuffix(","))
            break
    if undecodable:
        raise UndecodableError(f"line {undecodable[0].number} {undecodable[0].problem}")
    for line in lines:
        text = line.text.strip(_BLANKS)
        if line.problem is not None:
            yield line.number, line.problem
        elif text and text not in {"[", "]"}:
            yield line.number, _row(text.removesuffix(","))


def _problems(lines: list[Line]) -> Iterator[tuple[int, str]]:
    for line in lines:
        yield line.number, str(line.problem)


def _row(text: str) -> dict[str, Any] | str:
    try:
        row = parsed_json(text)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    return row if isinstance(row, dict) else "is not a JSON object"


def parsed_json(text: str) -> Any:  # noqa: ANN401 - JSON of any shape
    """Parse strict JSON, without NaN and without duplicate names in an object.

    Raises:
        ValueError: it is not strict JSON.
        RecursionError: it is nested too deeply.
    """
    text = text.strip(_SPACE)
    value, end = _DECODER.raw_decode(text)  # `decode` takes twice as long for a short row
    if end < len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r:.80} occurs more than once")
    return found


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
