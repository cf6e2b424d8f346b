"""`imgwire-async sandbox` in the foreground: log, faults, limits and shutdown."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from imgwire_async.cli.app import app
from imgwire_async.cli.local.services import LocalService, Setup, make
from imgwire_async.sandbox import ImgixSandbox, Sandbox
from tests.hangs import HANGS
from tests.sandbox.imgwire.support import eventually

PROGRAM = [sys.executable, "-m", "imgwire_async.cli", "sandbox"]


@dataclass
class Running:
    """A sandbox in a process of its own."""

    facts: dict[str, Any]
    log: Path
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        key = self.facts.get("server_key") or self.facts["api_key"]
        self.http = httpx.Client(
            base_url=self.facts["base_url"],
            headers={"authorization": f"Bearer {key}"},
            trust_env=False,
            timeout=60,
        )

    def lines(self, count: int) -> list[str]:
        """The lines of the log, once it has this many."""
        return eventually(lambda: len(found := self.log.read_text().splitlines()) >= count and found)  # type: ignore[no-any-return]


@contextmanager
def running(folder: Path, *options: str, **variables: str) -> Iterator[Running]:
    log = folder / "log.txt"
    with (
        log.open("w") as file,
        subprocess.Popen(
            [*PROGRAM, *options, "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=file,
            env={**os.environ, **variables},
        ) as process,
    ):
        assert process.stdout is not None
        sandbox = Running(json.loads(process.stdout.readline()), log)
        try:
            with sandbox.http:
                yield sandbox
        finally:
            process.terminate()
            assert process.wait(timeout=HANGS) == 0


def failing(*options: str) -> Result:
    return CliRunner().invoke(app, ["sandbox", *options])


@pytest.mark.skipif(sys.platform == "win32", reason="ends a process with a signal")
def test_each_request_is_one_line_without_keys_until_ctrl_c(tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened; exec sleep 30\n')
    browser.chmod(0o755)

    # A browser that does not return must not block the shutdown.
    with running(
        tmp_path, "--fault", "503@images.list", "--fault", "reset@metrics.get_stats", "--open",
        BROWSER=f"{browser} %s",
    ) as sandbox:  # fmt: skip
        key = sandbox.facts["server_key"]
        sandbox.http.post("/api/v1/images/standard_upload?x=y", json={"file_name": "a.png"})
        sandbox.http.get(f"/api/v1/images/{key}?key={key}")
        sandbox.http.get("/a%0Ab%1B[31m/https://me:secret@example.com")
        assert sandbox.http.get("/api/v1/images/").status_code == 503
        with pytest.raises(httpx.TransportError):
            sandbox.http.get("/api/v1/metrics/stats")
        created, retrieved, unknown, failed, reset = sandbox.lines(5)
        opened = eventually(lambda: (tmp_path / "opened").exists() and (tmp_path / "opened").read_text())

    assert " POST /api/v1/images/standard_upload 200 " in created
    assert created.endswith(" bytes images.create")
    assert " GET /api/v1/images/sk_… 422 " in retrieved
    assert " GET /a%0Ab%1B[31m/https://…@example.com 404 " in unknown
    assert failed.endswith("images.list (fault)")
    assert " /api/v1/metrics/stats no response " in reset
    for secret in (key, "secret", "x=y"):
        assert secret not in sandbox.log.read_text()
    assert opened.strip() == sandbox.facts["base_url"]


@pytest.mark.skipif(sys.platform == "win32", reason="ends a process with a signal")
def test_quiet_hides_the_log(tmp_path: Path) -> None:
    with running(tmp_path, "--quiet") as sandbox:
        assert sandbox.http.get("/health").status_code == 200

    assert sandbox.log.read_text() == ""


def test_a_share_of_the_requests_fails() -> None:
    with make(Setup(faults=["500=0.5"])) as local, httpx.Client(trust_env=False, timeout=60) as http:
        statuses = [http.get(f"{local.base_url}/health").status_code for _ in range(40)]

    assert set(statuses) == {200, 500}


@pytest.mark.parametrize("service", list(LocalService))
def test_above_the_rate_limit_requests_get_429(service: LocalService) -> None:
    with (
        make(Setup(service=service, rate_limit=0.01)) as local,
        httpx.Client(trust_env=False, timeout=60) as http,
    ):
        answers = [http.get(f"{local.base_url}/health") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert int(answers[1].headers["retry-after"]) > 0


def test_the_processing_delay_is_that_of_either_service() -> None:
    imgwire, imgix = (make(Setup(service=service, processing_delay=3600)) for service in LocalService)

    assert isinstance(imgwire, Sandbox)
    assert isinstance(imgix, ImgixSandbox)
    assert imgwire.settings.processing_delay == 3600
    assert (imgix.settings.indexing_delay, imgix.settings.session_delay) == (3600, 3600)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--fault", "fire"], "--fault fire: unknown fault 'fire'; use a status from 400 to 599 or one of"),
        (["--fault", "503@images.burn"], "--fault 503@images.burn: unknown operation 'images.burn'"),
        (["--fault", "503=2"], "the share of requests must be above 0 and at most 1, got 2"),
        (["--fault", "503=x"], "the share of requests must be a number such as 0.1, got 'x'"),
        (["--rate-limit", "0"], "--rate-limit must be above 0"),
        (["--rate-limit", "nan"], "--rate-limit must be above 0"),
        (["--processing-delay", "-1"], "--processing-delay must be from 0"),
        (["--host", "203.0.113.1"], "cannot listen on 203.0.113.1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_invalid_options_are_wrong_usage(options: list[str], sentence: str) -> None:
    run = failing(*options, "--port", "0")

    assert (run.exit_code, run.stdout, run.stderr.count("\n")) == (2, "", 1)
    assert run.stderr.startswith("Error: ")
    assert sentence in run.stderr


def test_a_port_in_use_is_reported_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = failing("--port", str(port))

    assert (run.exit_code, run.stdout) == (1, "")
    assert run.stderr == (
        f"Error: port {port} is in use by another program; choose another one with --port.\n"
    )
