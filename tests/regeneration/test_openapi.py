from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import regenerate
from regeneration.contract.document import dump, operations
from regeneration.contract.selection import full_name
from regeneration.profiles import IMGWIRE

from tests.regeneration.support import OPENAPI, VENDOR_DOCUMENTS, real_document


@pytest.mark.parametrize("source", [OPENAPI, *VENDOR_DOCUMENTS], ids=lambda path: path.name)
def test_the_checked_in_document_is_what_the_pipeline_produces(source: Path) -> None:
    ours, notes = regenerate.build(source.read_bytes(), source.name, regenerate.ROOT)

    assert dump(ours) == OPENAPI.read_text("utf-8")
    assert notes == []


def test_it_contains_exactly_the_operations_of_the_resource_api() -> None:
    found = {(method, path): full_name(operation) for path, method, operation in operations(real_document())}

    assert found.keys() == IMGWIRE.known_operations.keys()
    assert len(set(found.values())) == 20


def test_every_operation_needs_a_bearer_token_of_the_production_server() -> None:
    document = real_document()

    assert document["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert [server["url"] for server in document["servers"]] == ["https://api.imgwire.dev"]


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"title", "description", "summary"} and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)


if VENDOR_DOCUMENTS:

    def test_none_of_the_vendors_sentences_is_in_it() -> None:
        theirs = {text for path in VENDOR_DOCUMENTS for text in _texts(json.loads(path.read_text("utf-8")))}

        assert theirs.isdisjoint(_texts(real_document()))


def test_every_operation_and_field_is_described() -> None:
    document = real_document()
    schemas = document["components"]["schemas"]
    undescribed = [name for name, schema in schemas.items() if "description" not in schema]
    undescribed += [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, value in schema.get("properties", {}).items()
        if "description" not in value
    ]
    undescribed += [path for path, _, operation in operations(document) if "summary" not in operation]

    assert undescribed == []
