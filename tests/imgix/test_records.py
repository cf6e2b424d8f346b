"""Records: flat, sparse, with aware timestamps, and without secrets in their repr."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from imgwire_async.imgix import Asset, Deployment, Report, Source, UploadSession
from imgwire_async.imgix.lowlevel import models

RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / name).read_text())["document"]


def test_a_source_is_flat() -> None:
    source = Source.of(models.Source.from_dict(recorded("source-s3-disabled.response.json")["data"]))

    assert source.id == "601430223753592c4e822e2c"
    assert (source.name, source.enabled, source.deployment_status) == ("source1", False, "disabled")
    assert source.date_deployed == datetime.fromtimestamp(1612274615, UTC)
    assert source.deployment.imgix_subdomains == ("example-1", "example-2")
    assert source.deployment.image_error is None
    assert source.deployment.secret_key is None
    assert source.hosts == ("example-1.imgix.net", "example-2.imgix.net")
    assert source.raw.to_dict() == recorded("source-s3-disabled.response.json")["data"]


def test_an_asset_is_flat() -> None:
    attributes = recorded("asset-attributes.projection.json") | {"tags": {"Arm": 0.94}, "custom_fields": {}}
    asset = Asset.of(
        models.Asset.from_dict({"id": "s/heroes/a.jpg", "type": "assets", "attributes": attributes})
    )

    assert (asset.origin_path, asset.media_width, asset.face_count) == (
        "/heroes/woman-stirring.jpg",
        6000,
        1,
    )
    assert asset.tags == {"Arm": 0.94}
    assert asset.date_created == datetime.fromtimestamp(1625796011, UTC)
    assert asset.name is None


@pytest.mark.parametrize(
    ("attributes", "read"),
    [
        ({"custom_fields": ""}, None),
        ({"custom_fields": {"season": "spring"}}, {"season": "spring"}),
        ({"tags": ["Arm", "Cup"]}, {"Arm": None, "Cup": None}),
        ({"tags": []}, {}),
        ({"colors": ""}, None),
        ({"colors": {"dominant_colors": {}}}, {"dominant_colors": {}}),
    ],
    ids=str,
)
def test_objects_are_mappings_however_they_are_encoded(attributes: dict[str, Any], read: object) -> None:
    asset = Asset.of(models.Asset.from_dict({"id": "s/a", "type": "assets", "attributes": attributes}))

    assert getattr(asset, next(iter(attributes))) == read
    assert asset.raw.to_dict()["attributes"] == attributes


@pytest.mark.parametrize(
    ("record", "model"),
    [
        (Source, models.Source),
        (Asset, models.Asset),
        (UploadSession, models.UploadSession),
        (Report, models.Report),
    ],
)
def test_a_sparse_record_is_valid(record: Any, model: Any) -> None:
    for given in ({"id": "x"}, {"id": "x", "attributes": {}}):
        sparse = record.of(model.from_dict(given))
        assert sparse.id == "x"
        assert copy.deepcopy(sparse) == pickle.loads(pickle.dumps(sparse)) == sparse


@pytest.mark.parametrize(
    ("record", "attributes"),
    [
        (Source, models.SourceAttributes),
        (Asset, models.AssetAttributes),
        (UploadSession, models.UploadSessionAttributes),
        (Report, models.ReportAttributes),
        (Deployment, models.Deployment),
    ],
)
def test_a_record_has_every_attribute_of_the_contract(record: Any, attributes: Any) -> None:
    of_contract = {name.rstrip("_") for name in attributes.__annotations__} - {"additional_properties"}
    of_record = {one.name for one in fields(record)}
    assert of_contract - of_record == set()


def test_unknown_fields_are_kept() -> None:
    data = {
        "id": "x",
        "attributes": {"deployment": {"type": "tape", "reel": 3}, "deployment_status": "pondering"},
    }
    source = Source.of(models.Source.from_dict(data))

    assert (source.deployment.type, source.deployment_status) == ("tape", "pondering")
    assert source.deployment.raw.additional_properties == {"reel": 3}


def test_a_timestamp_out_of_range_is_read_as_none() -> None:
    asset = Asset.of(models.Asset.from_dict({"id": "x", "attributes": {"date_created": 10**18}}))

    assert asset.date_created is None
    assert asset.raw.to_dict()["attributes"]["date_created"] == 10**18


def test_secrets_are_shown_nowhere() -> None:
    data: dict[str, Any] = {
        "id": "x",
        "attributes": {
            "secure_url_token": "t0psecret",
            "deployment": {"type": "s3", "password": "t0psecret"},
        },
    }
    source = Source.of(models.Source.from_dict(data))
    session = UploadSession.of(
        models.UploadSession.from_dict({"id": "x", "attributes": {"url": "https://s/?sig=t0psecret"}})
    )
    report = Report.of(
        models.Report.from_dict({"id": "x", "attributes": {"files": ["https://s/?sig=t0psecret"]}})
    )
    deployment = Deployment(
        type="s3",
        s3_secret_key="t0psecret",
        gcs_secret_key="t0psecret",
        azure_sas_string="t0psecret",
        secret_key="t0psecret",
        password="t0psecret",
    )

    for record in (source, session, report, deployment):
        assert "t0psecret" not in repr(record)
        assert "t0psecret" not in repr([getattr(record, one.name) for one in fields(record)])
    assert source.secure_url_token == "t0psecret"


def test_a_changed_copy_of_a_deployment_is_sent_complete() -> None:
    read = {
        "type": "webfolder",
        "imgix_subdomains": ["shop"],
        "webfolder_base_url": "https://o.example.com/",
        "image_error": "https://o.example.com/e.png",
        "image_missing": None,
        "allows_upload": False,
        "cache_ttl_value": 60,
        "reel": 3,
    }
    deployment = Deployment.of(models.Deployment.from_dict(read))

    changed = replace(deployment, cache_ttl_value=3600, image_error=None)

    assert changed.to_send().to_dict() == {
        "type": "webfolder",
        "imgix_subdomains": ["shop"],
        "webfolder_base_url": "https://o.example.com/",
        "image_error": None,
        "image_missing": None,
        "cache_ttl_value": 3600,
        "reel": 3,
    }
