"""The pages of both local services in a real browser: without scripts, on a phone, with the keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from imgwire_async.sandbox import Sandbox
from tests.browsers import CHROMIUM, violations
from tests.sandbox.imgwire.support import encode, open_api, photograph
from tests.sandbox.server.pages.support import Pages

PHONE = {"width": 390, "height": 844}  # pixels
VIEWS = ("/", "/developer/requests", "/developer/faults", "/developer/keys", "/developer/metrics")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, pages: Pages) -> Iterator[Page]:
    """A page on a phone without scripts."""
    with browser.new_context(
        viewport=PHONE,  # type: ignore[arg-type]
        java_script_enabled=False,
        base_url=pages.sandbox.base_url,
    ) as context:
        page = context.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        yield page
        assert problems == []  # includes requests blocked by the pages' content security policy


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    for name, data in (("rocket.jpg", photograph()), ("cat.png", encode("PNG")), ("cat.gif", encode("GIF"))):
        (tmp_path / name).write_bytes(data)
    return sorted(tmp_path.iterdir())


def test_images_are_uploaded_viewed_transformed_and_deleted(page: Page, photos: list[Path]) -> None:
    page.goto("/")
    page.get_by_label("Upload images").set_input_files(photos)
    page.get_by_role("button", name="Upload", exact=True).click()

    assert page.get_by_role("status").inner_text() == "Uploaded 3 images."
    cards = page.locator(".card")
    boxes = [card.bounding_box() for card in cards.all()]
    lefts = {round(box["x"]) for box in boxes if box is not None}
    assert (cards.count(), len(lefts)) == (3, 2)  # two columns on a phone

    cards.filter(has_text="rocket.jpg").click()
    page.locator("input[name=width], input[name=w]").fill("200")
    page.get_by_role("button", name="Transform").click()
    assert "200 × " in page.get_by_role("row", name="Pixels").inner_text()
    assert page.locator(".result img").get_attribute("alt") == "rocket.jpg, transformed"

    page.locator("summary").click()
    page.get_by_role("button", name="Delete this image").click()
    assert page.get_by_role("status").inner_text() == "Deleted 1 image."
    assert cards.count() == 2


def test_a_fault_is_switched_on_and_off(page: Page, pages: Pages) -> None:
    page.goto("/developer/faults")
    page.get_by_label("Operation").select_option("health")
    page.get_by_label("Fault").select_option("500")
    page.get_by_role("button", name="Switch on").click()
    assert pages.http.get("/health").status_code == 500

    page.get_by_role("button", name="Remove", exact=True).click()
    assert pages.http.get("/health").status_code == 200


@pytest.mark.parametrize("path", VIEWS)
def test_pages_fit_a_phone_and_have_names_for_everything(page: Page, pages: Pages, path: str) -> None:
    pages.upload(("rocket.jpg", photograph()))
    pages.http.get("/health" + "/long" * 100)
    pages.sandbox.faults.always("health", status=503)

    page.goto(path)

    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == page.locator("main").count() == page.locator("header").count() == 1
    for control in page.locator("input:not([type=hidden]), select, textarea").all():
        assert control.locator("xpath=ancestor::label").count() == 1
    assert page.locator("img:not([alt]), th:empty, a:empty, button:empty").count() == 0
    for part in page.locator("header, main > *").all():
        box = part.bounding_box()
        assert box is None or box["x"] + box["width"] <= PHONE["width"], part


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_focus_is_always_visible(browser: Browser, pages: Pages, scheme: str) -> None:
    pages.upload(("rocket.jpg", photograph()))
    with browser.new_context(base_url=pages.sandbox.base_url, color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto("/")
        seen = []
        for _ in range(12):
            page.keyboard.press("Tab")
            seen.append(
                page.evaluate(
                    "() => { const e = document.activeElement, s = getComputedStyle(e);"
                    " return [e.tagName, s.outlineStyle, parseFloat(s.outlineWidth)] }"
                )
            )

    focused = [found for found in seen if found[0] != "BODY"]
    assert {"A", "INPUT", "BUTTON"} <= {tag for tag, *_ in focused}
    assert all((style, width >= 3) == ("solid", True) for _, style, width in focused)


def test_names_of_images_run_no_scripts(browser: Browser, pages: Pages) -> None:
    name = "<img src=x onerror=document.title='run'><script>document.title='run'</script>.png"
    if isinstance(pages.sandbox, Sandbox):
        api = open_api(pages.sandbox)
        with api.http:
            api.upload(encode("PNG"), file_name=name, purpose=name, custom_metadata={name: name})
    else:
        source = pages.sandbox.add_source("shop", name=name)
        pages.sandbox.add_file(source, name, encode("PNG"), name=name, custom_fields={name: name})

    with browser.new_context(base_url=pages.sandbox.base_url) as context:
        page = context.new_page()
        for path in ("/", pages.links()[0], "/developer/requests"):
            page.goto(path)
            assert "run" not in page.title().split(" · ")
            assert page.locator("script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(
    browser: Browser, pages: Pages, photos: list[Path], scheme: Literal["light", "dark"]
) -> None:
    with browser.new_context(
        base_url=pages.sandbox.base_url, color_scheme=scheme, bypass_csp=True
    ) as context:
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Upload images").set_input_files(photos)
        with page.expect_navigation():
            page.get_by_role("button", name="Upload", exact=True).click()
        page.goto("/developer/faults")
        with page.expect_navigation():
            page.get_by_role("button", name="Switch on").click()
        found = {"after a form": violations(page)}
        for path in VIEWS:
            page.goto(path)
            found[path] = violations(page)
        page.goto("/")
        with page.expect_navigation():
            page.locator(".card").first.click()
        found["image"] = violations(page)

        assert {path: problems for path, problems in found.items() if problems} == {}
