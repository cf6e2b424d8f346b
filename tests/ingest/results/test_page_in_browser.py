"""A job's report page in a real browser: no network, no scripts, any width, accessible."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, sync_playwright

from imgwire_async.ingest.results.report import FailureGroup, Report
from imgwire_async.ingest.results.timeline import Interval
from tests.browsers import CHROMIUM, violations


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as browser:
        yield browser


@pytest.fixture
def path(tmp_path: Path, photo: Path) -> Path:
    report = Report(
        job="6f033d5974a04da3b77a0edd698e5d48",  # the default name of a job
        journal=f"/srv/{'very-long-name-of-a-folder/' * 8}photos.journal",
        stopped="the service rejected the API key",
        dry_run=False,
        found=12_345,
        stored=10_000,
        already_stored=300,
        changed=0,
        skipped=20,
        failed=40,
        skipped_by_reason={"not_an_image": 20},
        bytes_sent=5_432_100_000,
        planned_bytes=0,
        seconds=3723.0,
        items_per_second=2.7,
        bytes_per_second=1_459_000.0,
        retries=17,
        throttled=3,
        item_seconds={"p50": 0.2, "max": 3.1},
        failures=(
            FailureGroup("PayloadTooLargeError 413", 39, (f"{'x' * 200}.jpg: too large",), (str(photo),)),
            FailureGroup("UploadSourceError", 1, ("gone.jpg: no such file",), (None,)),
        ),
        timeline=tuple(Interval(16.0 * n, 16.0, 40 + n % 7, n % 3, 10_000_000) for n in range(232)),
    )
    path = tmp_path / "report.html"
    report.write(path)
    return path


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_the_page_is_accessible(
    browser: Browser, path: Path, colours: Literal["light", "dark"], width: int
) -> None:
    with browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=colours, offline=True
    ) as context:
        page = context.new_page()
        page.goto(path.as_uri())

        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator("svg rect").count() > 232
        assert page.locator("img").evaluate("image => image.naturalWidth") > 0
        assert violations(page) == []
