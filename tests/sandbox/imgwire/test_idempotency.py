"""Requests with the same idempotency key create one record."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sandbox.imgwire.support import PUBLIC, Api, photograph

CREATE = "/api/v1/images/standard_upload"


def test_a_repeated_create_gets_the_same_image_and_a_fresh_url(api: Api) -> None:
    first = api.create(idempotency_key="k")
    second = api.create(idempotency_key="k")

    assert second["image"]["id"] == first["image"]["id"]
    assert second["upload_url"] != first["upload_url"]
    assert api.http.get("/api/v1/images/").headers["x-total-count"] == "1"


def test_concurrent_creates_with_one_key_make_one_record(api: Api) -> None:
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: api.create(idempotency_key="k"), range(64)))

    assert len({answer["image"]["id"] for answer in answers}) == 1
    assert api.http.get("/api/v1/images/").headers["x-total-count"] == "1"


def test_a_replay_after_the_upload_returns_a_url_that_accepts_nothing_more(api: Api) -> None:
    data = photograph()
    image = api.upload(data, idempotency_key="k")

    replay = api.create(data, idempotency_key="k")

    assert (replay["image"]["id"], replay["image"]["can_upload"]) == (image["id"], False)
    put = PUBLIC.put(replay["upload_url"], content=data, headers={"Content-Type": "image/jpeg"})
    assert put.status_code == 403


def test_a_replay_after_expiry_allows_the_upload_again(start_api: Callable[..., Api]) -> None:
    now = [1_800_000_000.0]
    api = start_api(clock=lambda: now[0])
    data = photograph()
    expired = api.create(data, idempotency_key="k")
    now[0] += 901
    assert api.retrieve(expired["image"]["id"])["can_upload"] is False

    renewed = api.create(data, idempotency_key="k")

    assert renewed["image"]["can_upload"] is True
    headers = {"Content-Type": "image/jpeg"}
    assert PUBLIC.put(expired["upload_url"], content=data, headers=headers).status_code == 403
    assert PUBLIC.put(renewed["upload_url"], content=data, headers=headers).status_code == 200


def test_deleting_an_image_frees_its_key(api: Api) -> None:
    first = api.create(idempotency_key="k")["image"]["id"]
    api.http.delete(f"/api/v1/images/{first}")

    assert api.create(idempotency_key="k")["image"]["id"] != first


def test_a_different_body_is_a_conflict_if_that_is_switched_on(start_api: Callable[..., Api]) -> None:
    api = start_api(idempotency="conflict")
    first = api.create(idempotency_key="k", purpose="a")

    other = api.http.post(CREATE, json={"file_name": "photo.jpg", "idempotency_key": "k", "purpose": "b"})

    assert (other.status_code, other.json()["error_type"]) == (409, "IdempotencyConflictError")
    assert api.create(idempotency_key="k", purpose="a")["image"]["id"] == first["image"]["id"]


def test_keys_can_be_forgotten(start_api: Callable[..., Api]) -> None:
    api = start_api(idempotency="forget")

    ids = {api.create(idempotency_key="k")["image"]["id"] for _ in range(2)}

    assert len(ids) == 2


@pytest.mark.parametrize("key", ["k" * 255, "ключ 🔑"])
def test_keys_are_echoed(api: Api, key: str) -> None:
    assert api.create(idempotency_key=key)["image"]["idempotency_key"] == key
