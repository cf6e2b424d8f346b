"""Assets: indexing, lists with cursors, filters and updates."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from imgwire_async.testing.clock import VirtualClock
from tests.raw_servers import Connection, answer, raw_server
from tests.sandbox.imgix.support import NOW, Imgix, document, picture
from tests.sandbox.imgix.test_sources import RECORDED
from tests.sandbox.imgwire.support import eventually


@pytest.fixture
def source(imgix: Imgix) -> str:
    return imgix.sandbox.add_source("shop")


def attributes_of(imgix: Imgix, source: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = imgix.http.get(f"sources/{source}/assets/{path}").json()["data"]["attributes"]
    return found


def test_an_asset_has_the_facts_of_its_picture(imgix: Imgix, source: str) -> None:
    imgix.sandbox.add_file(source, "/heroes/hero one.png", picture(), name="Hero", custom_fields={"sku": "7"})

    answer = imgix.http.get(f"sources/{source}/assets/heroes/hero%20one.png").json()["data"]
    known = json.loads((RECORDED / "asset-attributes.projection.json").read_text("utf-8"))["document"]
    found = answer["attributes"]
    assert answer["id"] == f"{source}/heroes/hero one.png"
    assert (found["media_width"], found["media_height"], found["content_type"]) == (300, 200, "image/png")
    assert (found["name"], found["custom_fields"]) == ("Hero", {"sku": "7"})
    assert {name for name in known if not name.startswith("warning_")} <= found.keys()


def test_an_added_path_becomes_an_asset_after_a_delay(start_imgix: Callable[..., Imgix]) -> None:
    clock = VirtualClock(NOW)
    imgix = start_imgix(clock=clock.time, indexing_delay=60)
    source = imgix.sandbox.add_source("shop")
    imgix.sandbox.add_file(source, "/a.png", picture(), index=False)

    added = imgix.http.post(f"sources/{source}/assets/add/a.png")
    assert (added.status_code, added.json()["data"]["attributes"]["media_kind"]) == (202, "IMAGE")
    assert imgix.http.get(f"sources/{source}/assets/a.png").status_code == 404
    assert imgix.http.get(f"sources/{source}/assets").json()["data"] == []
    clock.advance(60)
    assert imgix.http.get(f"sources/{source}/assets/a.png").status_code == 200
    assert imgix.http.post(f"sources/{source}/assets/add/a.png").status_code == 202
    assert imgix.http.post(f"sources/{source}/assets/add/missing.png").status_code == 404


def test_adding_a_file_of_a_web_folder_does_not_wait_for_it(imgix: Imgix) -> None:
    released = threading.Event()

    def respond(connection: Connection) -> None:
        found = b"/images/a.png" in connection.read_head()
        assert released.wait(30)
        connection.send(answer(200, picture(), "Content-Type: image/png") if found else answer(404, b""))

    with raw_server(respond) as server:
        source: str = imgix.create(webfolder_base_url=f"{server.base_url}/images/").json()["data"]["id"]
        added = [imgix.http.post(f"sources/{source}/assets/add/{name}") for name in ("a.png", "missing.png")]
        assert [one.status_code for one in added] == [202, 202]
        assert added[0].json()["data"]["attributes"]["content_type"] == "image/png"
        assert imgix.http.get(f"sources/{source}/assets/a.png").status_code == 404
        released.set()
        eventually(lambda: imgix.http.get(f"sources/{source}/assets/a.png").status_code == 200)
        assert attributes_of(imgix, source, "a.png")["media_width"] == 300
        eventually(lambda: len(server.heads) == 2)
        assert imgix.http.get(f"sources/{source}/assets/missing.png").status_code == 404


def test_a_refresh_reads_the_file_again(imgix: Imgix, source: str) -> None:
    imgix.sandbox.add_file(source, "/a.png", picture(10, 10), name="kept")
    imgix.sandbox.add_file(source, "/a.png", picture(30, 20), index=False)

    assert attributes_of(imgix, source, "a.png")["media_width"] == 10
    assert imgix.http.post(f"sources/{source}/assets/refresh/a.png").status_code == 200
    found = attributes_of(imgix, source, "a.png")
    assert (found["media_width"], found["name"]) == (30, "kept")
    assert imgix.http.post(f"sources/{source}/assets/refresh/b.png").status_code == 404


def test_lists_follow_a_cursor_and_count_up_to_a_cap(start_imgix: Callable[..., Imgix]) -> None:
    imgix = start_imgix(total_records_cap=3)
    source = imgix.sandbox.add_source("shop")
    for number in range(5):
        imgix.sandbox.add_file(source, f"/{number}.txt", b"text")
    cursor: str | None = "0"
    paths, counts = [], set()
    while cursor is not None:
        answer = imgix.http.get(f"sources/{source}/assets?page[limit]=2&page[cursor]={cursor}").json()
        paths += [item["attributes"]["origin_path"] for item in answer["data"]]
        counts.add(answer["meta"]["cursor"]["totalRecords"])
        assert answer["meta"]["cursor"]["hasMore"] is (answer["meta"]["cursor"]["next"] is not None)
        cursor = answer["meta"]["cursor"]["next"]

    assert paths == ["/4.txt", "/3.txt", "/2.txt", "/1.txt", "/0.txt"]
    assert counts == {"3"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("filter[categories]=shoes,red", ["/shoe.png"]),
        ("filter[categories]=shoes", ["/boot.txt", "/shoe.png"]),
        ("filter[or:categories]=red,none", ["/shoe.png"]),
        ("filter[custom:sku]=7", ["/shoe.png"]),
        ("filter[custom:sku]=", ["/boot.txt", "/shoe.png"]),
        ("filter[custom:it's]=1", []),
        ("filter[media_kind]=image", ["/shoe.png"]),
        ("filter[has_frames]=true", []),
        ("filter[face_count]=:0", ["/shoe.png"]),
        ("filter[keyword]=BOOT", ["/boot.txt"]),
        ("filter[or:keywords]=summer&filter[or:origin_path]=/bo", ["/boot.txt", "/shoe.png"]),
        ("filter[origin_path]=/sh", ["/shoe.png"]),
        ("filter[tags]=Leather", ["/shoe.png"]),
        ("sort=file_size&fields[assets]=origin_path", ["/boot.txt", "/shoe.png"]),
    ],
)
def test_filters(imgix: Imgix, source: str, query: str, found: list[str]) -> None:
    imgix.sandbox.add_file(
        source,
        "/shoe.png",
        picture(),
        description="for the summer",
        categories=["Shoes", "red"],
        tags={"leather": 0.9},
        custom_fields={"sku": "7"},
    )
    imgix.sandbox.add_file(source, "/boot.txt", b"text", categories=["shoes"], custom_fields={"sku": "8"})

    data = imgix.http.get(f"sources/{source}/assets?{query}").json()["data"]
    assert sorted(item["attributes"]["origin_path"] for item in data) == found


def test_an_update_replaces_objects_whole_and_null_clears(imgix: Imgix, source: str) -> None:
    imgix.sandbox.add_file(
        source, "/pecanpie.jpg", picture(format="JPEG"), custom_fields={"a": "1"}, name="n"
    )
    url = f"sources/{source}/assets/pecanpie.jpg"
    request = json.loads((RECORDED / "asset-update-custom-fields.request.json").read_text("utf-8"))[
        "document"
    ]
    request["data"]["id"] = f"{source}/pecanpie.jpg"

    assert imgix.http.patch(url, json=request).status_code == 200
    assert imgix.http.patch(url, json=document("assets", {"name": None})).status_code == 200
    found = attributes_of(imgix, source, "pecanpie.jpg")
    assert (found["custom_fields"], found["name"]) == ({"type": "dessert"}, None)
    for refused in ({"file_size": 1}, {"categories": "a"}, {"categories": [1]}):
        assert imgix.http.patch(url, json=document("assets", refused)).status_code == 400
    with_leading_slash = document("assets", {}, f"{source}//pecanpie.jpg")
    assert imgix.http.patch(url, json=with_leading_slash).status_code == 200
    others: tuple[object, ...] = ("other/id", {})
    for other in others:
        body = {"data": {"type": "assets", "attributes": {}, "id": other}}
        assert imgix.http.patch(url, json=body).status_code == 400
    assert imgix.http.get(f"sources/{source}/assets?filter[colors]=").status_code == 400


@pytest.mark.parametrize("path", ["a//b.png", "a/%2e%2e/b.png", ""])
def test_paths_with_odd_segments_are_rejected(imgix: Imgix, source: str, path: str) -> None:
    assert imgix.http.post(f"sources/{source}/assets/add/{path}").status_code in {400, 404, 405}
