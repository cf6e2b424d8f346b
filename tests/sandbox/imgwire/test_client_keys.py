"""Restrictions of client keys, and upload tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from tests.sandbox.imgwire.support import Api

CREATE = "/api/v1/images/standard_upload"


def create(api: Api, token: str | None = None, **body: Any) -> httpx.Response:
    return api.http.post(
        CREATE,
        params={} if token is None else {"upload_token": token},
        json={"file_name": "a.jpg", **body},
        headers={"Authorization": f"Bearer {api.sandbox.client_key}"},
    )


def token_of(api: Api) -> dict[str, Any]:
    token: dict[str, Any] = api.http.post("/api/v1/images/token").json()
    return token


def test_a_client_key_uploads_up_to_50_mib(api: Api) -> None:
    assert create(api, content_length=52_428_800).status_code == 200
    assert create(api, content_length=52_428_801).status_code == 413


def test_a_client_key_can_be_limited_to_types(start_api: Callable[..., Api]) -> None:
    api = start_api(client_allowed_mime_types=("image/png",))

    assert create(api, file_name="a.png").status_code == 200
    assert create(api, file_name="a.jpg").status_code == 422


def test_a_client_key_can_be_limited_in_pending_uploads(start_api: Callable[..., Api]) -> None:
    api = start_api(client_maximum_pending_uploads=5)

    statuses = [create(api).status_code for _ in range(6)]

    assert statuses == [200] * 5 + [403]
    assert api.create()["image"]["status"] == "PENDING"  # the server key has no such limit


def test_a_new_token_is_unused_and_expires(api: Api) -> None:
    token = token_of(api)

    assert set(token) == {
        "id", "environment_id", "used_at", "expires_at", "created_at", "updated_at", "token"
    }  # fmt: skip
    assert token["used_at"] is None
    assert token["expires_at"] > token["created_at"]


def test_a_token_is_used_once(api: Api) -> None:
    token = token_of(api)

    first, second = create(api, token["token"]), create(api, token["token"])

    assert first.json()["image"]["upload_token_id"] == token["id"]
    assert (second.status_code, second.json()["error_type"]) == (401, "InvalidTokenError")


def test_a_repeated_create_may_reuse_its_token(api: Api) -> None:
    token = token_of(api)["token"]

    first = create(api, token, idempotency_key="k")
    second = create(api, token, idempotency_key="k")

    assert second.status_code == 200
    assert second.json()["image"]["id"] == first.json()["image"]["id"]


def test_a_rejected_create_does_not_use_up_the_token(api: Api) -> None:
    token = token_of(api)["token"]
    assert create(api, token, file_name="a.txt").status_code == 422

    assert create(api, token).status_code == 200


def test_unknown_and_expired_tokens_are_401(start_api: Callable[..., Api]) -> None:
    now = [1_800_000_000.0]
    api = start_api(clock=lambda: now[0])
    token = token_of(api)["token"]
    now[0] += 900

    assert create(api, token).status_code == 401
    assert create(api, "ut_unknown").status_code == 401


def test_a_client_key_can_require_tokens(start_api: Callable[..., Api]) -> None:
    api = start_api(allow_unsigned_upload=False)

    assert create(api).status_code == 401
    assert create(api, token_of(api)["token"]).status_code == 200
    assert api.create()["image"]["upload_token_id"] is None
