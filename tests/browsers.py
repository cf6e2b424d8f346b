"""The browser that is installed on this machine, for tests of pages."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page


CHROMIUM: Final = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)
"""Its path, or None. Without one the tests that need it are left out, and pytest says so."""


def violations(page: Page) -> list[str]:
    """What a page lacks for people who cannot see it well or use no mouse: what axe finds, with examples."""
    from axe_playwright_python.sync_playwright import Axe

    response = Axe().run(page, options={"resultTypes": ["violations"]}).response
    return [f"{one['id']}: {one['nodes'][0]['html']:.200}" for one in response["violations"]]
