"""The routes that each kind of credential may use."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import httpx
import pytest

from imgwire_async.sandbox.imgwire.operations import OPERATIONS, Access
from tests.sandbox.imgwire.support import PUBLIC, Api

API = [operation for operation in OPERATIONS.all if operation.path.startswith("/api/")]
RESTRICTED = [operation for operation in API if operation.access is Access.SERVER]
CREATE = "/api/v1/images/standard_upload"


def send(api: Api, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    concrete = "/".join(str(uuid.uuid4()) if part.startswith("{") else part for part in path.split("/"))
    return PUBLIC.request(method, api.sandbox.base_url + concrete, headers=headers)


def test_all_twenty_operations_are_served() -> None:
    assert len(API) == 20


@pytest.mark.parametrize("operation", API, ids=lambda operation: operation.name)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", "Basic {server}", "{server}", "Bearer {server}x", "Bearer é"],
)
def test_no_operation_works_without_a_valid_key(
    api: Api, operation: object, authorization: str | None
) -> None:
    method, path = operation.method, operation.path  # type: ignore[attr-defined]
    headers = {}
    if authorization is not None:
        headers["Authorization"] = authorization.format(server=api.sandbox.server_key)

    response = PUBLIC.request(
        method,
        api.sandbox.base_url + path.replace("{", "").replace("}", ""),
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
    )

    assert response.status_code == 401
    assert response.json()["error_type"] == "InvalidTokenError"


@pytest.mark.parametrize("operation", RESTRICTED, ids=lambda operation: operation.name)
def test_a_client_key_is_not_accepted_for_server_operations(api: Api, operation: object) -> None:
    response = send(
        api,
        operation.method,  # type: ignore[attr-defined]
        operation.path,  # type: ignore[attr-defined]
        {"Authorization": f"Bearer {api.sandbox.client_key}"},
    )

    assert response.status_code == 401


def test_a_client_key_creates_and_retrieves(api: Api) -> None:
    client = {"Authorization": f"bearer {api.sandbox.client_key}"}

    created = api.http.post(CREATE, json={"file_name": "a.jpg"}, headers=client)
    read = api.http.get(f"/api/v1/images/{created.json()['image']['id']}", headers=client)

    assert (created.status_code, read.status_code) == (200, 200)


@pytest.mark.parametrize("operation", API, ids=lambda operation: operation.name)
def test_a_session_must_name_the_environment(api: Api, operation: object) -> None:
    method, path = operation.method, operation.path  # type: ignore[attr-defined]
    session = {"Authorization": f"Bearer {api.sandbox.session_token}"}

    assert send(api, method, path, session).status_code == 403
    assert send(api, method, path, {**session, "X-Environment-Id": str(uuid.uuid4())}).status_code == 403
    assert send(api, method, path, {**session, "X-Environment-Id": "here"}).status_code == 422
    named = send(api, method, path, {**session, "X-Environment-Id": api.sandbox.environment_id})
    assert named.status_code not in {401, 403}


def test_a_key_together_with_another_environment_is_rejected(api: Api) -> None:
    response = api.http.get("/api/v1/images/", headers={"X-Environment-Id": str(uuid.uuid4())})

    assert (response.status_code, response.json()["error_type"]) == (403, "ResourceNotAuthorizedError")


def test_another_environment_can_be_ignored(start_api: Callable[..., Api]) -> None:
    api = start_api(environment_mismatch="ignore")

    assert api.http.get("/api/v1/images/", headers={"X-Environment-Id": str(uuid.uuid4())}).status_code == 200


def test_the_keys_have_their_prefixes_and_are_not_in_reprs(api: Api) -> None:
    sandbox = api.sandbox
    assert sandbox.server_key.startswith("sk_")
    assert sandbox.client_key.startswith("ck_")
    api.create()

    shown = repr(sandbox) + repr(sandbox.requests) + repr(list(sandbox.requests))

    for secret in (sandbox.server_key, sandbox.client_key, sandbox.session_token):
        assert secret not in shown
