"""The set-up script: messages when it fails, and the packages that the demo installs."""

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
        install.run(
            (sys.executable, "-c", "import sys; print('one'); sys.exit('ERROR: no such package')"),
            (sys.executable, "-c", "print('another')"),
        )

    message = str(raised.value)
    assert "    ERROR: no such package\n" in message
    for checked in ("network", "HTTPS_PROXY", "free space", "Python: this is"):
        assert checked in message


def test_the_output_of_the_installer_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(install, "LOG", tmp_path / "install.log")

    install.run(*((sys.executable, "-c", f"print('Collecting {name}')") for name in ("aiohttp", "rich")))

    assert (tmp_path / "install.log").read_text() == "Collecting aiohttp\nCollecting rich\n"


def test_the_packages_and_the_photographs_are_installed_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(install, "LOG", tmp_path / "install.log")
    meet = (
        "import pathlib, sys, time; own, other = map(pathlib.Path, sys.argv[1:]); own.touch(); "
        "end = time.monotonic() + 30\n"
        "while not other.exists():\n    if time.monotonic() > end: sys.exit('alone')"
    )
    paths = [str(tmp_path / name) for name in ("first", "second")]

    install.run((sys.executable, "-c", meet, *paths), (sys.executable, "-c", meet, *reversed(paths)))


def test_the_demo_installs_neither_test_tools_nor_the_dependencies_of_its_photographs() -> None:
    assert install.EXTRAS["demo"] == "cli,sandbox"
    assert install.photographs_package().startswith("scikit-image==")
