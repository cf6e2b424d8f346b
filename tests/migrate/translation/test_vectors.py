"""URLs of imgix and their expected translations.

`vectors/imgix-urls.json` was computed from the rules of the translation, version 1, by an implementation that
is not part of the project. Every expectation is inferred from both services' documents; none was observed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from imgwire_async.cdn import cdn_url
from imgwire_async.migrate import Translation, translate_srcset, translate_url

FILE = Path(__file__).parent / "vectors" / "imgix-urls.json"
VECTORS: list[dict[str, Any]] = json.loads(FILE.read_text("utf-8"))["vectors"]
BASE = "https://cdn.example.com/org/env/image"


def described(translation: Translation) -> dict[str, Any]:
    """A translation as the vectors describe it."""
    lists = ("approximate", "unsupported", "ignored", "unknown")
    names = {name: sorted({found.name for found in getattr(translation, name)}) for name in lists}
    source = None if translation.source is None else translation.source._asdict()
    return {
        "status": translation.status,
        "params": dict(translation.transformations),
        "query": cdn_url(BASE, **translation.transformations).removeprefix(BASE).removeprefix("?"),
        "source": source and {name: value for name, value in source.items() if value is not None},
        "signature": translation.signature,
        **names,
    }


def expected(vector: dict[str, Any]) -> dict[str, Any]:
    lists = ("approximate", "unsupported", "ignored")
    return {
        "status": vector["status"],
        "params": vector.get("params", {}),
        "query": vector.get("query", ""),
        "source": vector.get("source"),
        "signature": vector.get("signature"),
        **{name: sorted({found["parameter"] for found in vector.get(name, ())}) for name in lists},
        "unknown": sorted(vector.get("unknown", ())),
    }


@pytest.mark.parametrize("vector", [v for v in VECTORS if "url" in v], ids=lambda vector: vector["id"])
def test_a_url_is_translated_by_the_rules(vector: dict[str, Any]) -> None:
    translation = translate_url(vector["url"], **vector.get("context", {}))

    assert described(translation) == expected(vector["expected"])


@pytest.mark.parametrize("vector", [v for v in VECTORS if "srcset" in v], ids=lambda vector: vector["id"])
def test_each_candidate_of_a_srcset_is_translated(vector: dict[str, Any]) -> None:
    candidates = translate_srcset(vector["srcset"], **vector.get("context", {}))

    assert [(found.descriptor, described(found.translation)) for found in candidates] == [
        (candidate["descriptor"], expected(candidate)) for candidate in vector["expected"]["candidates"]
    ]
