"""Every feature of OpenAPI 3.1: the generated code supports it, or it is rejected with its location."""

from __future__ import annotations

import copy
import datetime as dt
import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import regenerate
from mypy import api
from regeneration.contract.document import RegenerationError
from regeneration.contract.operations import facts_of
from regeneration.output import generation
from regeneration.profiles import IMGWIRE

from imgwire_async.core.operation import MisfitError, Request
from tests.regeneration.support import SCHEMAS, Document, document, encoded, operation
from tests.regeneration.test_generation import forget, generate, json_answer

PLACE = "/paths/~1api~1v1~1images~1/get"
SCHEMA = f"{PLACE}/responses/200/content/application~1json/schema"
TEXT: Document = {"type": "string"}
CAT: Document = {
    "type": "object",
    "required": ["kind"],
    "properties": {"kind": TEXT, "lives": {"type": "integer"}},
}
DOG: Document = {
    "type": "object",
    "required": ["kind"],
    "properties": {"kind": TEXT, "barks": {"type": "boolean"}},
}
PETS = {"Cat": CAT, "Dog": DOG}
CAT_REF, DOG_REF = {"$ref": f"{SCHEMAS}Cat"}, {"$ref": f"{SCHEMAS}Dog"}


def a(name: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    """An object of a generated class with these fields."""
    return name, fields


@dataclass
class Read:
    """A schema, with values in JSON and the same values in Python."""

    schema: Document
    values: list[tuple[Any, Any]]
    more: Document = field(default_factory=dict)
    refused: list[Any] = field(default_factory=list)


MOMENT = dt.datetime(2026, 5, 5, 10, tzinfo=dt.UTC)
ID = UUID(int=7)
ID_TEXT = str(ID)
SUPPORTED: dict[str, Read] = {
    "additionalProperties_ref": Read(
        {"type": "object", "additionalProperties": CAT_REF},
        [({"x": {"kind": "cat", "lives": 9}}, {"x": a("Cat", kind="cat", lives=9)}), ({}, {})],
        PETS,
        [{"x": 7}, []],
    ),
    "additionalProperties_of_moments": Read(
        {"type": "object", "additionalProperties": {"type": "string", "format": "date-time"}},
        [({"x": "2026-05-05T10:00:00Z"}, {"x": MOMENT})],
    ),
    "additionalProperties_of_maps": Read(
        {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": CAT_REF}},
        [({"x": {"y": {"kind": "cat"}}}, {"x": {"y": a("Cat", kind="cat")}})],
        PETS,
    ),
    "additionalProperties_of_arrays": Read(
        {"type": "object", "additionalProperties": {"type": "array", "items": CAT_REF}},
        [({"x": [{"kind": "cat"}]}, {"x": [a("Cat", kind="cat")]})],
        PETS,
    ),
    "additionalProperties_of_numbers": Read(
        {"type": "object", "additionalProperties": {"type": "integer"}}, [({"x": 7}, {"x": 7})]
    ),
    "additionalProperties_true": Read(
        {"type": "object", "additionalProperties": True}, [({"x": 7}, {"x": 7})]
    ),
    "additionalProperties_false": Read(
        {"$ref": f"{SCHEMAS}Closed"},
        [({"x": "a"}, a("Closed", x="a"))],
        {"Closed": {"type": "object", "properties": {"x": TEXT}, "additionalProperties": False}},
    ),
    "discriminator": Read(
        {"oneOf": [CAT_REF, DOG_REF], "discriminator": {"propertyName": "kind"}},
        [({"kind": "Dog", "barks": True}, a("Dog", barks=True)), ({"kind": "Cat"}, a("Cat", kind="Cat"))],
        PETS,
        [{"kind": "Cow"}, {}, 7],
    ),
    "discriminator_mapping": Read(
        {
            "anyOf": [CAT_REF, {"$ref": f"{SCHEMAS}Wolf"}, {"type": "null"}],
            "discriminator": {"propertyName": "kind", "mapping": {"c": f"{SCHEMAS}Cat", "w": "Wolf"}},
        },
        [({"kind": "w"}, a("Wolf", kind="w")), ({"kind": "c"}, a("Cat", kind="c")), (None, None)],
        {**PETS, "Wolf": DOG},
    ),
    "alternatives_that_json_tells_apart": Read(
        {"anyOf": [CAT_REF, {"type": "array", "items": TEXT}, TEXT, {"type": "number"}, {"type": "boolean"}]},
        [
            ({"kind": "x"}, a("Cat", kind="x")),
            (["x"], ["x"]),
            ("x", "x"),
            (1.5, 1.5),
            (True, True),
        ],
        PETS,
    ),
    "alternatives_of_text": Read(
        {
            "oneOf": [
                TEXT,
                {**TEXT, "format": "uuid"},
                {**TEXT, "format": "date-time"},
                {**TEXT, "format": "date"},
            ]
        },
        [
            (str(ID), ID),
            ("2026-05-05T10:00:00Z", MOMENT),
            ("2026-05-05", dt.date(2026, 5, 5)),
            ("x", "x"),
        ],
    ),
    "allOf_ref_with_siblings": Read(
        {"allOf": [CAT_REF], "description": "d", "nullable": True},
        [({"kind": "x"}, a("Cat", kind="x")), (None, None)],
        PETS,
    ),
    "discriminator_of_merged": Read(
        {"oneOf": [DOG_REF, {"$ref": f"{SCHEMAS}Tiger"}], "discriminator": {"propertyName": "kind"}},
        [({"kind": "Tiger", "stripes": 3}, a("Tiger", kind="Tiger", stripes=3))],
        {
            **PETS,
            "Tiger": {"allOf": [CAT_REF, {"type": "object", "properties": {"stripes": {"type": "integer"}}}]},
        },
    ),
    "allOf_of_a_number": Read({"allOf": [{"type": "integer"}], "nullable": True}, [(7, 7), (None, None)]),
    "allOf_with_limits": Read(
        {"allOf": [{"$ref": f"{SCHEMAS}Color"}, {"minLength": 1}]},
        [("r", "r")],
        {"Color": {"enum": ["r", "g"]}},
        [7],
    ),
    "allOf_of_alternatives": Read(
        {"anyOf": [CAT_REF, {"allOf": [{"type": "integer"}]}]},
        [(7, 7), ({"kind": "x"}, a("Cat", kind="x"))],
        PETS,
    ),
    "allOf_merged": Read(
        {"$ref": f"{SCHEMAS}Lion"},
        [({"kind": "x", "mane": "y"}, a("Lion", kind="x", mane="y"))],
        {**PETS, "Lion": {"allOf": [CAT_REF, {"type": "object", "properties": {"mane": TEXT}}]}},
    ),
    "ref_with_annotations": Read(
        {**CAT_REF, "description": "d", "deprecated": True, "readOnly": True},
        [({"kind": "x"}, a("Cat", kind="x"))],
        PETS,
    ),
    "ref_nullable": Read({**CAT_REF, "nullable": True}, [(None, None)], PETS),
    "type_array": Read(
        {"type": ["string", "integer", "null"]}, [("x", "x"), (7, 7), (None, None)], refused=[[], {}, 1.5]
    ),
    "type_array_of_one": Read({"type": ["string"]}, [("x", "x")], refused=[7]),
    "enum_nullable": Read({"type": ["string", "null"], "enum": ["a", None]}, [("a", "a"), (None, None)]),
    "enum_ref": Read(
        {"$ref": f"{SCHEMAS}Color"}, [("r", "r"), ("new", "new")], {"Color": {"enum": ["r", "g"]}}
    ),
    "const_text": Read({"const": "x"}, [("x", "x"), ("other", "other")], refused=[7]),
    "const_number": Read({"const": 7}, [(7, 7)], refused=["7"]),
    "const_boolean": Read({"const": True}, [(True, True)], refused=["true"]),
    "any": Read({}, [([{"x": 1}], [{"x": 1}])]),
    "array_of_arrays": Read(
        {"type": "array", "items": {"type": "array", "items": CAT_REF}},
        [([[{"kind": "x"}]], [[a("Cat", kind="x")]])],
        PETS,
    ),
    "defs": Read(
        {"$ref": f"{SCHEMAS}Owner"},
        [
            (
                {"$defs": "x", "part": {"kind": "y"}, "leaf": {"leaf": {}}, "cat": 7},
                a("Owner", defs="x", part=a("Part", kind="y"), leaf=a("Leaf", leaf=a("Leaf")), cat=7),
            )
        ],
        {
            **PETS,
            "Owner": {
                "type": "object",
                "$defs": {
                    "Part": CAT,
                    "Cat": {"type": "integer"},
                    "Branch": {
                        "$defs": {
                            "Leaf": {
                                "type": "object",
                                "properties": {"leaf": {"$ref": f"{SCHEMAS}Owner/$defs/Branch/$defs/Leaf"}},
                            }
                        }
                    },
                },
                "properties": {
                    "$defs": TEXT,
                    "part": {"$ref": f"{SCHEMAS}Owner/$defs/Part"},
                    "leaf": {"$ref": f"{SCHEMAS}Owner/$defs/Branch/$defs/Leaf"},
                    "cat": {"$ref": f"{SCHEMAS}Owner/$defs/Cat"},
                },
            },
        },
    ),
    "recursive": Read(
        {"$ref": f"{SCHEMAS}Tree"},
        [({"leaves": [{"leaves": []}]}, a("Tree", leaves=[a("Tree", leaves=[])]))],
        {"Tree": {"properties": {"leaves": {"type": "array", "items": {"$ref": f"{SCHEMAS}Tree"}}}}},
    ),
    "recursive_over_others": Read(
        {"$ref": f"{SCHEMAS}Hen"},
        [({"egg": {"hen": {}}}, a("Hen", egg=a("Egg", hen=a("Hen"))))],
        {
            "Hen": {"type": "object", "properties": {"egg": {"$ref": f"{SCHEMAS}Egg"}}},
            "Egg": {"type": "object", "properties": {"hen": {"$ref": f"{SCHEMAS}Hen"}}},
        },
    ),
    "recursive_over_maps": Read(
        {"$ref": f"{SCHEMAS}Node"},
        [({"nodes": {"x": {"nodes": {}}}}, a("Node", nodes={"x": a("Node", nodes={})}))],
        {
            "Node": {"type": "object", "properties": {"nodes": {"$ref": f"{SCHEMAS}Nodes"}}},
            "Nodes": {"type": "object", "additionalProperties": {"$ref": f"{SCHEMAS}Node"}},
        },
    ),
    "formats": Read({"type": "string", "format": "hostname"}, [("x", "x")]),
    "contentEncoding": Read(
        {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"}, [("eA==", "eA==")]
    ),
    "limits": Read(
        {
            "type": "array",
            "items": {**TEXT, "minLength": 3, "pattern": "^a"},
            "minItems": 2,
            "uniqueItems": True,
        },
        [(["x"], ["x"])],
    ),
    "default_of_another_type": Read({"type": "integer", "default": "x"}, [(7, 7)]),
    "names_that_python_needs": Read(
        {"$ref": f"{SCHEMAS}class"},
        [
            (
                {"class": "x", "str": "y", "datetime": "z", "None": 1},
                a("Class", class_="x", str_="y", datetime_="z"),
            )
        ],
        {
            "class": {
                "type": "object",
                "properties": {"class": TEXT, "str": TEXT, "datetime": TEXT, "None": {"type": "integer"}},
            }
        },
    ),
    "names_of_maps_that_are_taken": Read(
        {"$ref": f"{SCHEMAS}Taken"},
        [
            (
                {
                    "any": {"x": {"kind": "y"}},
                    "cat": {"x": 7},
                    "1st": {"x": ID_TEXT},
                },
                a("Taken", any_={"x": a("Cat", kind="y")}, cat={"x": 7}, field_1st={"x": ID}),
            )
        ],
        {
            **PETS,
            "Taken": {
                "type": "object",
                "properties": {
                    name: {"type": "object", "additionalProperties": values}
                    for name, values in {
                        "any": CAT_REF,
                        "cat": {"type": "integer"},
                        "1st": {**TEXT, "format": "uuid"},
                    }.items()
                },
            },
        },
    ),
    "names_alike": Read(
        {"$ref": f"{SCHEMAS}Alike"},
        [({"fooBar": "x", "foo_bar": "y"}, None)],
        {"Alike": {"type": "object", "properties": {"fooBar": TEXT, "foo_bar": TEXT}}},
    ),
}


def get(**changes: Any) -> Document:
    """A document whose only operation has these parts."""
    return document({"/api/v1/images/": {"get": operation(**changes)}})


def answering(schema: Document, **schemas: Any) -> Document:
    """A document whose only operation responds with this schema."""
    return document({"/api/v1/images/": {"get": operation(responses=json_answer(schema))}}, schemas)


def everything() -> Document:
    """One document with all supported features."""
    schemas: Document = {}
    for name, row in SUPPORTED.items():
        schemas |= copy.deepcopy(row.more)
        schemas[f"Case_{name}"] = {
            "type": "object",
            "required": ["value"],
            "properties": {"value": copy.deepcopy(row.schema)},
        }
    everywhere = {"type": "object", "properties": {n: {"$ref": f"{SCHEMAS}Case_{n}"} for n in SUPPORTED}}
    schemas["Everything"] = everywhere
    whole = document({}, schemas)
    parts = whole["components"]
    parts["responses"] = {"All": json_answer({"$ref": f"{SCHEMAS}Everything"})["200"]}
    parts["requestBodies"] = {
        "Pet": {"required": True, "content": {"application/json": {"schema": CAT_REF}}},
    }
    parts["parameters"] = {
        "Page": {"name": "page", "in": "query", "schema": {"type": "integer", "default": "x"}}
    }
    parts["securitySchemes"] = {"key": {"type": "apiKey", "in": "query", "name": "k"}}
    parts["pathItems"] = {
        "Things": {
            "get": operation(
                parameters=[
                    {"$ref": "#/components/parameters/Page"},
                    {"name": "class", "in": "query", "style": "form", "explode": False, "schema": TEXT},
                    {"name": "caller", "in": "query", "required": True, "schema": TEXT, "deprecated": True},
                    {"name": "request", "in": "query", "schema": {"type": ["string", "null"]}},
                    {"name": "Authorization", "in": "header", "schema": TEXT},
                    {"name": "accept", "in": "header", "schema": TEXT},
                    {"name": "Content-Type", "in": "header", "schema": TEXT},
                ],
                responses={
                    "2XX": {"$ref": "#/components/responses/All"},
                    "302": {"description": ""},
                    "default": {"description": "", "content": {"text/plain": {}}},
                },
                callbacks={"done": {"{$request.body#/url}": {"post": {"responses": {}}}}},
                security=[{"a": []}, {"b": [], "c": []}],
            )
        }
    }
    paths = whole["paths"]
    paths["/api/v1/images/"] = {"$ref": "#/components/pathItems/Things"}
    paths["/api/v1/images/{body}/{id}"] = {
        "parameters": [{"name": n, "in": "path", "required": True, "schema": TEXT} for n in ("id", "body")],
        "post": operation(
            method="create",
            operationId="b",
            requestBody={"$ref": "#/components/requestBodies/Pet"},
            responses={
                "201": {
                    "description": "",
                    "headers": {"X": {"schema": TEXT}},
                    "links": {"self": {"operationId": "b"}},
                    "content": {
                        "text/csv": {"schema": TEXT},
                        "application/json": {"schema": {"type": "array", "items": CAT_REF}},
                    },
                }
            },
        ),
        "trace": {"responses": {}},
    }
    whole["webhooks"] = {"x": {"post": {"responses": {}}}}
    whole["jsonSchemaDialect"] = "https://json-schema.org/draft/2020-12/schema#"
    whole["components"]["schemas"]["Unused"] = {"prefixItems": [{"not": {}}]}
    return whole


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("features")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield generate(everything(), folder, "feature_client")
        forget("feature_client")


def check(found: Any, expected: Any) -> None:
    """Compare a decoded value with the expected objects of `a` and plain values."""
    if isinstance(expected, tuple):
        name, fields = expected
        assert type(found).__name__ == name
        for key, value in fields.items():
            check(getattr(found, key), value)
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            check(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            check(one, other)
    else:
        assert (found, isinstance(found, str)) == (expected, isinstance(expected, str))


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("name", SUPPORTED)
def test_a_supported_schema_is_read_and_written(name: str) -> None:
    models: Any = importlib.import_module("feature_client.models")
    case = models.__dict__["Case" + "".join(part[:1].upper() + part[1:] for part in name.split("_"))]
    for wire, expected in SUPPORTED[name].values:
        read = case.from_dict({"value": wire})
        if expected is not None:
            check(read.value, expected)
        assert case.from_dict(json.loads(json.dumps(read.to_dict()))) == read
    for wire in SUPPORTED[name].refused:
        with pytest.raises(MisfitError):
            case.from_dict({"value": wire})


@pytest.mark.usefixtures("tree")
def test_names_that_differ_only_in_case_stay_distinct() -> None:
    models: Any = importlib.import_module("feature_client.models")
    wire = {"fooBar": "x", "foo_bar": "y"}
    alike = models.Alike.from_dict(wire)
    assert alike.to_dict() == wire
    assert not alike.additional_properties


def test_generated_code_for_every_feature_type_checks(tree: Path, tmp_path: Path) -> None:
    report, problems, status = api.run(["--strict", "--cache-dir", str(tmp_path / "cache"), str(tree)])
    assert (status, problems) == (0, ""), report


@pytest.mark.usefixtures("tree")
async def test_operations_behind_references_are_called_as_declared() -> None:
    images: Any = importlib.import_module("feature_client.api.images")
    models: Any = importlib.import_module("feature_client.models")
    sent: list[Request] = []

    class Caller:
        async def call(self, request: Request, parse: Any) -> Any:
            sent.append(request)
            return parse

    parse = await images.images_list(Caller(), class_="a", caller_="b", request_="c", page=2)
    assert sent[-1].query == {"class": "a", "caller": "b", "request": "c", "page": 2}
    check(parse({"any": {"value": 7}}), a("Everything", any_=a("CaseAny", value=7)))
    cat = models.Cat(kind="x")
    parse = await images.images_create(Caller(), "1", "2", body=cat)
    assert (sent[-1].path_parameters, sent[-1].json) == ({"body": "1", "id": "2"}, {"kind": "x"})
    check(parse([{"kind": "x"}]), [a("Cat", kind="x")])


def test_features_without_effect_on_a_client_are_noted() -> None:
    _, notes = regenerate.build(encoded(everything()), "new.json", regenerate.ROOT)
    said = "\n".join(notes)
    get_things, create = PLACE, "/paths/~1api~1v1~1images~1{body}~1{id}"
    places = [
        "/webhooks",
        "/components/securitySchemes/key",
        f"{get_things}/callbacks",
        f"{get_things}/security",
        f"{get_things}/responses/302",
        *(f"{get_things}/parameters/{index}" for index in (4, 5, 6)),
        f"{create}/trace",
        f"{create}/post/responses/201/headers/X",
        f"{create}/post/responses/201/links",
        f"{create}/post/responses/201/content/text~1csv",
    ]
    noted = [note.removeprefix("left out: ") for note in notes if note.startswith("left out: ")]
    for place in places:
        assert any(note.startswith((f"{place};", f"{place},")) for note in noted), place
    assert len(noted) == len(places), said


@pytest.mark.parametrize(
    "callbacks",
    [
        {"done": {"{$request.body#/url}": {"post": {"responses": {"200": {"description": ""}}}}}},
        {"done": {"$ref": "#/components/callbacks/Done"}},
        {"done": {"{$url}": {"$ref": "#/components/pathItems/Done"}}},
    ],
)
def test_callbacks_of_any_form_are_noted(tmp_path: Path, callbacks: Document) -> None:
    item = {"post": {"responses": {"200": {"description": ""}}}}
    parts = {"schemas": {}, "callbacks": {"Done": {"{$url}": item}}, "pathItems": {"Done": item}}
    called = whole(get(callbacks=callbacks), components=parts)

    _, notes = regenerate.build(encoded(called), "new.json", regenerate.ROOT)
    generate(called, tmp_path)

    assert [note for note in notes if note.startswith(f"left out: {PLACE}/callbacks")]


def test_paging_headers_and_a_bearer_token_are_used_and_not_noted() -> None:
    headers = {name: {"schema": TEXT} for name in ("X-Total-Count", "X-Page", "X-Next-Page")}
    answer = {**json_answer(CAT)["200"], "headers": headers}
    plain = get(responses={"200": answer})
    plain["components"]["securitySchemes"] = {"b": {"type": "http", "scheme": "Bearer"}}
    _, notes = regenerate.build(encoded(plain), "new.json", regenerate.ROOT)
    assert not [note for note in notes if note.startswith("left out: ")]


def parameter(where: str = "query", **changes: Any) -> Document:
    return get(parameters=[{"name": "x", "in": where, "schema": TEXT, **changes}])


def body(content: Document) -> Document:
    return document({"/api/v1/images/": {"get": operation(requestBody={"content": content})}})


def fields(**properties: Any) -> Document:
    return answering({"$ref": f"{SCHEMAS}A"}, A={"type": "object", "properties": properties})


def whole(value: Document, **changes: Any) -> Document:
    return value | changes


A = "/components/schemas/A"
F = f"{A}/properties/f"
REFUSED: dict[str, tuple[Document, str]] = {
    "prefixItems": (fields(f={"type": "array", "prefixItems": [TEXT], "items": TEXT}), f"{F}/prefixItems"),
    "array without items": (fields(f={"type": "array"}), F),
    "patternProperties": (
        fields(f={"type": "object", "patternProperties": {"^x": TEXT}}),
        f"{F}/patternProperties",
    ),
    "unevaluatedProperties": (
        fields(f={"type": "object", "unevaluatedProperties": TEXT}),
        f"{F}/unevaluatedProperties",
    ),
    "unevaluatedItems": (
        fields(f={"type": "array", "items": TEXT, "unevaluatedItems": False}),
        f"{F}/unevaluatedItems",
    ),
    "if": (fields(f={"if": TEXT, "then": TEXT, "else": TEXT}), f"{F}/if"),
    "not": (fields(f={"not": TEXT}), f"{F}/not"),
    "dependentSchemas": (
        fields(f={"type": "object", "dependentSchemas": {"x": {}}}),
        f"{F}/dependentSchemas",
    ),
    "$defs of two schemas with one name": (
        answering(
            {"$ref": f"{SCHEMAS}A"},
            A={"type": "object", "$defs": {"X": TEXT}},
            X=CAT,
            A_X={"type": "integer"},
        ),
        f"{A}/$defs/X",
    ),
    "$ref to $defs of the document": (fields(f={"$defs": {"X": TEXT}, "$ref": "#/$defs/X"}), F),
    "$ref into another schema": (fields(f={"$ref": f"{SCHEMAS}A/properties/g"}, g=TEXT), F),
    "$anchor": (fields(f={"$anchor": "x", "type": "string"}), f"{F}/$anchor"),
    "$dynamicRef": (fields(f={"$dynamicRef": "#x"}), f"{F}/$dynamicRef"),
    "$id": (fields(f={"$id": "https://schemas.example.com/x", "type": "string"}), f"{F}/$id"),
    "external $ref": (fields(f={"$ref": "other.json#/X"}), F),
    "siblings of $ref": (fields(f={"$ref": f"{SCHEMAS}A", "properties": {"x": TEXT}}), F),
    "allOf of a text and an object": (fields(f={"allOf": [TEXT, CAT]}), f"{F}/allOf/0"),
    "allOf of two texts": (fields(f={"allOf": [TEXT, TEXT]}), f"{F}/allOf/0"),
    "allOf of alternatives": (
        fields(f={"allOf": [{"oneOf": [CAT, {"type": "null"}]}, CAT]}),
        f"{F}/allOf/0",
    ),
    "boolean schema": (fields(f=True), F),
    "boolean items": (fields(f={"type": "array", "items": False}), f"{F}/items"),
    "unknown keyword": (fields(f={"type": "string", "frobnicate": 1}), f"{F}/frobnicate"),
    "unknown type": (fields(f={"type": "frob"}), f"{F}/type"),
    "enum of mixed types": (fields(f={"enum": ["a", 1]}), f"{F}/enum"),
    "enum of null": (fields(f={"enum": [None]}), f"{F}/enum"),
    "const object": (fields(f={"const": {"x": 1}}), f"{F}/const"),
    "objects without discriminator": (
        answering({"oneOf": [CAT_REF, DOG_REF]}, **PETS),
        f"{SCHEMA}/oneOf",
    ),
    "nested objects without discriminator": (
        answering({"anyOf": [CAT_REF, {"oneOf": [DOG_REF, {"type": "null"}]}]}, **PETS),
        f"{SCHEMA}/anyOf",
    ),
    "arrays that cannot be told apart": (
        fields(
            f={"anyOf": [{"type": "array", "items": TEXT}, {"type": "array", "items": {"type": "integer"}}]}
        ),
        f"{F}/anyOf",
    ),
    "enumerations that cannot be told apart": (
        fields(f={"anyOf": [{"enum": ["a"]}, {"enum": ["b"]}]}),
        f"{F}/anyOf",
    ),
    "anyOf beside oneOf": (fields(f={"anyOf": [TEXT], "oneOf": [TEXT]}), F),
    "properties beside oneOf": (fields(f={"oneOf": [TEXT], "properties": {"x": TEXT}}), F),
    "empty oneOf": (fields(f={"oneOf": []}), f"{F}/oneOf"),
    "discriminator alone": (
        answering(CAT_REF, Cat=CAT | {"discriminator": {"propertyName": "kind"}}),
        "/components/schemas/Cat/discriminator",
    ),
    "discriminator of inline objects": (
        answering({"oneOf": [CAT, DOG], "discriminator": {"propertyName": "kind"}}),
        f"{SCHEMA}/discriminator",
    ),
    "discriminator without a name": (
        answering({"oneOf": [CAT_REF, DOG_REF], "discriminator": {}}, **PETS),
        f"{SCHEMA}/discriminator",
    ),
    "discriminator that maps elsewhere": (
        answering(
            {
                "oneOf": [CAT_REF, DOG_REF],
                "discriminator": {"propertyName": "kind", "mapping": {"x": "Cow"}},
            },
            **PETS,
            Cow=DOG,
        ),
        f"{SCHEMA}/discriminator/mapping/x",
    ),
    "map of itself": (
        answering(CAT_REF, Cat={"type": "object", "additionalProperties": CAT_REF}),
        "/components/schemas/Cat/additionalProperties",
    ),
    "array of itself": (
        answering(CAT_REF, Cat={"type": "array", "items": CAT_REF}),
        "/components/schemas/Cat/items",
    ),
    "required writeOnly in a response": (
        answering({"type": "object", "required": ["p"], "properties": {"p": {**TEXT, "writeOnly": True}}}),
        f"{SCHEMA}/properties/p",
    ),
    "required readOnly in a request": (
        body(
            {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["p"],
                        "properties": {"p": {**TEXT, "readOnly": True}},
                    }
                }
            }
        ),
        f"{PLACE}/requestBody/content/application~1json/schema/properties/p",
    ),
    "file in JSON": (fields(f={"type": "string", "format": "binary"}), F),
    "header parameter": (parameter("header"), PLACE),
    "cookie parameter": (parameter("cookie"), PLACE),
    "parameter with content": (
        get(parameters=[{"name": "x", "in": "query", "content": {"application/json": {"schema": TEXT}}}]),
        f"{PLACE}/parameters/0/content",
    ),
    "deepObject": (parameter(style="deepObject"), f"{PLACE}/parameters/0/style"),
    "pipeDelimited": (parameter(style="pipeDelimited"), f"{PLACE}/parameters/0/style"),
    "allowReserved": (parameter(allowReserved=True), f"{PLACE}/parameters/0/allowReserved"),
    "array parameter": (parameter(schema={"type": "array", "items": TEXT}), PLACE),
    "object parameter": (parameter(schema={"type": "object", "properties": {"x": TEXT}}), PLACE),
    "path parameter that is not in the path": (parameter("path", required=True), PLACE),
    "path with an undeclared parameter": (
        document({"/api/v1/images/{x}": {"get": operation()}}),
        "/paths/~1api~1v1~1images~1{x}/get",
    ),
    "multipart body": (body({"multipart/form-data": {"schema": CAT}}), f"{PLACE}/requestBody"),
    "urlencoded body": (body({"application/x-www-form-urlencoded": {"schema": CAT}}), f"{PLACE}/requestBody"),
    "body of several types": (
        body({"application/json": {"schema": CAT}, "text/csv": {}}),
        f"{PLACE}/requestBody",
    ),
    "body that is no object": (body({"application/json": {"schema": TEXT}}), PLACE),
    "body of alternatives": (
        whole(
            body(
                {
                    "application/json": {
                        "schema": {"oneOf": [CAT_REF, DOG_REF], "discriminator": {"propertyName": "kind"}}
                    }
                }
            ),
            components={"schemas": PETS},
        ),
        PLACE,
    ),
    "no JSON response": (
        get(responses={"200": {"description": "", "content": {"text/csv": {}}}}),
        f"{PLACE}/responses/200",
    ),
    "only a default response": (get(responses={"default": json_answer(TEXT)["200"]}), PLACE),
    "two responses": (get(responses=json_answer(TEXT) | {"201": json_answer(TEXT)["200"]}), PLACE),
    "servers of a path": (
        document({"/api/v1/images/": {"get": operation(), "servers": [{"url": "https://cdn.example.com"}]}}),
        "/paths/~1api~1v1~1images~1/servers",
    ),
    "servers of an operation": (get(servers=[{"url": "https://cdn.example.com"}]), f"{PLACE}/servers"),
    "jsonSchemaDialect": (
        whole(get(), jsonSchemaDialect="https://json-schema.org/draft/2019-09/schema"),
        "/jsonSchemaDialect",
    ),
    "path item reference that dangles": (
        document({"/api/v1/images/": {"$ref": "#/components/pathItems/X"}}),
        "/paths/~1api~1v1~1images~1",
    ),
    "operation beside a path item reference": (
        whole(
            document({"/b": {"$ref": "#/components/pathItems/X", "post": operation(method="create")}}),
            components={"schemas": {}, "pathItems": {"X": {"get": operation(operationId="x")}}},
        ),
        "/paths/~1b: post beside $ref",
    ),
    "response reference that dangles": (
        get(responses={"200": {"$ref": "#/components/responses/X"}}),
        f"{PLACE}/responses/200",
    ),
    "body reference that dangles": (
        get(requestBody={"$ref": "#/components/requestBodies/X"}),
        f"{PLACE}/requestBody",
    ),
    "schema named like an import": (
        answering({"$ref": f"{SCHEMAS}Response"}, Response=CAT),
        "/components/schemas/Response",
    ),
    "schemas of one class": (
        answering(
            {
                "type": "object",
                "properties": {"x": {"$ref": f"{SCHEMAS}foo_bar"}, "y": {"$ref": f"{SCHEMAS}FooBar"}},
            },
            foo_bar=CAT,
            FooBar=DOG,
        ),
        "/components/schemas/",
    ),
    "schema with a slash in its name": (answering({"$ref": f"{SCHEMAS}a~1b"}, **{"a/b": CAT}), SCHEMA),
    "empty type array": (fields(f={"type": []}), f"{F}/type"),
    "enum with a value twice": (fields(f={"enum": ["a", "a"]}), f"{F}/enum"),
    "enum of another type": (fields(f={"type": "integer", "enum": ["a"]}), f"{F}/enum"),
    "enum of two values with one name": (fields(f={"enum": ["a-b", "a b"]}), f"{F}/enum"),
    "const of another type": (fields(f={"type": "integer", "const": "a"}), f"{F}/const"),
    "const that is not in enum": (fields(f={"const": "c", "enum": ["a", "b"]}), f"{F}/const"),
    "contentSchema": (fields(f={"type": "string", "contentSchema": {}}), f"{F}/contentSchema"),
    "items of draft 7": (fields(f={"type": "array", "items": [TEXT]}), f"{F}/items"),
    "$recursiveRef": (fields(f={"$recursiveRef": "#"}), f"{F}/$recursiveRef"),
    "$schema": (fields(f={"$schema": "https://json-schema.org/draft/2019-09/schema"}), f"{F}/$schema"),
    "parameter without a schema": (get(parameters=[{"name": "x", "in": "query"}]), f"{PLACE}/parameters/0"),
    "path parameter that is not required": (
        document(
            {
                "/api/v1/images/{x}": {
                    "get": operation(parameters=[{"name": "x", "in": "path", "schema": TEXT}])
                }
            }
        ),
        "/paths/~1api~1v1~1images~1{x}/get/parameters/0/required",
    ),
    "parameters with one readable name": (
        get(parameters=[{"name": name, "in": "query", "schema": TEXT} for name in ("f[a]", "f(a)")]),
        PLACE,
    ),
    "body without a schema": (
        body({"application/json": {}}),
        f"{PLACE}/requestBody/content/application~1json",
    ),
    "unknown key of a response": (
        get(responses={"200": {"description": "", "frob": 1}}),
        f"{PLACE}/responses/200/frob",
    ),
    "itemSchema": (
        body({"application/json": {"schema": CAT, "itemSchema": TEXT}}),
        f"{PLACE}/requestBody/content/application~1json/itemSchema",
    ),
    "unknown key of a body": (
        get(requestBody={"content": {"application/json": {"schema": CAT}}, "frob": 1}),
        f"{PLACE}/requestBody/frob",
    ),
    "unknown kind of component": (
        whole(get(), components={"schemas": {}, "mediaTypes": {}}),
        "/components/mediaTypes",
    ),
    "unknown key of the document": (whole(get(), **{"$self": "https://x.example"}), "/$self"),
    "OpenAPI 3.2": (whole(get(), openapi="3.2.0"), "new.json: /openapi"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_unsupported_feature_is_rejected_with_its_location(tmp_path: Path, name: str) -> None:
    refused, place = REFUSED[name]
    with pytest.raises(RegenerationError) as caught:
        generate(refused, tmp_path)
    said = str(caught.value)
    assert said.startswith(place)
    assert len(said) < 300
    assert not any(word in said for word in ("Traceback", "pydantic", "object at 0x", "validation error"))


def test_allof_that_contradicts_itself_is_rejected_with_its_schema(tmp_path: Path) -> None:
    parts = [{"type": "object", "properties": {"x": kind}} for kind in (TEXT, {"type": "integer"})]
    with pytest.raises(RegenerationError, match=r"^/components/schemas/A: .*: str can't be merged with int$"):
        generate(answering({"$ref": f"{SCHEMAS}A"}, A={"allOf": parts}), tmp_path)


def test_a_generated_module_that_is_not_python_is_reported_by_its_operation(tmp_path: Path) -> None:
    ours, _ = regenerate.build(encoded(get()), "x", regenerate.ROOT)
    facts = facts_of(ours, IMGWIRE)
    module = tmp_path / "api" / "images" / "images_list.py"
    module.parent.mkdir(parents=True)
    module.write_text("async def images_list(\n")
    with pytest.raises(RegenerationError, match=rf"^{PLACE}: the generated module is not Python"):
        generation.check_complete(tmp_path, facts)
