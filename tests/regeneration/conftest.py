"""A separate checkout for tests that regenerate."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.regeneration.support import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that regeneration reads and writes; modules that it imports are shared."""
    root = tmp_path / "checkout"
    package = root / "imgwire_async"
    package.mkdir(parents=True)
    shutil.copy(ROOT / "openapi.json", root)
    shutil.copy(ROOT / "generator-config.yaml", root)
    shutil.copytree(ROOT / "scripts" / "contracts", root / "scripts" / "contracts")
    (root / "scripts" / "templates").symlink_to(ROOT / "scripts" / "templates")
    for service in ("imgwire", "imgix"):
        shutil.copytree(
            ROOT / "imgwire_async" / service / "lowlevel",
            package / service / "lowlevel",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    own = ("__init__.py", "imgwire", "imgix")
    shared = [entry.name for entry in (ROOT / "imgwire_async").iterdir() if entry.name not in own]
    shared += [f"imgwire/{name}" for name in ("__init__.py", "cdn", "image_urls.py", "metrics_rows.py")]
    for name in shared:
        (package / name).symlink_to(ROOT / "imgwire_async" / name)
    return root
