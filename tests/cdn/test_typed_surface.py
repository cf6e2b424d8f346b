"""The table, the typed keywords and what mypy makes of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from mypy import api

from imgwire_async.cdn import cdn_url, keywords, reference
from imgwire_async.cdn.keywords import Transformations
from imgwire_async.cdn.table import ROWS, TABLE, Row

FIRST_LINES = """\
from imgwire_async.cdn import CdnUrls, Crop, Gradient, Transformation, WatermarkText, cdn_url


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


def keyword_lines(row: Row) -> list[str]:
    """How `keywords.py` has to declare a row: all its names with the types of its kind, in lines that fit."""
    types = " | ".join(
        name if name[0].islower() or name.startswith("Literal") else f"f.{name}"
        for name in (*row.kind.types,)
    )
    lines = ["   "]
    for name in (row.name, *row.aliases.split()):
        entry = f' "{name}": {types} | None,'
        if len(lines[-1] + entry) > 110:
            lines.append("   ")
        lines[-1] += entry
    return lines


def test_keywords_are_what_the_table_gives() -> None:
    declared = (
        Path(keywords.__file__)
        .read_text("utf-8")
        .split('TypedDict("Transformations", {\n')[1]
        .split("\n}")[0]
    )

    assert declared.splitlines() == [line for row in TABLE for line in keyword_lines(row)]
    assert set(get_type_hints(Transformations)) == set(ROWS)


def test_table_has_every_transformation_and_alias_once() -> None:
    names = [name for row in TABLE for name in (row.name, *row.aliases.split())]

    assert len(TABLE) == 49
    assert len(names) == len(set(names)) == len(ROWS)
    assert [row.name for row in TABLE] == sorted(row.name for row in TABLE)


def test_reference_describes_every_transformation() -> None:
    rows = reference().splitlines()[2:]

    assert [re.match(r"\| `([\w-]+)`", row)[1] for row in rows] == [row.name for row in TABLE]  # type: ignore[index]
    assert "| `width` | `w` | an integer from 1 to 8192 | width in pixels |" in rows


@pytest.mark.parametrize("name", sorted(ROWS))
def test_literal_values_offered_by_the_types_are_accepted(name: str) -> None:
    hint = get_type_hints(Transformations)[name]
    literals = [
        word for part in (hint, *get_args(hint)) for word in get_args(part) if isinstance(word, str | bool)
    ]

    for word in literals:
        call: dict[str, Any] = {name: word}
        assert cdn_url("https://c.example/x", **call).startswith("https://c.example/x?")


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
