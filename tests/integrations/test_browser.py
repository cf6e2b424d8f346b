"""The page of the guide in a real browser, against the guide's service and a local Imgwire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from imgwire_async.sandbox import Sandbox
from tests.browsers import CHROMIUM
from tests.sandbox.imgwire.support import eventually

LARGE = (2400, 1600)  # pixels; about 11 MB, more than what the buffers between two sockets take


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, service: str, http: httpx.Client) -> Iterator[Page]:  # noqa: ARG001 - see above
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(service)
        page.wait_for_load_state("networkidle")
        yield page


@pytest.fixture(scope="module")
def large_png(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "noise.png"
    Image.effect_noise(LARGE, 100).convert("RGB").save(path, "PNG", compress_level=0)
    return path


def allow_origin(sandbox: Sandbox, pattern: str) -> None:
    httpx.post(
        f"{sandbox.base_url}/api/v1/cors_origins/",
        json={"pattern": pattern},
        headers={"authorization": f"Bearer {sandbox.server_key}"},
        trust_env=False,
    ).raise_for_status()


def statuses(http: httpx.Client) -> list[str]:
    return [image["status"] for image in http.get("/images").json()]


def test_an_image_goes_from_the_page_straight_to_the_store_and_is_shown(
    page: Page, service: str, sandbox: Sandbox, photo: Path
) -> None:
    allow_origin(sandbox, urlsplit(service).netloc)
    sandbox.faults.once("store.put", slow=200_000)
    page.evaluate(
        """() => {
            const bar = document.getElementById("progress");
            window.shown = [];
            new MutationObserver(() => window.shown.push(bar.value)).observe(bar, { attributes: true });
        }"""
    )

    page.set_input_files("#file", photo)

    expect(page.locator("#status")).to_have_text("READY", timeout=15_000)
    picture = page.locator("#images img").first
    expect(picture).to_have_js_property("complete", value=True)
    assert picture.evaluate("image => image.naturalWidth") > 0
    assert page.evaluate("window.shown").pop() == 1
    (put,) = sandbox.requests.of("store.put")
    assert put.headers["origin"] == service
    assert "Chrome" in put.headers["user-agent"]


def test_the_browser_refuses_an_origin_that_is_not_allowed(
    page: Page, http: httpx.Client, sandbox: Sandbox, photo: Path
) -> None:
    allow_origin(sandbox, "gallery.example.com")

    page.set_input_files("#file", photo)

    expect(page.locator("#status")).to_have_text("failed: Failed to fetch")
    assert sandbox.requests.of("store.put") == []
    assert statuses(http) == []


def test_a_token_is_good_for_one_image(page: Page, http: httpx.Client) -> None:
    create_twice = """async () => {
        const { uploadToken } = await json(await fetch("/upload-token", { method: "POST" }));
        const file = new File([new Uint8Array(10)], "a.png", { type: "image/png" });
        await create(file, uploadToken);
        return create(file, uploadToken).then(() => "created again", (error) => error.message);
    }"""

    answer = page.evaluate(create_twice)

    assert answer.startswith("401 ")
    assert "InvalidTokenError" in answer
    assert statuses(http) == ["PENDING"]


BY_THE_PAGE_ITSELF = "upload(document.getElementById('file').files[0])"
AS_A_RAW_BODY = (
    "fetch('/images/noise.png', { method: 'PUT', body: document.getElementById('file').files[0] })"
)
IN_A_FORM = """(() => {
    const form = new FormData();
    form.append("file", document.getElementById("file").files[0]);
    fetch("/images", { method: "POST", body: form });
})()"""


@pytest.mark.parametrize("way", [BY_THE_PAGE_ITSELF, AS_A_RAW_BODY, IN_A_FORM], ids=["page", "raw", "form"])
def test_a_tab_that_is_closed_halfway_leaves_no_work_and_nothing_ready(
    page: Page, http: httpx.Client, sandbox: Sandbox, large_png: Path, way: str
) -> None:
    before = http.get("/tasks").json()
    sandbox.faults.once("store.put", slow=2_000_000)
    page.evaluate("document.getElementById('file').onchange = null")
    page.set_input_files("#file", large_png)
    page.evaluate(f"void {way}")
    eventually(lambda: any(put.bytes_received for put in sandbox.requests.of("store.put")))

    page.close()

    eventually(lambda: all(put.status is not None for put in sandbox.requests.of("store.put")))
    eventually(lambda: bool(http.get("/tasks").json() == before))
    (put,) = sandbox.requests.of("store.put")
    assert 0 < put.bytes_received < large_png.stat().st_size
    assert statuses(http) == ["PENDING"]


def test_the_same_image_can_be_sent_again_from_another_tab(
    browser: Browser, page: Page, service: str, http: httpx.Client, sandbox: Sandbox, large_png: Path
) -> None:
    sandbox.faults.once("store.put", slow=2_000_000)
    page.set_input_files("#file", large_png)
    eventually(lambda: any(put.bytes_received for put in sandbox.requests.of("store.put")))
    page.close()

    with browser.new_context() as context:
        another: Any = context.new_page()
        another.goto(service)
        another.set_input_files("#file", large_png)
        expect(another.locator("#status")).to_have_text("READY", timeout=15_000)

    assert sorted(statuses(http)) == ["PENDING", "READY"]
