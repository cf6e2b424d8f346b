"""The page of the example service in a real browser, against a local Imgwire."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx
import pillow_heif
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from imgwire_async.sandbox import Sandbox
from tests.browsers import CHROMIUM, violations
from tests.integrations.service_process import PASSWORD, idle
from tests.sandbox.imgwire.support import eventually

expect.set_options(timeout=60_000)  # of milliseconds; the default of five seconds is short on a busy machine

LARGE = (2400, 1600)  # pixels; about 11 MB, more than the buffers of two sockets hold


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, service: str, http: httpx.Client) -> Iterator[Page]:  # noqa: ARG001 - see above
    with browser.new_context() as context:
        yield signed_in(context.new_page(), service)


def signed_in(page: Page, service: str) -> Page:
    page.goto(service)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#upload")).to_be_visible()
    return page


def send(page: Page, *files: Path) -> None:
    page.set_input_files("#files", files)
    page.get_by_role("button", name="Upload", exact=True).click()


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
    page.set_input_files("#files", photo)
    page.get_by_label("Description").fill("A rocket at dawn")
    page.evaluate(
        """() => {
            const bar = document.querySelector("#queue progress");
            window.shown = [];
            new MutationObserver(() => window.shown.push(bar.value)).observe(bar, { attributes: true });
        }"""
    )

    page.get_by_role("button", name="Upload", exact=True).click()

    expect(page.locator("#status")).to_have_text("1 uploaded.")
    picture = page.get_by_role("img", name="A rocket at dawn")
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

    send(page, photo)

    expect(page.locator("#status")).to_have_text("0 of 1 uploaded; 1 failed.")
    expect(page.locator("#queue .result")).to_contain_text(
        f"Is {urlsplit(page.url).netloc} one of its CORS origins?"
    )
    assert sandbox.requests.of("store.put") == []
    assert statuses(http) == []


def test_a_token_is_good_for_one_image(page: Page, http: httpx.Client) -> None:
    create_twice = """async () => {
        const { uploadToken } = await ours("/upload-token", { method: "POST" });
        const file = new File([new Uint8Array(10)], "a.png", { type: "image/png" });
        await create(file, uploadToken, "");
        return create(file, uploadToken, "").then(() => "created again", (error) => error.message);
    }"""

    answer = page.evaluate(create_twice)

    assert answer == "The upload token has been used."
    assert statuses(http) == ["PENDING"]


BY_THE_PAGE_ITSELF = "upload(document.getElementById('files').files[0], '', () => {})"
AS_A_RAW_BODY = (
    "fetch('/images/noise.png', { method: 'PUT', body: document.getElementById('files').files[0] })"
)
IN_A_FORM = """(() => {
    const form = new FormData();
    form.append("file", document.getElementById("files").files[0]);
    fetch("/images", { method: "POST", body: form });
})()"""


@pytest.mark.parametrize("way", [BY_THE_PAGE_ITSELF, AS_A_RAW_BODY, IN_A_FORM], ids=["page", "raw", "form"])
def test_a_tab_that_is_closed_halfway_leaves_no_running_work_and_no_image(
    page: Page, http: httpx.Client, sandbox: Sandbox, large_png: Path, way: str
) -> None:
    before = idle(http)
    sandbox.faults.once("store.put", slow=2_000_000)
    page.evaluate("document.getElementById('files').onchange = null")
    page.set_input_files("#files", large_png)
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
    send(page, large_png)
    eventually(lambda: any(put.bytes_received for put in sandbox.requests.of("store.put")))
    page.close()

    with browser.new_context() as context:
        another = signed_in(context.new_page(), service)
        send(another, large_png)
        expect(another.locator("#status")).to_have_text("1 uploaded.")

    assert sorted(statuses(http)) == ["PENDING", "READY"]


def test_several_images_are_dropped_and_each_is_reported(page: Page, http: httpx.Client, photo: Path) -> None:
    page.evaluate(
        """([name, content]) => {
            const files = new DataTransfer();
            const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
            files.items.add(new File([bytes], name, { type: "image/jpeg" }));
            files.items.add(new File(["Hello"], "notes.txt", { type: "text/plain" }));
            files.items.add(new File([bytes.slice(0, 2000)], "cut.jpg", { type: "image/jpeg" }));
            files.items.add(new File([], "empty.png", { type: "image/png" }));
            const drop = new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true });
            document.getElementById("drop").dispatchEvent(drop);
        }""",
        [photo.name, base64.b64encode(photo.read_bytes()).decode()],
    )
    page.get_by_role("button", name="Upload", exact=True).click()

    expect(page.locator("#status")).to_have_text("2 of 4 uploaded; 2 failed.")
    expect(page.locator("#queue .result")).to_have_text(
        ["This is not an image of a supported type.", "The file is empty."]
    )
    expect(page.locator("#images .bad")).to_have_text(re.compile("^Rejected: The file is damaged"))
    assert sorted(statuses(http)) == ["QUARANTINE", "READY"]


def test_heic_is_declared_under_the_name_that_the_service_knows(
    page: Page, sandbox: Sandbox, tmp_path: Path
) -> None:
    heic = tmp_path / "a photo.heif"
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), "teal")).save(heic)

    send(page, heic)

    expect(page.locator("#status")).to_have_text("1 uploaded.")
    (put,) = sandbox.requests.of("store.put")
    assert put.headers["content-type"] == "image/heic"


def test_an_expired_session_is_reported_and_can_be_renewed(page: Page, photo: Path) -> None:
    page.context.clear_cookies()

    send(page, photo)

    expect(page.locator("#queue .result")).to_have_text("Sign in first.")
    expect(page.locator("#sign-in")).to_be_visible()


def test_a_wrong_password_is_reported(browser: Browser, service: str, sandbox: Sandbox) -> None:  # noqa: ARG001
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(service)
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in").click()

        expect(page.get_by_role("alert")).to_have_text("Wrong password.")
        expect(page.locator("#upload")).to_be_hidden()


def test_an_image_can_be_deleted(page: Page, photo: Path) -> None:
    send(page, photo)
    expect(page.locator("#images img")).to_have_count(1)

    page.get_by_role("button", name=re.compile("^Delete")).click()

    expect(page.get_by_text("No images yet.")).to_be_visible()


def test_a_page_on_another_port_uploads_nothing_with_the_cookie(
    page: Page, service: str, http: httpx.Client
) -> None:
    """Such a page belongs to the same site, so the browser sends the cookie despite `SameSite`."""
    send_form = f"""() => {{
        const form = new FormData();
        form.append("file", new Blob(["\\x89PNG\\r\\n\\x1a\\n"]), "a.png");
        const options = {{ method: "POST", mode: "no-cors", credentials: "include" }};
        return fetch("{service}/images", {{ ...options, body: form }});
    }}"""
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        try:
            page.goto(f"http://127.0.0.1:{other.server_port}/")
            with page.expect_response(f"{service}/images") as received:
                page.evaluate(send_form)
        finally:
            other.shutdown()
            thread.join()

    assert (received.value.status, statuses(http)) == (403, [])


def test_nothing_can_be_uploaded_while_the_list_is_loading(page: Page, service: str, photo: Path) -> None:
    hidden: list[bool] = []

    def answer(route: Route) -> None:
        hidden.append(page.locator("#upload").is_hidden())
        route.continue_()

    page.route(f"{service}/images", answer)
    page.reload()

    send(page, photo)

    expect(page.locator("#status")).to_have_text("1 uploaded.")
    assert hidden == [True]
    expect(page.locator("#images li")).to_have_count(1)


def test_an_image_can_be_uploaded_although_the_list_is_unavailable(
    page: Page, service: str, photo: Path
) -> None:
    problem = {"detail": "The image service is too slow."}
    page.route(f"{service}/images", lambda route: route.fulfill(status=504, json=problem))
    page.reload()
    expect(page.get_by_role("alert")).to_have_text("The image service is too slow.")

    send(page, photo)

    expect(page.locator("#images img")).to_have_count(1)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_accessible(
    browser: Browser,
    service: str,
    sandbox: Sandbox,
    photo: Path,
    colours: Literal["light", "dark"],
    width: int,
) -> None:
    with browser.new_context(viewport={"width": width, "height": 800}, color_scheme=colours) as context:
        page = context.new_page()
        page.goto(service)
        expect(page.locator("#sign-in")).to_be_visible()
        found = violations(page)
        signed_in(page, service)
        send(page, photo)
        expect(page.locator("#images img")).to_have_count(1)
        page.set_input_files("#files", photo)

        assert found + violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert len(sandbox.requests.of("store.put")) == 1
