"""Modules that need an extra name it if it is not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKED = """
import sys
sys.modules[{missing!r}] = None
import {module}
"""


@pytest.mark.parametrize(
    ("module", "missing", "extra"),
    [
        ("imgwire_async.sandbox", "fastapi", "sandbox"),
        ("imgwire_async.sandbox", "uvicorn", "sandbox"),
        ("imgwire_async.integrations.fastapi", "fastapi", "fastapi"),
        ("imgwire_async.integrations.opentelemetry", "opentelemetry", "otel"),
    ],
)
def test_an_import_without_its_extra_names_what_to_install(module: str, missing: str, extra: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(missing=missing, module=module)],
        capture_output=True,
        text=True,
        check=False,
    )

    last_line = run.stderr.splitlines()[-1]
    assert last_line.startswith("ModuleNotFoundError")
    assert f"pip install 'imgwire-async[{extra}]'" in last_line


def test_the_client_itself_needs_no_extra() -> None:
    blocked = ("fastapi", "obstore", "opentelemetry", "pyvips", "ray", "rich", "typer", "uvicorn")
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked!r})); import imgwire_async"

    subprocess.run([sys.executable, "-c", code], check=True)
