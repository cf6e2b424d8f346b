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
    (package / "imgwire").mkdir(parents=True)
    shutil.copy(ROOT / "openapi.json", root)
    shutil.copy(ROOT / "generator-config.yaml", root)
    (root / "scripts" / "contracts" / "imgwire").mkdir(parents=True)
    contract = root / "scripts" / "contracts" / "imgwire"
    shutil.copy(ROOT / "scripts" / "contracts" / "imgwire" / "overlay.json", contract)
    (root / "scripts" / "templates").symlink_to(ROOT / "scripts" / "templates")
    shutil.copytree(
        ROOT / "imgwire_async" / "imgwire" / "lowlevel",
        package / "imgwire" / "lowlevel",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for shared in (
        "core",
        "errors.py",
        "imgwire/__init__.py",
        "imgwire/cdn",
        "imgwire/image_urls.py",
        "imgwire/metrics_rows.py",
    ):
        (package / shared).symlink_to(ROOT / "imgwire_async" / shared)
    return root
