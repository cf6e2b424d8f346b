from __future__ import annotations

from typing import Any

import pytest
import regenerate
from regeneration import diff
from regeneration.contract.document import parse
from regeneration.diff import Kind

from tests.regeneration.support import (
    SCHEMAS,
    Document,
    changed,
    document,
    encoded,
    older_document,
    operation,
    real_document,
)

NEW_TYPES = ("image/bmp", "image/heic", "image/jxl", "image/tiff", "image/vnd.microsoft.icon")


def lines(old: Document, new: Document) -> list[str]:
    documents = [regenerate.build(encoded(each), "x", regenerate.ROOT)[0] for each in (old, new)]
    return [str(change) for change in diff.compare(*documents)]


def test_a_document_does_not_differ_from_itself() -> None:
    assert lines(real_document(), real_document()) == []


def test_what_the_service_added_since_april_is_printed_and_nothing_else() -> None:
    assert lines(older_document(), real_document()) == [
        "compatible: ImageSchema.can_upload: new required field (response)",
        "compatible: ImageSchema.is_directly_deliverable: new required field (response)",
        *(f"compatible: SupportedMimeType: new member {name} (request and response)" for name in NEW_TYPES),
        "compatible: images.upload_via_url: new operation, POST /api/v1/images/upload_via_url",
    ]


def test_in_the_other_direction_the_same_changes_are_breaking() -> None:
    assert lines(real_document(), older_document()) == [
        "breaking: ImageSchema.can_upload: field removed (response)",
        "breaking: ImageSchema.is_directly_deliverable: field removed (response)",
        *(f"breaking: SupportedMimeType: member {name} removed (request and response)" for name in NEW_TYPES),
        "breaking: images.upload_via_url: operation removed, was POST /api/v1/images/upload_via_url",
    ]


STRING = {"type": "string"}
NULL = {"type": "null"}


@pytest.mark.parametrize(
    ("old", "new", "in_request", "in_response"),
    [
        ({"properties": {}}, {"properties": {"a": STRING}}, Kind.COMPATIBLE, Kind.COMPATIBLE),
        (
            {"properties": {}},
            {"properties": {"a": STRING}, "required": ["a"]},
            Kind.BREAKING,
            Kind.COMPATIBLE,
        ),
        ({"properties": {"a": STRING}}, {"properties": {}}, Kind.BREAKING, Kind.BREAKING),
        (
            {"properties": {"a": STRING}},
            {"properties": {"a": STRING}, "required": ["a"]},
            Kind.BREAKING,
            Kind.COMPATIBLE,
        ),
        (
            {"properties": {"a": STRING}, "required": ["a"]},
            {"properties": {"a": STRING}},
            Kind.COMPATIBLE,
            Kind.BREAKING,
        ),
        (STRING, {"anyOf": [STRING, NULL]}, Kind.COMPATIBLE, Kind.BREAKING),
        ({"anyOf": [STRING, NULL]}, STRING, Kind.BREAKING, Kind.COMPATIBLE),
        (STRING, {"anyOf": [STRING, {"type": "integer"}]}, Kind.COMPATIBLE, Kind.BREAKING),
        ({"type": "integer"}, {"type": "number"}, Kind.COMPATIBLE, Kind.BREAKING),
        ({"type": "number"}, {"type": "integer"}, Kind.BREAKING, Kind.COMPATIBLE),
        (STRING, {"type": "string", "format": "uuid"}, Kind.BREAKING, Kind.BREAKING),
        (
            {"type": "string", "maxLength": 9},
            {"type": "string", "maxLength": 8},
            Kind.BREAKING,
            Kind.COMPATIBLE,
        ),
        (
            {"type": "string", "maxLength": 8},
            {"type": "string", "maxLength": 9},
            Kind.COMPATIBLE,
            Kind.COMPATIBLE,
        ),
        (STRING, {"type": "string", "minLength": 1}, Kind.BREAKING, Kind.COMPATIBLE),
        (
            {"type": "string", "minLength": 2},
            {"type": "string", "minLength": 1},
            Kind.COMPATIBLE,
            Kind.COMPATIBLE,
        ),
        (
            {"type": "string", "pattern": "a"},
            {"type": "string", "pattern": "b"},
            Kind.BREAKING,
            Kind.COMPATIBLE,
        ),
        ({"type": "string", "pattern": "a"}, STRING, Kind.COMPATIBLE, Kind.COMPATIBLE),
        (
            {"type": "string", "enum": ["A"]},
            {"type": "string", "enum": ["A", "B"]},
            Kind.COMPATIBLE,
            Kind.COMPATIBLE,
        ),
        (
            {"type": "string", "enum": ["A", "B"]},
            {"type": "string", "enum": ["A"]},
            Kind.BREAKING,
            Kind.BREAKING,
        ),
        (
            {"type": "array", "items": {"type": "string", "maxLength": 2}},
            {"type": "array", "items": {"type": "string", "maxLength": 1}},
            Kind.BREAKING,
            Kind.COMPATIBLE,
        ),
        (
            {"type": "integer", "default": 1},
            {"type": "integer", "default": 2},
            Kind.BEHAVIOURAL,
            Kind.BEHAVIOURAL,
        ),
        (
            {"type": "object", "additionalProperties": STRING},
            {"type": "object", "additionalProperties": {"anyOf": [STRING, NULL]}},
            Kind.COMPATIBLE,
            Kind.BREAKING,
        ),
    ],
)
def test_a_change_of_a_schema_is_judged_by_its_direction(
    old: Document, new: Document, in_request: Kind, in_response: Kind
) -> None:
    def in_body(schema: Document) -> Document:
        body = {"content": {"application/json": {"schema": {"$ref": f"{SCHEMAS}A"}}}}
        return document({"/api/v1/images/": {"post": operation(requestBody=body)}}, {"A": schema})

    def in_answer(schema: Document) -> Document:
        answer = {"description": "", "content": {"application/json": {"schema": {"$ref": f"{SCHEMAS}A"}}}}
        return document({"/api/v1/images/": {"get": operation(responses={"200": answer})}}, {"A": schema})

    assert [line.split(":")[0] for line in lines(in_body(old), in_body(new))] == [in_request.name.lower()]
    assert [line.split(":")[0] for line in lines(in_answer(old), in_answer(new))] == [
        in_response.name.lower()
    ]


CREATE = "paths /api/v1/images/standard_upload post"
LIST = "paths /api/v1/images/ get"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (f"{CREATE} x-codegen-sdk-auth", "server_key", "behavioural: images.create: auth class changed"),
        (f"{LIST} x-codegen-sdk-pagination", None, "behavioural: images.list: pagination changed"),
        (
            f"{LIST} responses 200 headers X-Next-Page",
            None,
            "breaking: images.list response: header X-Next-Page",
        ),
        (
            f"{LIST} responses 200 headers X-New",
            {"schema": STRING},
            "compatible: images.list response: new header",
        ),
        (f"{LIST} parameters", [], "breaking: images.list header X-Environment-Id: parameter removed"),
        (f"{CREATE} requestBody required", False, "compatible: images.create body: became optional"),
        (f"{CREATE} requestBody", None, "breaking: images.create body: body removed"),
        (
            "components schemas ImageSchema properties width",
            {"$ref": f"{SCHEMAS}ImageStatus"},
            "breaking: ImageSchema.width: type changed from integer to string",
        ),
    ],
)
def test_a_change_of_an_operation_is_judged_by_what_it_does_to_callers(
    path: str, value: Any, expected: str
) -> None:
    found = lines(real_document(), changed(real_document(), path, value))

    assert any(line.startswith(expected) for line in found), found


def test_a_moved_operation_is_breaking_under_its_one_name() -> None:
    moved = real_document()
    moved["paths"]["/api/v2/token"] = moved["paths"].pop("/api/v1/images/token")

    assert lines(real_document(), moved) == [
        "breaking: images.create_upload_token: moved from POST /api/v1/images/token to POST /api/v2/token"
    ]


def test_a_renamed_schema_is_compared_with_its_old_self() -> None:
    renamed = parse(encoded(real_document()).replace(b"ImageSchema", b"ImageOut"), "x")
    renamed["components"]["schemas"]["ImageOut"]["properties"]["blurhash"] = {"type": "string"}

    assert lines(real_document(), renamed) == [
        (
            "behavioural: ImageSchema: renamed to ImageOut; "
            "class_overrides in generator-config.yaml keeps the Python name"
        ),
        "compatible: ImageOut.blurhash: new optional field (response)",
    ]


def test_a_schema_that_contains_itself_is_compared_once() -> None:
    tree: Document = {"type": "object", "properties": {"child": {"$ref": f"{SCHEMAS}Tree"}}}
    answer = {"description": "", "content": {"application/json": {"schema": {"$ref": f"{SCHEMAS}Tree"}}}}
    old = document({"/api/v1/images/": {"get": operation(responses={"200": answer})}}, {"Tree": tree})
    new = changed(old, "components schemas Tree properties name", STRING)

    assert lines(old, new) == ["compatible: Tree.name: new optional field (response)"]
