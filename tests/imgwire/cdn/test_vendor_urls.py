"""URLs that the vendor's Python and Node builders both produce."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from imgwire_async.imgwire.cdn import InvalidTransformationError, cdn_url

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "cdn-urls.json").read_text("utf-8"))


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_lenient_mode_builds_the_url_of_the_vendors_clients(case: dict[str, Any]) -> None:
    if case.get("error"):
        with pytest.raises(InvalidTransformationError):
            cdn_url(VECTORS["cdn_url"], strict=False, **case["options"])
    else:
        assert cdn_url(VECTORS["cdn_url"], strict=False, **case["options"]) == case["url"]
