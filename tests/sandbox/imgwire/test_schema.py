"""Responses of the sandbox conform to `openapi.json`."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from imgwire_async.sandbox.imgwire.operations import OPERATIONS
from tests.sandbox.imgwire.support import Api, photograph

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[3] / "openapi.json").read_text("utf-8"))


def check(method: str, path: str, status: int, body: Any) -> None:
    schema = DOCUMENT["paths"][path][method.lower()]["responses"][str(status)]["content"]["application/json"]
    validator = jsonschema_rs.validator_for(
        {"components": DOCUMENT["components"], **schema["schema"]}, validate_formats=True
    )
    validator.validate(body)


def test_the_operations_are_those_of_the_document() -> None:
    def anonymous(path: str) -> str:
        return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))

    declared = {
        (method.upper(), anonymous(path)) for path, item in DOCUMENT["paths"].items() for method in item
    }
    served = {(operation.method, anonymous(operation.path)) for operation in OPERATIONS.all}

    assert declared <= served
    assert {(method, path) for method, path in served if path.startswith("/api/")} <= declared


def test_every_success_has_the_declared_shape(api: Api) -> None:
    image = api.upload(photograph())
    job = api.http.post("/api/v1/images/downloads", json={"image_ids": [image["id"]]}).json()
    origin = api.http.post("/api/v1/cors_origins/", json={"pattern": "a.example.com"}).json()
    ids = {"image_id": image["id"], "image_download_job_id": job["id"], "cors_origin_id": origin["id"]}
    bodies: dict[str, Any] = {
        "/api/v1/images/standard_upload": {"file_name": "a.png"},
        "/api/v1/images/upload_via_url": {"url": "http://127.0.0.1:1/a.png"},
        "/api/v1/images/downloads": {"image_ids": [image["id"]]},
        "/api/v1/images/bulk_delete": {"image_ids": [str(uuid.uuid4())]},
        "/api/v1/cors_origins/": {"pattern": "b.example.com"},
        "/api/v1/cors_origins/{cors_origin_id}": {"pattern": "c.example.com"},
        "/api/v1/custom_domain/": {"hostname": "images.example.com"},
    }
    api_paths = [path for path in DOCUMENT["paths"] if path.startswith("/api/")]
    checked = 0
    for method in ("POST", "PATCH", "GET", "DELETE"):
        for path in sorted(api_paths):
            if method.lower() in DOCUMENT["paths"][path]:
                body = bodies.get(path) if method in {"POST", "PATCH"} else None
                response = api.http.request(method, path.format(**ids), json=body)
                assert response.status_code == 200, (method, path, response.text)
                check(method, path, 200, response.json())
                checked += 1
    assert checked == 20


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/images/standard_upload", {}),
        ("POST", "/api/v1/images/standard_upload", {"file_name": "notes"}),
        ("POST", "/api/v1/cors_origins/", {"pattern": "https://a"}),
        ("POST", "/api/v1/custom_domain/", {"hostname": "example.com"}),
        ("GET", "/api/v1/metrics/stats", {}),
    ],
)
def test_every_rejected_request_has_the_declared_shape(
    api: Api, method: str, path: str, body: dict[str, str]
) -> None:
    response = api.http.request(method, path + ("?tz=Nowhere" if method == "GET" else ""), json=body)

    assert response.status_code == 422
    check(method, path, 422, response.json())
