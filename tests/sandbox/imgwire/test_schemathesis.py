"""Schemathesis generates requests of every kind from `openapi.json` and checks the sandbox's responses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from imgwire_async.sandbox import Sandbox

OPENAPI = Path(__file__).resolve().parents[3] / "openapi.json"

EXCLUDED_CHECKS = {
    # The service has rules that its schema does not state: host names, host patterns, time zones, and a
    # header that the schema allows to be null, which no header can be.
    "positive_data_acceptance",
}


def test_every_operation_responds_to_generated_requests_as_the_schema_says(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        run = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                str(OPENAPI),
                f"--url={sandbox.base_url}",
                f"--header=Authorization: Bearer {sandbox.server_key}",
                f"--exclude-checks={','.join(EXCLUDED_CHECKS)}",
                "--max-examples=20",
                "--generation-deterministic",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert run.returncode == 0, run.stdout[-4000:]
    assert "Tested: 20" in run.stdout
