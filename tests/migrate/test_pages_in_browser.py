"""The pages of a verification and of a survey in a real browser: no network, no scripts, any width."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from imgwire_async.migrate import Compared, TrafficSurvey
from imgwire_async.migrate.traffic.logs import requests_of
from imgwire_async.migrate.traffic.page import write_survey
from imgwire_async.migrate.verification.page import write_page
from tests.browsers import CHROMIUM, violations

PHONE = {"width": 375, "height": 800}  # pixels
PAIRS = {  # mean difference and parameters, by id
    "good": (0.2, ("w",)),
    "bad": (9.0, ("w", "fit")),
    "worst": (40.0, ("fit",)),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on a phone without scripts and network."""
    with browser.new_context(viewport=PHONE, offline=True, java_script_enabled=False) as context:  # type: ignore[arg-type]
        page = context.new_page()
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        yield page
        assert {url.partition(":")[0] for url in requested} == {"file"}


@pytest.fixture
def verification(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    for name in PAIRS:
        for kind in ("old", "new", "difference"):
            Image.new("RGB", (900, 30), "red").save(tmp_path / "pictures" / f"{name}-{kind}.webp")
    found = [
        Compared(
            id=name,
            old_url=f"https://shop.imgix.net/{name}.png",
            new_url=f"https://cdn.example.com/{name}",
            variant="w=9",
            parameters=parameters,
            status="exact",
            old_type="image/png",
            new_type="image/png",
            old_size=(900, 30),
            new_size=(900, 30),
            mean=mean,
            worst=mean,
        )
        for name, (mean, parameters) in PAIRS.items()
    ]
    path = tmp_path / "index.html"
    write_page(path, found, shown=9, mean=1.5, worst=4, pictures="pictures")
    return path


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    survey = TrafficSurvey()
    url = b"https://a.imgix.net/a?w=5&fit=crop&h=5&trim=auto&blur=5&auto=format,compress"
    for request in requests_of(io.BytesIO(url)):
        survey.add(request)
    path = tmp_path / "survey.html"
    write_survey(survey, path)
    return path


def shown(page: Page) -> list[str]:
    """The names of the visible pairs, in order."""
    titles = [article.locator("h2") for article in page.locator("article").all() if article.is_visible()]
    return [title.inner_text().rpartition("/")[2].partition(".")[0] for title in titles]


def is_within_its_width(page: Page) -> bool:
    box = page.locator("html").bounding_box()
    parts = [part.bounding_box() for part in page.locator("main > *").all()]
    return box is not None and all(
        part is None or part["x"] + part["width"] <= PHONE["width"] for part in parts
    )


def test_pairs_are_shown_the_worst_first_and_filtered_without_scripts(page: Page, verification: Path) -> None:
    page.goto(verification.as_uri())
    assert shown(page) == ["worst", "bad", "good"]

    page.check("#verdict-differs")
    assert shown(page) == ["worst", "bad"]
    page.check("#parameter-w")
    assert shown(page) == ["bad"]

    pictures = page.locator("article:visible img").all()
    assert [picture.get_attribute("alt") for picture in pictures] == [
        *("imgix, 900 × 30, image/png", "Imgwire, 900 × 30, image/png", "difference, eightfold")
    ]
    assert page.locator("html").get_attribute("lang") == "en"
    assert is_within_its_width(page)


def test_a_survey_fits_a_phone(page: Page, survey: Path) -> None:
    page.goto(survey.as_uri())

    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("svg").count() == page.locator("svg[role=img][aria-label]").count() == 2
    assert is_within_its_width(page)


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing_on_either_page(
    browser: Browser, verification: Path, survey: Path, colours: Literal["light", "dark"]
) -> None:
    with browser.new_context(color_scheme=colours, offline=True) as context:
        page = context.new_page()
        for path in (verification, survey):
            page.goto(path.as_uri())
            assert violations(page) == []
