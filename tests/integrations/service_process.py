"""The example service as a real process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

from imgwire_async.sandbox import Sandbox
from tests.hangs import HANGS

PASSWORD = "of the tests"

OBSERVED = """
import asyncio

from fastapi import Request
from imgwire_async.examples.gallery.service import app


@app.get("/tasks")
async def tasks(request: Request) -> list[int]:
    return [len(asyncio.all_tasks()), request.state.imgwire.stats().in_flight]
"""
"""The example with an additional route: the tasks of the process, and requests to Imgwire in flight."""


@contextmanager
def running_service(
    sandbox: Sandbox, folder: Path, *, workers: int = 1, **environment: str
) -> Generator[str, None, None]:
    """Run the example in `folder`; yields its base URL. It must shut down when asked to."""
    (folder / "observed.py").write_text(OBSERVED)
    listener = socket.create_server(("127.0.0.1", 0))
    os.set_inheritable(listener.fileno(), True)
    arguments = [f"--fd={listener.fileno()}", f"--workers={workers}", "--log-level=warning"]
    service = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", *arguments, "observed:app"],
        cwd=folder,
        env=os.environ
        | {
            "IMGWIRE_API_KEY": sandbox.server_key,
            "IMGWIRE_API_BASE_URL": sandbox.base_url,
            "IMGWIRE_CLIENT_KEY": sandbox.client_key,
            "GALLERY_PASSWORD": PASSWORD,
            "PYTHONWARNINGS": "error:AsyncImgwireClient:ResourceWarning",
        }
        | environment,
        pass_fds=[listener.fileno()],
        stderr=subprocess.PIPE,
        text=True,
    )
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    try:
        # The listener queues connections until the service is ready.
        httpx.get(f"{base_url}/tasks", timeout=30, trust_env=False).raise_for_status()
        yield base_url
    finally:
        service.send_signal(signal.SIGINT)
        try:
            _, complaints = service.communicate(timeout=HANGS)
        except subprocess.TimeoutExpired:
            service.kill()
            _, complaints = service.communicate()
            complaints += "\nthe service did not stop"
    assert complaints == "", complaints


def sign_in(http: httpx.Client) -> None:
    """Sign a client in, for requests that require it."""
    http.post("/session", data={"password": PASSWORD}).raise_for_status()


def idle(http: httpx.Client) -> list[int]:
    """The response of `/tasks` once the service is idle: some tasks briefly outlast the response."""
    return min(list(http.get("/tasks").json()) for _ in range(5))
