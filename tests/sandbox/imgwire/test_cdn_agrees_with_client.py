"""The client's URL builder against the sandbox, which was written independently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from imgwire_async.imgwire.cdn import InvalidTransformationError, cdn_url, parse_cdn_url
from imgwire_async.imgwire.cdn.table import TABLE as CLIENT_TABLE
from imgwire_async.sandbox.imgwire.cdn.parameters import TABLE, Transformations, parse
from imgwire_async.sandbox.imgwire.cdn.parameters import InvalidTransformationError as RefusedBySandbox
from tests.sandbox.imgwire.cdn_pictures import Stored, quarters, store
from tests.sandbox.imgwire.support import PUBLIC, Api

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "imgwire" / "cdn" / "vectors" / "cdn-urls.json").read_text("utf-8")
)


@pytest.fixture
def stored(api: Api) -> Stored:
    return store(api, quarters(600, 500))


def options_of(case: dict[str, Any], image_id: str) -> dict[str, Any]:
    """The case's options, with a watermark that exists."""
    options: dict[str, Any] = json.loads(json.dumps(case["options"]))
    for name in ("watermark", "wm"):
        value = options.get(name)
        if isinstance(value, str) and not value.startswith("{"):
            options[name] = ":".join([image_id, *value.split(":")[1:]])
        elif isinstance(value, dict):
            options[name] = {key: image_id if key in {"image_id", "imageId"} else value[key] for key in value}
    return options


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
def test_every_url_of_the_builder_is_delivered(stored: Stored, strict: bool) -> None:
    delivered, refused = 0, []
    for case in VECTORS["cases"]:
        try:
            url = cdn_url(stored.image["cdn_url"], strict=strict, **options_of(case, stored.image["id"]))
        except InvalidTransformationError:
            continue
        answer = PUBLIC.get(url, timeout=30)
        delivered += 1
        if answer.status_code != 200:
            refused.append((case["name"], url, answer.text))

    assert refused == []
    assert delivered > (60 if strict else 90)


@pytest.mark.parametrize(
    "case", [case for case in VECTORS["cases"] if "url" in case], ids=lambda case: case["name"]
)
def test_every_url_of_the_vendors_builders_is_read(case: dict[str, Any]) -> None:
    parse(case["url"].partition("?")[2].encode())


def test_both_know_the_same_names_with_the_same_meaning() -> None:
    of_the_sandbox = {name: row.name for row in TABLE for name in (row.name, *row.aliases.split())}
    of_the_client = {name: row.name for row in CLIENT_TABLE for name in row.names}

    assert of_the_client == of_the_sandbox


@pytest.mark.parametrize(
    ("name", "canonical"), [(name, row.name) for row in CLIENT_TABLE for name in row.names]
)
def test_an_invalid_value_is_rejected_under_the_canonical_name(name: str, canonical: str) -> None:
    with pytest.raises(InvalidTransformationError) as refused:
        cdn_url("https://cdn.example/a/b/c", **{name: object()})  # type: ignore[arg-type]

    assert refused.value.transformation == canonical


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
@pytest.mark.parametrize("word", ["true", "T", "1", "False", "f", "0", "yes", "on", "2", "1.0", "-1", ""])
def test_both_read_booleans_and_numbers_in_the_same_way(row: Any, word: str) -> None:
    def read_by_sandbox(query: str) -> Transformations | None:
        try:
            return parse(query.encode())
        except RefusedBySandbox:
            return None

    try:
        canonical = parse_cdn_url(f"https://cdn.example/x?{row.name}={word}").transformation.query
    except InvalidTransformationError:
        assert read_by_sandbox(f"{row.name}={word}") is None
    else:
        understood = read_by_sandbox(f"{row.name}={word}")
        assert understood is not None
        assert understood == read_by_sandbox(canonical)
