"""The TLS context is created for the first https request, and not on the event loop's thread."""

from __future__ import annotations

import ssl
import subprocess
import sys
import threading

import anyio
import pytest

from imgwire_async import APIConnectionError, AsyncImgwireClient
from imgwire_async.core.http import connections
from imgwire_async.core.http.tls import LateTls
from tests.bodies.running import BACKENDS, run
from tests.clients import client_of
from tests.raw_servers import OK, always, raw_server


class Making:
    """Creates contexts instead of the process-wide one, and records the threads that create them."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def __call__(self) -> ssl.SSLContext:
        self.threads.append(threading.current_thread())
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> Making:
    making = Making()
    monkeypatch.setattr(connections, "_tls_context", making)
    return making


@BACKENDS
def test_http_requests_need_no_tls_context(making: Making, backend: str) -> None:
    async def main() -> None:
        async with client_of(server) as client:
            await client.request("GET", "/x")

    with raw_server(always(OK)) as server:
        run(main, backend)

    assert making.threads == []


@BACKENDS
def test_the_first_https_request_creates_the_tls_context_once_in_another_thread(
    making: Making, backend: str
) -> None:
    async def call(client: AsyncImgwireClient) -> None:
        with pytest.raises(APIConnectionError):
            await client.request("GET", "/x")

    async def main() -> None:
        async with AsyncImgwireClient("sk_x", base_url="https://127.0.0.1:1", max_retries=0) as client:
            assert making.threads == []
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(call, client)
            await call(client)

    run(main, backend)

    assert len(making.threads) == 1
    assert making.threads[0] is not threading.current_thread()


async def test_after_a_cancelled_request_the_next_one_creates_the_tls_context() -> None:
    begun, go_on = threading.Event(), threading.Event()
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def make() -> ssl.SSLContext:
        begun.set()
        assert go_on.wait(30)
        return made

    tls = LateTls(make)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tls.context)
        await anyio.to_thread.run_sync(begun.wait)
        tasks.cancel_scope.cancel()
    go_on.set()

    assert await tls.context() is made


_FIRST_CALL = """
import asyncio, sys
from imgwire_async import APIConnectionError, AsyncImgwireClient

async def main():
    async with AsyncImgwireClient("sk_x", base_url="http://127.0.0.1:1", max_retries=0) as client:
        loaded = set(sys.modules)
        try:
            await client.images.retrieve("5f0c9f2e-1d1b-4b35-9a7a-1f2d2c3b4a5d")
        except APIConnectionError:
            print(*sorted(set(sys.modules) - loaded))

asyncio.run(main())
"""


def test_a_first_call_imports_no_module_on_the_event_loop() -> None:
    done = subprocess.run([sys.executable, "-c", _FIRST_CALL], check=True, capture_output=True, text=True)

    assert done.stdout.split() == []
