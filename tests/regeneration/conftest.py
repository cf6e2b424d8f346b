"""A checkout of their own for tests that regenerate."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.regeneration.support import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what regeneration reads and writes; what it imports is shared."""
    root = tmp_path / "checkout"
    package = root / "imgwire_async"
    package.mkdir(parents=True)
    shutil.copy(ROOT / "openapi.json", root)
    shutil.copy(ROOT / "generator-config.yaml", root)
    (root / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "overlay.json", root / "scripts")
    (root / "scripts" / "templates").symlink_to(ROOT / "scripts" / "templates")
    shutil.copytree(
        ROOT / "imgwire_async" / "lowlevel",
        package / "lowlevel",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for shared in ("cdn", "core", "errors.py", "metrics_rows.py"):
        (package / shared).symlink_to(ROOT / "imgwire_async" / shared)
    return root
