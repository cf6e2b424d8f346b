"""The browser that is installed on this machine, for tests of pages."""

from __future__ import annotations

import shutil
from typing import Final

CHROMIUM: Final = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)
"""Its path, or None. Without one the tests that need it are left out, and pytest says so."""
