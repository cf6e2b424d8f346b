"""The set-up: what a newcomer sees when it fails, and what the demo installs."""

from __future__ import annotations

import sys
from pathlib import Path

import install
import pytest


def test_a_failed_install_ends_with_the_last_lines_and_what_to_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(install, "LOG", tmp_path / "install.log")

    with pytest.raises(install.InstallError) as raised:
        install.run(sys.executable, "-c", "import sys; print('one'); sys.exit('ERROR: no such package')")

    message = str(raised.value)
    assert "    ERROR: no such package\n" in message
    for checked in ("network", "HTTPS_PROXY", "free space", "Python: this is"):
        assert checked in message


def test_what_the_installer_said_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(install, "LOG", tmp_path / "install.log")

    install.run(sys.executable, "-c", "print('Collecting aiohttp')")

    assert "Collecting aiohttp" in (tmp_path / "install.log").read_text()


def test_the_demo_installs_neither_test_tools_nor_what_its_photographs_depend_on() -> None:
    assert install.EXTRAS["demo"] == "cli,sandbox"
    assert install.photographs_package().startswith("scikit-image==")
