from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
import regenerate
from mypy import api
from regeneration.contract.document import RegenerationError
from regeneration.contract.operations import facts_of
from regeneration.output import generation
from regeneration.profiles import IMGWIRE
from regeneration.profiles.base import Mixin

from tests.regeneration.support import Document, changed, encoded, operation, real_document

IMAGE = "components schemas ImageSchema"
MOMENT = "2026-05-05T10:00:00Z"
IMAGE_RECORD: Document = {
    "id": "5b9c8f57-5b0c-4b53-9c38-3f4b1f2f7a11",
    "environment_id": None,
    "upload_token_id": None,
    "original_filename": "hero.jpg",
    "hash_sha256": None,
    "status": "READY",
    "cdn_url": "https://cdn.example.com/o/e/i",
    "mime_type": "image/jpeg",
    "can_upload": False,
    "is_directly_deliverable": True,
    "idempotency_key": None,
    "purpose": None,
    "extension": "jpg",
    "width": 640,
    "height": 427,
    "size_bytes": 81234,
    "custom_metadata": {},
    "exif_data": {},
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "deleted_at": None,
    "processed_metadata_at": None,
}


def generate(document: Document, folder: Path, name: str = "tree") -> Path:
    ours, _ = regenerate.build(encoded(document), "new.json", regenerate.ROOT)
    destination = folder / name
    generation.generate(ours, destination, IMGWIRE, root=regenerate.ROOT)
    return destination


def json_answer(schema: Document) -> Document:
    return {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}


def forget(package: str) -> None:
    for name in [name for name in sys.modules if name.startswith(package)]:
        del sys.modules[name]


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_larger_document_generates_a_client_that_reads_all_of_it(importable: Path) -> None:
    grown = real_document()
    schemas = grown["components"]["schemas"]
    image = schemas["ImageSchema"]["properties"]
    schemas["ImageStatus"]["enum"].append("ARCHIVED")
    image |= {
        "frames": {
            "type": "array",
            "items": {"type": "object", "properties": {"delay_ms": {"type": "integer"}}},
        },
        "captured_on": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "score": {"anyOf": [{"type": "number"}, {"type": "string", "format": "uuid"}]},
        "kind": {"const": "image"},
        "labels": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    }
    page = {"name": "tag", "in": "query", "required": True, "schema": {"type": "string"}}
    grown["paths"]["/api/v1/images/tagged"] = {
        "put": operation(
            method="tagAll",
            operationId="new",
            parameters=[page],
            requestBody={
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/BulkDeleteImagesSchema"}}
                }
            },
            responses=json_answer({"type": "array", "items": {"$ref": "#/components/schemas/ImageSchema"}}),
        )
    }

    tree = generate(grown, importable, "grown_client")

    models: Any = importlib.import_module("grown_client.models")
    operations: Any = importlib.import_module("grown_client.operations")
    assert models.ImageStatus.ARCHIVED.is_known
    annotations = models.Image.__annotations__
    assert annotations["labels"] == "Labels | Unset"
    assert annotations["captured_on"] == "datetime.date | None | Unset"
    assert annotations["score"] == "float | UUID | Unset"
    assert operations.OPERATIONS["images.tag_all"].replay == "safe"
    assert (tree / "api" / "images" / "images_tag_all.py").is_file()
    forget("grown_client")


VALUES = ['a"b', "c\nd", "e\\f", "\x00 g", "'h'", "é\u2028x", "", "i\\n", '"""j', "\ud800k"]


def test_enumeration_values_of_any_characters_are_those_of_the_document(importable: Path) -> None:
    odd = real_document()
    odd["components"]["schemas"]["ImageStatus"]["enum"] += VALUES
    odd["components"]["schemas"]["ImageSchema"]["properties"]["mood"] = {"enum": ['g"o', "b\ta", None]}

    generate(odd, importable, "odd_enum_client")

    models: Any = importlib.import_module("odd_enum_client.models")
    known = [str(member) for member in models.ImageStatus]
    assert known == ["PENDING", "PROCESSING", "READY", "QUARANTINE", *VALUES]
    mood = models.Image.__annotations__["mood"].partition(" ")[0]
    assert [str(member) for member in getattr(models, mood)] == ['g"o', "b\ta"]
    forget("odd_enum_client")


def test_fields_named_like_methods_get_another_name(importable: Path) -> None:
    names = ["to_dict", "from_dict", "field", "url", "srcset", "picture", "additional_properties"]
    odd = real_document()
    schemas = odd["components"]["schemas"]
    schemas["ImageSchema"]["properties"] |= {name: {"type": "string"} for name in names}
    schemas["MetricsDatasetsSchema"]["properties"]["to_rows"] = {"type": "integer"}

    tree = generate(odd, importable, "odd_field_client")

    models: Any = importlib.import_module("odd_field_client.models")
    image = models.Image.from_dict(IMAGE_RECORD | {name: f"the {name}" for name in names})
    assert [getattr(image, f"{name}_") for name in names] == [f"the {name}" for name in names]
    assert image.to_dict() | {name: f"the {name}" for name in names} == image.to_dict()
    assert image.url(width=5).endswith("?width=5")
    assert callable(models.MetricsDatasets.to_rows)
    assert "to_rows_" in models.MetricsDatasets.__annotations__
    report, problems, status = api.run(
        ["--strict", "--cache-dir", str(importable / "cache"), str(tree / "models")]
    )
    assert (status, problems) == (0, ""), report
    forget("odd_field_client")


@pytest.mark.parametrize("mixin", IMGWIRE.mixins.values(), ids=lambda mixin: mixin.name)
def test_the_methods_of_a_mixin_are_known(mixin: Mixin) -> None:
    found = getattr(importlib.import_module(mixin.module), mixin.name)

    assert mixin.methods == {
        name for name in vars(found) if callable(getattr(found, name)) and name[0] != "_"
    }


def test_two_fields_of_one_name_stop_the_run(tmp_path: Path) -> None:
    twins = {"to_dict": {"type": "string"}, "to_dict_": {"type": "string"}}
    with pytest.raises(RegenerationError, match="to_dict"):
        generate(changed(real_document(), "components schemas ImageSchema properties", twins), tmp_path)


def test_generation_is_deterministic_on_any_machine(tmp_path: Path) -> None:
    first = generate(real_document(), tmp_path / "a")
    second = generate(real_document(), tmp_path / "b")

    trees = [
        {str(p.relative_to(t)): p.read_bytes() for p in t.rglob("*") if p.is_file()} for t in (first, second)
    ]
    assert trees[0] == trees[1]
    checked_in = regenerate.ROOT / "imgwire_async" / "imgwire" / "lowlevel"
    assert trees[0] == {
        str(p.relative_to(checked_in)): p.read_bytes()
        for p in checked_in.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }


def test_no_generated_module_knows_an_http_library() -> None:
    tree = regenerate.ROOT / "imgwire_async" / "imgwire" / "lowlevel"

    assert not [path for path in tree.rglob("*.py") if "httpx" in path.read_text("utf-8")]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            f"{IMAGE} properties width",
            {"type": "string", "format": "binary"},
            "'width' has a type that the templates",
        ),
        (f"{IMAGE} properties width", {"type": "integer", "enum": [1, 2]}, "only text enumerations"),
        ("components schemas ImageStatus enum", ["A B", "A-B"], "would be members of one name"),
        (
            "paths /api/v1/images/token post responses 200 content",
            {"text/csv": {"schema": {"type": "string"}}},
            "only application/json is supported",
        ),
        (
            "paths /api/v1/images/token post requestBody",
            {"content": {"multipart/form-data": {"schema": {"type": "object"}}}},
            "application/octet-stream for bytes, not multipart/form-data",
        ),
        (
            "paths /api/v1/images/token post parameters",
            [{"name": "ids", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}],
            "parameter 'ids' has a type that the templates cannot send",
        ),
        (
            "paths /api/v1/images/token post responses 201",
            {"description": "", "content": {"application/json": {"schema": {"type": "string"}}}},
            "exactly one successful response",
        ),
        (
            "components schemas ImageSchema properties",
            {"a": {"type": "frob"}},
            "/components/schemas/ImageSchema",
        ),
    ],
)
def test_a_feature_that_the_templates_cannot_express_stops_the_run(
    tmp_path: Path, path: str, value: object, message: str
) -> None:
    with pytest.raises(RegenerationError, match=message):
        generate(changed(real_document(), path, value), tmp_path)


def test_an_operation_that_the_generator_drops_is_reported(tmp_path: Path) -> None:
    ours, _ = regenerate.build(encoded(real_document()), "x", regenerate.ROOT)
    facts = facts_of(ours, IMGWIRE)
    for fact in facts:
        folder = tmp_path / "api" / fact.package
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{fact.function}.py").write_text(f"async def {fact.function}(): ...\n")
    (tmp_path / "api" / "images" / "images_create.py").unlink()
    (tmp_path / "api" / "metrics" / "metrics_get_stats.py").write_text("def metrics_get_stats(): ...\n")

    with pytest.raises(RegenerationError) as raised:
        generation.check_complete(tmp_path, facts)

    assert str(raised.value) == (
        "operations without a generated function: images.create (POST /api/v1/images/standard_upload), "
        "metrics.get_stats (GET /api/v1/metrics/stats)"
    )


def test_another_version_of_the_generator_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "version", lambda _: "9.9.9")

    with pytest.raises(RegenerationError, match=r"0\.29\.1 is needed, installed is 9\.9\.9"):
        generate(real_document(), tmp_path)
