"""Recorded and published documents are read and written back without loss.

Each file states its origin in `provenance`. `complete` is false if the publication omits parts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from imgwire_async.core.responses import HttpResponse
from imgwire_async.errors import APIStatusError, AuthenticationError, CallContext, NotFoundError
from imgwire_async.imgix.lowlevel import models
from imgwire_async.imgix.lowlevel.models import DeploymentStatus, SourceDocument, SourceType
from imgwire_async.imgix.service import IMGIX

FOLDER = Path(__file__).parent / "recorded"


class Model(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


READERS: dict[str, Callable[[Mapping[str, Any]], Model]] = {
    "asset-attributes.projection": models.AssetAttributes.from_dict,
    "asset-update-custom-fields.request": models.AssetUpdate.from_dict,
    "purge.request": models.Purge.from_dict,
    "purge.response": models.PurgeReceiptDocument.from_dict,
    "source-create-webfolder.request": models.SourceCreate.from_dict,
    "source-s3-disabled.response": models.SourceDocument.from_dict,
    "source-webfolder-deployed.response": models.SourceDocument.from_dict,
}


def recorded(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())["document"]
    return document


def test_every_file_names_its_origin() -> None:
    files = sorted(FOLDER.glob("*.json"))

    assert {file.stem for file in files} >= READERS.keys()
    for file in files:
        assert json.loads(file.read_text())["provenance"]["where"], file.name


@pytest.mark.parametrize("name", READERS)
def test_a_document_is_written_back_unchanged(name: str) -> None:
    document = recorded(name)

    assert READERS[name](document).to_dict() == document


def test_the_fields_of_a_recorded_source_are_typed() -> None:
    source = SourceDocument.from_dict(recorded("source-s3-disabled.response")).data

    assert source.id == "601430223753592c4e822e2c"
    assert isinstance(source.attributes, models.SourceAttributes)
    assert source.attributes.deployment_status is DeploymentStatus.DISABLED
    assert source.attributes.enabled is False
    assert isinstance(source.attributes.deployment, models.Deployment)
    assert source.attributes.deployment.type_ is SourceType.S3
    assert source.attributes.deployment.imgix_subdomains == ["example-1", "example-2"]
    assert source.attributes.deployment.image_error is None


@pytest.mark.parametrize(
    ("name", "error", "detail"),
    [
        ("error-invalid-key.response", AuthenticationError, "A valid API key is required"),
        ("error-source-not-found.response", NotFoundError, "Resource not found."),
    ],
)
def test_a_recorded_error_has_its_class_and_words(
    name: str, error: type[APIStatusError], detail: str
) -> None:
    whole = json.loads((FOLDER / f"{name}.json").read_text())
    response = HttpResponse(whole["status"], {}, json.dumps(whole["document"]).encode())

    found = IMGIX.error_for(response, CallContext(operation="sources.retrieve"))

    assert isinstance(found, error)
    assert str(found.detail).startswith(detail)
    assert found.request_id == whole["document"]["errors"][0].get("id")
    assert found.body == whole["document"]
