"""Modules that are shared by all services do not mention any service."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import imgwire_async

PACKAGE = Path(imgwire_async.__file__).parent
NAMES = re.compile(r"imgwire|imgix", re.IGNORECASE)
OURS = re.compile(r"imgwire_async|imgwire-async|ImgwireError")
"""The names of the package and of the base class of its errors."""


@pytest.mark.parametrize("folder", ["core", "bodies", "downloads", "ingest"])
def test_no_module_names_a_service(folder: str) -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for path in sorted((PACKAGE / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if NAMES.search(OURS.sub("", line))
    ]
    assert found == []
