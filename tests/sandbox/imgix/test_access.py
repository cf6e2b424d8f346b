"""Keys, permissions, limits, faults, unknown routes and restarts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from imgwire_async.sandbox import FixedWindow, ImgixSandbox
from imgwire_async.testing.clock import VirtualClock
from tests.sandbox.imgix.support import NOW, Imgix, document, picture

CALLS = [
    ("GET", "sources", "sources"),
    ("POST", "sources", "sources"),
    ("GET", "sources/{}", "sources"),
    ("PATCH", "sources/{}", "sources"),
    ("GET", "sources/{}/assets", "asset_browse"),
    ("GET", "sources/{}/assets/a.png", "asset_browse"),
    ("PATCH", "sources/{}/assets/a.png", "asset_edit"),
    ("POST", "sources/{}/assets/add/a.png", "asset_edit"),
    ("POST", "sources/{}/assets/refresh/a.png", "asset_edit asset_purge"),
    ("POST", "sources/{}/upload/a.png", "asset_edit"),
    ("POST", "sources/{}/upload-sessions/create/a.png", "asset_edit"),
    ("POST", "sources/{}/upload-sessions/close/x", "asset_edit"),
    ("DELETE", "sources/{}/upload-sessions/cancel/x", "asset_edit"),
    ("POST", "sources/{}/publish", "asset_purge"),
    ("POST", "sources/{}/unpublish", "asset_purge"),
    ("POST", "publish", "asset_purge"),
    ("POST", "purge", "asset_purge"),
    ("GET", "reports", "analytics"),
    ("GET", "reports/x", "analytics"),
]
EVERY = {"sources", "asset_browse", "asset_edit", "asset_purge", "analytics"}


@pytest.mark.parametrize(("method", "path", "needed"), CALLS)
def test_every_operation_asks_for_its_permission(imgix: Imgix, method: str, path: str, needed: str) -> None:
    source = imgix.sandbox.add_source("shop")

    def status(*permissions: str) -> int:
        key = imgix.sandbox.create_key(*permissions)
        headers = {"authorization": f"Bearer {key}"}
        return imgix.http.request(method, path.format(source), headers=headers).status_code

    others = EVERY - set(needed.split()) - ({"asset_edit"} if needed == "asset_browse" else set())
    assert status(*others) == 403
    assert status(*needed.split()) != 403


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ak_wrong", "Basic abc"])
def test_a_request_without_a_valid_key_is_answered_401(imgix: Imgix, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = httpx.get(f"{imgix.sandbox.base_url}/api/v1/sources", headers=headers, trust_env=False)

    assert answer.status_code == 401
    assert answer.json()["errors"][0]["detail"] == "A valid API key is required and could not be determined."


def test_unknown_routes_and_methods_are_answered_in_json(imgix: Imgix) -> None:
    assert imgix.http.get("nothing").json()["errors"][0]["status"] == "404"
    answer = imgix.http.delete("sources")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert answer.json()["errors"][0]["status"] == "405"


def test_published_limits_apply_per_key_and_class(start_imgix: Callable[..., Imgix]) -> None:
    clock = VirtualClock(NOW)
    imgix = start_imgix(clock=clock.time, limits="published")

    def statuses(count: int, **headers: str) -> list[int]:
        return [imgix.http.get("sources", headers=headers).status_code for _ in range(count)]

    assert statuses(5) == [200, 200, 200, 200, 429]
    answer = imgix.http.get("sources")
    assert ("retry-after" in answer.headers, answer.json()["errors"][0]["status"]) == (False, "429")
    assert imgix.http.get("sources/x/assets/y").status_code == 404  # a separate rate class
    other = imgix.sandbox.create_key("sources")
    assert statuses(1, authorization=f"Bearer {other}") == [200]
    clock.advance(0.25)
    assert statuses(2) == [200, 429]


def test_limits_can_be_raised_and_say_when_to_retry(start_imgix: Callable[..., Imgix]) -> None:
    limits = {"default": FixedWindow(limit=6, seconds=60)}
    imgix = start_imgix(clock=VirtualClock().time, limits="published", rate_limits=limits)

    answers = [imgix.http.get("sources") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    with pytest.raises(ValueError, match="unknown rate class"):
        ImgixSandbox(rate_limits={"images.list": FixedWindow(limit=1, seconds=1)})


def test_scripted_faults_and_the_request_log(imgix: Imgix) -> None:
    imgix.sandbox.faults.once("sources.list", status=503, retry_after=2)

    answer = imgix.http.get("sources")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["errors"][0]["title"] == "ScriptedFault"
    assert imgix.http.get("sources").status_code == 200
    assert [request.status for request in imgix.sandbox.requests.of("sources.list")] == [503, 200]
    with pytest.raises(ValueError, match="unknown operation"):
        imgix.sandbox.faults.once("images.list", status=503)


def test_state_survives_a_restart(tmp_path: Path) -> None:
    with ImgixSandbox(tmp_path, deployment_delay=0) as sandbox:
        source = sandbox.add_source("shop")
        sandbox.add_file(source, "/a.png", picture())
        key = sandbox.api_key
        assert key not in repr(sandbox)
    with ImgixSandbox(tmp_path, deployment_delay=0) as sandbox:
        assert sandbox.api_key == key
        with Imgix(sandbox) as imgix:
            assert imgix.http.get(f"sources/{source}/assets/a.png").status_code == 200
            assert imgix.rendered("/a.png").content == picture()


def test_a_purge_repeated_within_ten_seconds_is_answered_409(start_imgix: Callable[..., Imgix]) -> None:
    clock = VirtualClock(NOW)
    imgix = start_imgix(clock=clock.time)
    imgix.sandbox.add_source("shop")

    def purge(url: str, **attributes: object) -> httpx.Response:
        return imgix.http.post("purge", json=document("purges", {"url": url, **attributes}))

    first = purge("https://shop.imgix.net/a.png?w=1")
    assert first.json()["data"]["id"] == first.json()["data"]["attributes"]["purge_id"]
    clock.advance(9.5)
    assert purge("https://shop.imgix.net/a.png").status_code == 409
    clock.advance(0.5)
    assert purge("https://shop.imgix.net/a.png").status_code == 200
    assert purge("https://other.imgix.net/a.png").status_code == 404
    assert purge("/a.png").status_code == 400
    assert purge("https://shop.imgix.net/b.png", sub_image=True).status_code == 400


def test_an_unpublished_asset_is_not_served(imgix: Imgix) -> None:
    source = imgix.sandbox.add_source("shop")
    imgix.sandbox.add_file(source, "/a.png", picture())
    url = "https://shop.imgix.net/a.png"

    answer = imgix.http.post(f"sources/{source}/unpublish", json=document("unpublishes", {"url": url}))
    assert list(answer.json()["data"]["attributes"]) == ["unpublish_id"]
    assert imgix.rendered("/a.png").status_code == 404
    body = document("publishes", {"url": url, "source_id": source})
    assert imgix.http.post("publish", json=body).status_code == 200
    assert imgix.rendered("/a.png").status_code == 200


def test_reports_complete_and_their_files_need_no_key(start_imgix: Callable[..., Imgix]) -> None:
    clock = VirtualClock(NOW)
    imgix = start_imgix(clock=clock.time)
    end = clock.time()
    done = imgix.sandbox.add_report(
        "image_analytics", period_start=end - 86400, period_end=end, files=[b"a\n", b"b\n"]
    )
    later = imgix.sandbox.add_report(
        "cdn_logs", period_start=end - 86400, period_end=end, files=[b"c\n"], completed_after=60
    )

    def ids(query: str) -> list[str]:
        return [item["id"] for item in imgix.http.get(f"reports?{query}").json()["data"]]

    assert (ids(""), ids("filter[completed]=true")) == ([done, later], [done])
    assert ids("filter[report_type]=cdn_logs&sort=-period_end") == [later]
    assert imgix.http.get(f"reports/{later}").json()["data"]["attributes"]["files"] == []
    clock.advance(60)
    attributes = imgix.http.get(f"reports/{done}").json()["data"]["attributes"]
    assert (attributes["completed"], attributes["report_key"]) == (True, "image_analytics_20300317")
    assert [httpx.get(url, trust_env=False).content for url in attributes["files"]] == [b"a\n", b"b\n"]
    assert imgix.http.get(attributes["files"][0]).status_code == 400
