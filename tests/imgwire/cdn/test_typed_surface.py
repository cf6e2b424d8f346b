"""The table, the typed keywords, and their types according to mypy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import pytest
from mypy import api

from imgwire_async.imgwire.cdn import (
    Crop,
    InvalidTransformationError,
    cdn_url,
    forms,
    keywords,
    kinds,
    parse_cdn_url,
    reference,
    table,
)
from imgwire_async.imgwire.cdn.keywords import Transformations
from imgwire_async.imgwire.cdn.table import ROWS, TABLE, Row

FIRST_LINES = """\
from imgwire_async.imgwire.cdn import CdnUrls, Crop, Gradient, Transformation, WatermarkText, cdn_url


class Image(CdnUrls):
    cdn_url = "https://cdn.example.com/image"


image = Image()
maybe: int | None = None
"""
ACCEPTED = [
    'image.url("small", width=800, height=maybe, format="auto", quality="auto", q=80, g="ne")',
    'image.url(crop=Crop(width=400, height=300, gravity="attention"))',
    'image.url(c={"width": 400, "height": 300}, rotate=90, rot="90:fff", padding={"x": 5})',
    'image.url(gradient=Gradient(colors=["f00", {"r": 0, "g": 0, "b": 9}]), blur=True, min_width=10, mh=3)',
    'image.url(watermark_text=WatermarkText(text="Hi", size=20), hue=-12.5, background="#fff")',
    'image.srcset(widths=[320, 640], format="webp")',
    'image.picture("Alt", densities=(1, 1.5), fallback="png", width=3)',
    'Transformation(preset="large", dpr=1.5).url(image.cdn_url)',
    'cdn_url("https://cdn.example.com/image", strict=False, chroma_subsampling="4:2:2")',
]
REJECTED = [
    'image.url(format="bmp")',
    'image.url("huge")',
    "image.url(widht=800)",
    'image.url(width="wide")',
    'image.url(gravity="upwards")',
    'image.url(quality="best")',
    'image.url(crop={"width": 400})',
    'image.url(crop={"width": 400, "height": 300, "depth": 1})',
    'image.url(crop=Crop(width=1, height=1, mode="zoom"))',
    'image.url(resizing_type="strech")',
    'image.srcset(widths="320")',
    'image.picture(fallback="jpg")',
    'cdn_url("https://cdn.example.com/image", fl="diagonal")',
    'Transformation(colors="f00")',
]


def spelled(python_type: Any) -> str:
    """The spelling in `keywords.py` of a type that a kind accepts."""
    if python_type in (bool, int, float, str):
        return str(python_type.__name__)
    named = [name for name, found in vars(forms).items() if found is python_type]
    return f"f.{named[0]}" if named else repr(python_type).removeprefix("typing.").replace("'", '"')


def keyword_lines(row: Row) -> list[str]:
    """The expected lines of `keywords.py` for a row: all its names with the types of its kind."""
    types = " | ".join(map(spelled, row.kind.types))
    lines = ["   "]
    for name in row.names:
        entry = f' "{name}": {types} | None,'
        if len(lines[-1] + entry) > 110:
            lines.append("   ")
        lines[-1] += entry
    return lines


def test_keywords_are_those_of_the_table() -> None:
    declared = (
        Path(keywords.__file__)
        .read_text("utf-8")
        .split('TypedDict("Transformations", {\n')[1]
        .split("\n}")[0]
    )

    assert declared.splitlines() == [line for row in TABLE for line in keyword_lines(row)]
    assert set(get_type_hints(Transformations)) == set(ROWS)


def test_table_has_every_transformation_and_alias_once() -> None:
    names = [name for row in TABLE for name in row.names]

    assert len(TABLE) == 49
    assert len(names) == len(set(names)) == len(ROWS)
    assert [row.name for row in TABLE] == sorted(row.name for row in TABLE)


def test_adding_a_row_adds_a_transformation(monkeypatch: pytest.MonkeyPatch) -> None:
    values = kinds.one_of(Crop, forms.Unit, Literal["auto"], "x:y[:gravity?]")
    row = Row("vignette", "vig", values, "darken the corners")
    for name in row.names:
        monkeypatch.setitem(ROWS, name, row)
    monkeypatch.setattr(table, "TABLE", (*TABLE, row))
    base = "https://c.example/x"

    def url(**transformations: Any) -> str:
        return cdn_url(base, **transformations)

    assert url(vignette=0.5) == f"{base}?vignette=0.5"
    assert url(vig="AUTO", width=2) == f"{base}?vignette=auto&width=2"
    assert url(vig="1:2:ne") == f"{base}?vignette=1%3A2%3Anortheast"
    assert url(vig={"width": 1, "height": "2"}) == f"{base}?vignette=%7B%22height%22%3A2%2C%22width%22%3A1%7D"
    assert parse_cdn_url(f"{base}?vig=0.50").transformation.values == {"vignette": "0.5"}
    with pytest.raises(InvalidTransformationError, match="or a number from 0 to 1; or `auto`; or `x:y"):
        url(vignette=2)
    with pytest.raises(InvalidTransformationError, match="one of vignette, vig, given once"):
        url(vignette=1, vig=1)
    assert url(vig=2, strict=False) == base
    assert "| `vignette` | `vig` | an object of width, height, x?, " in reference()
    assert keyword_lines(row) == [
        '    "vignette": f.Crop | float | Literal["auto"] | str | None,',
        '    "vig": f.Crop | float | Literal["auto"] | str | None,',
    ]


def test_reference_describes_every_transformation() -> None:
    rows = reference().splitlines()[2:]

    assert [re.match(r"\| `([\w-]+)`", row)[1] for row in rows] == [row.name for row in TABLE]  # type: ignore[index]
    assert "| `width` | `w` | an integer from 1 to 8192 | width in pixels |" in rows


def offered_words(name: str) -> set[str | bool]:
    hint = get_type_hints(Transformations)[name]
    return {
        word for part in (hint, *get_args(hint)) for word in get_args(part) if isinstance(word, str | bool)
    }


OFFERED = [(name, word) for name in sorted(ROWS) for word in sorted(offered_words(name), key=str)]


@pytest.mark.parametrize(("name", "word"), OFFERED)
def test_literal_values_offered_by_the_types_are_accepted(name: str, word: str | bool) -> None:
    call: dict[str, Any] = {name: word}

    assert cdn_url("https://c.example/x", **call).startswith("https://c.example/x?")


def test_words_are_offered_by_the_types() -> None:
    assert {("format", "webp"), ("gravity", "north")} <= set(OFFERED)


def test_mypy_accepts_right_calls_and_rejects_wrong_ones(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(FIRST_LINES + "\n".join(ACCEPTED + REJECTED) + "\n")

    report, problems, _ = api.run(
        ["--strict", "--no-error-summary", "--cache-dir", str(tmp_path), str(snippet)]
    )

    first = FIRST_LINES.count("\n") + 1
    wrong = {int(line) for line in re.findall(r"snippet\.py:(\d+): error", report)}
    assert problems == ""
    assert wrong == set(range(first + len(ACCEPTED), first + len(ACCEPTED) + len(REJECTED))), report
