"""Bulk download jobs."""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.imgwire.support import PUBLIC, Api, encode, eventually, photograph

JOBS = "/api/v1/images/downloads"


def finished(api: Api, image_ids: list[str]) -> dict[str, Any]:
    created = api.http.post(JOBS, json={"image_ids": image_ids}).json()
    assert (created["status"], created["download_url"]) == ("PENDING", None)

    def done() -> dict[str, Any] | None:
        job: dict[str, Any] = api.http.get(f"{JOBS}/{created['id']}").json()
        return job if job["status"] in {"READY", "FAILED"} else None

    job: dict[str, Any] = eventually(done)
    return job


def test_an_archive_holds_the_originals_under_distinct_names(api: Api) -> None:
    files = {"a.jpg": photograph(), "A (2).jpg": encode("JPEG"), "_.._etc_passwd.png": encode("PNG")}
    names = ["a.jpg", "A.jpg", "/../etc/passwd.png"]
    ids = [api.upload(data, file_name=name)["id"] for name, data in zip(names, files.values(), strict=True)]

    job = finished(api, [*ids, ids[0], str(uuid.uuid4())])

    assert job["status"] == "READY"
    assert job["image_ids"][:3] == ids
    response = PUBLIC.get(job["download_url"])
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-length"] == str(len(response.content))
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_an_archive_can_be_resumed_with_range(api: Api) -> None:
    job = finished(api, [api.upload(photograph())["id"]])
    whole = PUBLIC.get(job["download_url"]).content

    part = PUBLIC.get(job["download_url"], headers={"Range": "bytes=1000-"})

    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 1000-{len(whole) - 1}/{len(whole)}"
    assert part.content == whole[1000:]


@pytest.mark.parametrize("known", [False, True])
def test_a_job_without_any_stored_image_fails(api: Api, known: bool) -> None:
    image_id = api.create()["image"]["id"] if known else str(uuid.uuid4())

    job = finished(api, [image_id])

    assert (job["status"], job["download_url"]) == ("FAILED", None)


def test_the_link_is_signed_and_expires(start_api: Callable[..., Api]) -> None:
    now = [1_800_000_000.0]
    api = start_api(clock=lambda: now[0])
    url = finished(api, [api.upload(photograph())["id"]])["download_url"]

    assert PUBLIC.get(url).status_code == 200
    assert PUBLIC.get(url.partition("?")[0]).status_code == 403
    now[0] += 901
    assert PUBLIC.get(url).status_code == 403


def test_unknown_jobs_are_404(api: Api) -> None:
    assert api.http.get(f"{JOBS}/{uuid.uuid4()}").status_code == 404
