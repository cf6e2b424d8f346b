from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import regenerate
from hypothesis import given, settings
from hypothesis import strategies as st
from regeneration import diff
from regeneration.contract.document import RegenerationError
from regeneration.contract.operations import facts_of
from regeneration.output import generation
from regeneration.profiles import IMGWIRE

from tests.regeneration.support import SCHEMAS, Document, document, encoded, operation, real_document


def refusal(text: bytes) -> str:
    with pytest.raises(RegenerationError) as raised:
        regenerate.build(text, "vendor.json", regenerate.ROOT)
    return str(raised.value)


@pytest.mark.parametrize("text", [b"", b"paths: {}\n", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_not_json_is_rejected_by_name(text: bytes) -> None:
    assert refusal(text).startswith("vendor.json is not JSON")


def test_a_key_that_appears_twice_is_rejected() -> None:
    assert "the key 'paths' appears twice" in refusal(b'{"openapi": "3.1.0", "paths": {}, "paths": {}}')


def test_swagger_2_is_rejected() -> None:
    assert "Swagger 2.0" in refusal(encoded({"swagger": "2.0", "paths": {}}))


@pytest.mark.parametrize("version", [None, "2.0", "4.0.0", 3])
def test_a_document_of_another_version_is_rejected(version: object) -> None:
    assert "/openapi is" in refusal(encoded(document() | {"openapi": version}))


def test_a_dangling_reference_is_rejected_with_its_location() -> None:
    broken = document(schemas={"A": {"properties": {"b": {"$ref": f"{SCHEMAS}Gone"}}}})

    assert refusal(encoded(broken)) == (
        f"/components/schemas/A/properties/b: $ref '{SCHEMAS}Gone' points at nothing"
    )


def test_a_reference_outside_the_document_is_rejected() -> None:
    broken = document(schemas={"A": {"items": {"$ref": "other.json#/A"}}})

    assert "leaves the document" in refusal(encoded(broken))


def test_a_circular_reference_is_rejected() -> None:
    parameters = [{"$ref": "#/components/parameters/P"}]
    broken = document({"/api/v1/images/": {"get": operation(parameters=parameters)}})
    broken["components"]["parameters"] = {"P": {"$ref": "#/components/parameters/P"}}

    assert "leads back to itself" in refusal(encoded(broken))


def test_two_operations_with_one_operation_id_are_rejected() -> None:
    first, second = operation(method="list"), operation(method="create", operationId="images_list_raw")

    message = refusal(encoded(document({"/api/v1/images/": {"get": first, "post": second}})))

    assert message == (
        "/paths/~1api~1v1~1images~1/post: duplicate operationId 'images_list_raw', "
        "already at /paths/~1api~1v1~1images~1/get"
    )


def test_two_operations_with_one_name_are_rejected() -> None:
    paths = {"/a": {"get": operation(operationId="a")}, "/b": {"get": operation(operationId="b")}}

    assert (
        refusal(encoded(document(paths)))
        == "/paths/~1b/get: duplicate operation 'images.list', already at /paths/~1a/get"
    )


def test_a_document_without_any_known_operation_is_rejected() -> None:
    paths = {"/pets": {"get": {"operationId": "pets", "responses": {}}}}

    assert "none of the operations belongs to the Resource API" in refusal(encoded(document(paths)))


@pytest.mark.parametrize(
    ("mark", "value"),
    [
        ("x-codegen-sdk-auth", "nobody"),
        ("x-codegen-sdk-method-name", "import os"),
        ("x-codegen-sdk-group-name", 7),
    ],
)
def test_an_invalid_mark_is_rejected(mark: str, value: object) -> None:
    message = refusal(encoded(document({"/api/v1/images/": {"get": operation() | {mark: value}}})))

    assert message.startswith(f"/paths/~1api~1v1~1images~1/get: {mark} is {value!r}")


def test_an_unknown_operation_with_only_some_of_the_marks_is_rejected() -> None:
    partly = {"x-codegen-sdk-group-name": "images", "responses": {}}

    assert "not all of the three marks" in refusal(encoded(document({"/new": {"get": partly}})))


def test_an_operation_that_violates_openapi_is_rejected_with_its_location() -> None:
    broken = document({"/api/v1/images/": {"get": operation(responses=[])}})

    assert refusal(encoded(broken)).startswith("/paths/~1api~1v1~1images~1/get/responses: ")


@pytest.mark.parametrize("where", ["header", "cookie"])
def test_a_parameter_that_no_generated_function_could_send_is_rejected(where: str) -> None:
    parameters = [{"name": "X-New", "in": where, "schema": {"type": "string"}}]
    text = encoded(document({"/api/v1/images/": {"get": operation(parameters=parameters)}}))
    ours, _ = regenerate.build(text, "vendor.json", regenerate.ROOT)

    with pytest.raises(RegenerationError, match=f"the {where} parameter 'X-New' is not supported"):
        generation.generator_input(ours, IMGWIRE)


def _places(node: Any, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [place for key, value in items for place in [(*above, key), *_places(value, (*above, key))]]


REAL = real_document()
PLACES = _places(REAL)


@settings(max_examples=60, deadline=None)
@given(
    place=st.sampled_from(PLACES),
    junk=st.sampled_from([None, 0, "x", [], {}, True, [1], {"$ref": "#/nowhere"}]),
)
def test_a_damaged_document_is_rejected_with_a_sentence_or_works(
    place: tuple[str | int, ...], junk: object
) -> None:
    damaged: Document = copy.deepcopy(REAL)
    node: Any = damaged
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = junk

    try:
        ours, _ = regenerate.build(json.dumps(damaged).encode(), "damaged.json", regenerate.ROOT)
        diff.compare(REAL, ours)
        facts_of(generation.generator_input(ours, IMGWIRE), IMGWIRE)
    except RegenerationError as error:
        assert str(error)  # noqa: PT017 - either outcome is right, any other exception is not
