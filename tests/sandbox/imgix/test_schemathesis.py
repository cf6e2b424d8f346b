"""Schemathesis generates requests of every kind from the contract and checks the local imgix's responses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from imgwire_async.sandbox import ImgixSandbox

CONTRACT = Path(__file__).resolve().parents[3] / "scripts" / "contracts" / "imgix" / "openapi.json"
CHECKS = ("not_a_server_error", "response_schema_conformance", "content_type_conformance")


def test_every_operation_responds_to_generated_requests_as_the_contract_says(tmp_path: Path) -> None:
    with ImgixSandbox(fetches_origins=False) as sandbox:
        sandbox.add_file(sandbox.add_source("shop"), "/a.txt", b"text")
        run = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                str(CONTRACT),
                f"--url={sandbox.base_url}",
                f"--header=Authorization: Bearer {sandbox.api_key}",
                f"--checks={','.join(CHECKS)}",
                "--max-examples=10",
                "--generation-deterministic",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert run.returncode == 0, run.stdout[-4000:]
    assert "Tested: 19" in run.stdout
