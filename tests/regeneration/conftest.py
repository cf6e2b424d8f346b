"""Makes the scripts importable and gives tests a checkout of their own to regenerate."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what regeneration reads and writes; the core is shared with the real checkout."""
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
    (package / "core").symlink_to(ROOT / "imgwire_async" / "core")
    return root
