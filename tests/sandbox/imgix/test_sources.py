"""Sources: documents, validation, deployments, filters and pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgwire_async.testing.clock import VirtualClock
from tests.sandbox.imgix.support import NOW, Imgix, document

RECORDED = Path(__file__).parents[2] / "imgix" / "recorded"


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDED / name).read_text("utf-8"))["document"]
    return found


def test_the_example_of_the_official_client_creates_a_source_like_the_recorded_one(imgix: Imgix) -> None:
    created = imgix.http.post("sources", json=recorded("source-create-webfolder.request.json"))

    assert created.status_code == 201
    expected = recorded("source-webfolder-deployed.response.json")
    found = created.json()
    assert created.headers["content-type"] == "application/vnd.api+json"
    assert found.keys() == expected.keys()
    assert found["data"].keys() == expected["data"].keys()
    assert found["data"]["attributes"].keys() == expected["data"]["attributes"].keys()
    assert (
        found["data"]["attributes"]["deployment"].keys()
        == expected["data"]["attributes"]["deployment"].keys()
    )


def test_an_unknown_source_is_answered_like_the_recorded_error(imgix: Imgix) -> None:
    answer = imgix.http.get("sources/invalid-source")

    expected = recorded("error-source-not-found.response.json")
    found = answer.json()
    assert answer.status_code == 404
    assert found.keys() == expected.keys()
    (error,) = found["errors"]
    assert {**error, "id": ""} == {**expected["errors"][0], "id": ""}


def test_a_deployment_takes_time_and_the_previous_one_serves_meanwhile(
    start_imgix: Callable[..., Imgix],
) -> None:
    clock = VirtualClock(NOW)
    imgix = start_imgix(clock=clock.time, deployment_delay=5)
    source_id = imgix.sandbox.add_source("shop")
    imgix.sandbox.add_file(source_id, "/a.txt", b"text")

    def status() -> str:
        found: str = imgix.http.get(f"sources/{source_id}").json()["data"]["attributes"]["deployment_status"]
        return found

    assert (status(), imgix.rendered("/a.txt").status_code) == ("deploying", 404)
    clock.advance(5)
    assert (status(), imgix.rendered("/a.txt").status_code) == ("deployed", 200)
    deployment = {
        "type": "s3",
        "imgix_subdomains": ["shop"],
        "s3_access_key": "a",
        "s3_secret_key": "s",
        "s3_bucket": "b",
        "secure_url_enabled": True,
    }
    imgix.http.patch(f"sources/{source_id}", json=document("sources", {"deployment": deployment}, source_id))
    assert (status(), imgix.rendered("/a.txt").status_code) == ("deploying", 200)
    clock.advance(5)
    assert (status(), imgix.rendered("/a.txt").status_code) == ("deployed", 403)


def test_a_disabled_source_answers_410_and_accepts_no_other_change(imgix: Imgix) -> None:
    source_id = imgix.sandbox.add_source("shop")
    imgix.sandbox.add_file(source_id, "/a.txt", b"text")

    def patch(**attributes: object) -> int:
        return imgix.http.patch(
            f"sources/{source_id}", json=document("sources", attributes, source_id)
        ).status_code

    assert patch(enabled=False) == 200
    attributes = imgix.http.get(f"sources/{source_id}").json()["data"]["attributes"]
    assert (attributes["deployment_status"], attributes["enabled"]) == ("disabled", False)
    assert imgix.rendered("/a.txt").status_code == 410
    assert patch(name="other") == 400
    assert patch(enabled=True) == 200
    assert patch(name="other") == 200


def test_secrets_are_not_returned_except_the_token_of_a_signed_source(imgix: Imgix) -> None:
    created = imgix.create(username="u", password="hidden-password", secure_url_enabled=True)

    assert "hidden-password" not in created.text
    attributes = created.json()["data"]["attributes"]
    assert attributes["deployment"]["password_set"] is True
    assert attributes["secure_url_token"]
    source_id = imgix.sandbox.add_source("other", s3_secret_key="hidden-secret")
    shown = imgix.http.get(f"sources/{source_id}")
    assert "hidden-secret" not in shown.text
    assert "secure_url_token" not in shown.json()["data"]["attributes"]


@pytest.mark.parametrize(
    "deployment",
    [
        {"type": "ftp"},
        {"imgix_subdomains": []},
        {"imgix_subdomains": ["shop.imgix.net"]},
        {"webfolder_base_url": ""},
        {"type": "s3"},
        {"type": "webproxy"},
        {"default_params": "w=100"},
        {"cache_ttl_value": 0},
        {"cache_ttl_behavior": "never"},
        {"crossdomain_xml_enabled": "yes"},
        {"image_error": "error.png"},
        {"image_missing": 404},
        {"robots.txt": "all"},
        {"annotation": 1},
        {"username": "a:b", "password": "p"},
        {"type": "webproxy", "secure_url_enabled": True, "robots.txt": "origin"},
    ],
)
def test_an_invalid_deployment_is_rejected(imgix: Imgix, deployment: dict[str, Any]) -> None:
    assert imgix.create(**deployment).status_code == 400
    assert imgix.http.get("sources").json()["data"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"data": {"type": "assets", "attributes": {}}}',
        b'{"data": {"type": "sources", "attributes": {"name": "\\ud800", "deployment": {}}}}',
        b'{"data": {"type": "sources", "attributes": {"name": "a", "deployment": {"type": {}}}}}',
    ],
)
def test_an_invalid_document_is_rejected(imgix: Imgix, body: bytes) -> None:
    answer = imgix.http.post("sources", content=body)

    assert (answer.status_code, answer.json()["errors"][0]["status"]) == (400, "400")


def test_a_taken_subdomain_or_domain_is_rejected(imgix: Imgix) -> None:
    assert imgix.create("shop", custom_domains=["images.example.com"]).status_code == 201
    assert imgix.create("shop").status_code == 409
    assert imgix.create("other", custom_domains=["images.example.com"]).status_code == 409
    assert imgix.create("other").status_code == 201


def test_pages_are_counted_from_zero_and_say_what_follows(imgix: Imgix) -> None:
    for number in range(5):
        imgix.sandbox.add_source(f"s{number}")

    def page(**query: object) -> dict[str, Any]:
        params = {f"page[{name}]": str(value) for name, value in query.items()}
        found: dict[str, Any] = imgix.http.get("sources", params=params).json()
        return found

    first, last = page(size=2), page(number=2, size=2)
    assert [len(first["data"]), len(last["data"])] == [2, 1]
    assert first["meta"]["pagination"] == {
        "currentPage": 0,
        "hasNextPage": True,
        "hasPreviousPage": False,
        "nextPage": 1,
        "previousPage": None,
        "pageSize": 2,
        "totalPages": 3,
        "totalRecords": 5,
    }
    assert last["meta"]["pagination"]["hasNextPage"] is False
    assert imgix.http.get("sources?page[number]=-1").status_code == 400


def test_filters_sorts_and_sparse_fields(imgix: Imgix) -> None:
    imgix.sandbox.add_source("b", name="Beta", custom_domains=["b.example.com"])
    imgix.sandbox.add_source("a", name="Alpha", type="gcs")

    def names(query: str) -> list[str]:
        return [item["attributes"]["name"] for item in imgix.http.get(f"sources?{query}").json()["data"]]

    assert names("sort=name") == ["Alpha", "Beta"]
    assert names("sort=-name") == ["Beta", "Alpha"]
    assert names("filter[deployment.type]=gcs") == ["Alpha"]
    assert names("filter[deployment.imgix_subdomains]=b") == ["Beta"]
    assert names("filter%5Bdeployment.custom_domains%5D=b.example.com") == ["Beta"]
    assert names("filter[name]=alph&filter[enabled]=true") == ["Alpha"]
    assert imgix.http.get("sources?sort=size").status_code == 400
    assert imgix.http.get("sources?filter[size]=1").status_code == 400
    sparse = imgix.http.get("sources?sort=name&fields[sources]=name,deployment.type").json()["data"][0]
    assert sparse["attributes"] == {"name": "Alpha", "deployment": {"type": "gcs"}}


def test_a_lone_object_instead_of_a_list_can_be_switched_on(start_imgix: Callable[..., Imgix]) -> None:
    imgix = start_imgix(lone_objects=True)
    source_id = imgix.sandbox.add_source("shop")

    assert imgix.http.get("sources").json()["data"]["id"] == source_id
