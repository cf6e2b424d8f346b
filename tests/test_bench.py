"""The benchmarks run; their figures are not checked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import call_load
import pytest
from baseline import service

VENDOR = """
import json
from urllib.request import Request, urlopen

class ImgwireClient:
    def __init__(self, api_key, base_url):
        self.images = self
        self.api_key, self.base_url = api_key, base_url

    def retrieve(self, image_id):
        headers = {"Authorization": f"Bearer {self.api_key}"}
        with urlopen(Request(f"{self.base_url}/api/v1/images/{image_id}", headers=headers)) as response:
            return json.load(response)
"""


def measured(*arguments: object) -> object:
    command = [sys.executable, call_load.__file__, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_the_sdk_of_the_vendor_is_measured_from_its_installation_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "imgwire.py").write_text(VENDOR)
    monkeypatch.setenv(call_load.OFFICIAL, str(tmp_path))
    with service() as base_url:
        seconds = measured("official", base_url, 4, 2)

    assert isinstance(seconds, float)


def test_a_list_is_measured_against_a_bare_script() -> None:
    with service() as base_url:
        found = measured("list", base_url, call_load.PAGES_IN_TURN)

    assert isinstance(found, dict)
    assert set(found) == {"list", "prefetch", "bare", "fetch", "decode"}
