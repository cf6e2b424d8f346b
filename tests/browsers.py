"""The browser installed on this machine, for tests of pages."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page


CHROMIUM: Final = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)
"""Its path, or None. Without a browser the tests that need one are skipped, and pytest reports it."""


def violations(page: Page) -> list[str]:
    """Accessibility problems of a page: the violations that axe reports, with examples."""
    from axe_playwright_python.sync_playwright import Axe

    response = Axe().run(page, options={"resultTypes": ["violations"]}).response
    return [f"{one['id']}: {one['nodes'][0]['html']:.200}" for one in response["violations"]]
