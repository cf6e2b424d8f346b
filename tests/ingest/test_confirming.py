"""Items given as URLs count as stored only after the service has fetched them."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgwire_async import AsyncImgwireClient, Failed, ImageQuarantinedError, Stored
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.ingest.support import counts, ingest, small_image


class Host:
    """A host of images, some of which are missing."""

    def __init__(self) -> None:
        self.missing: set[str] = set()
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.strip("/").removesuffix(".png")
                found = name not in host.missing
                content = small_image(int(name)) if found else b"gone"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "image/png")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def urls(self, count: int) -> list[str]:
        return [f"http://127.0.0.1:{self.server.server_port}/{number}.png" for number in range(count)]


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    host.thread.start()
    yield host
    host.server.shutdown()
    host.thread.join()
    host.server.server_close()


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_url_that_answers_404_is_a_failure_until_it_answers(
    client: AsyncImgwireClient, host: Host, tmp_path: Path, processes: int
) -> None:
    host.missing = {"1", "3"}
    arguments = {"journal": tmp_path / "j", "processes": processes}
    outcomes, report = await ingest(client, host.urls(5), **arguments)
    assert counts(report) == (3, 0, 0, 2)
    assert all(one.image.status == "READY" for one in outcomes if isinstance(one, Stored))
    for one in outcomes:
        if isinstance(one, Failed):
            assert isinstance(one.error, ImageQuarantinedError)
            assert "could not be fetched" in str(one.error)
            assert "got its bytes" not in str(one.error)
    _, report = await ingest(client, host.urls(5), **arguments)
    assert counts(report) == (0, 3, 0, 2)
    host.missing = set()
    _, report = await ingest(client, host.urls(5), **arguments)
    assert counts(report) == (2, 3, 0, 0)
    _, report = await ingest(client, host.urls(5), **arguments)
    assert counts(report) == (0, 5, 0, 0)


async def test_many_urls_are_confirmed_with_few_requests_while_others_are_sent(
    sandbox: Sandbox, host: Host
) -> None:
    host.missing = {"7", "77"}
    # In real time, because virtual time between two polls passes immediately.
    async with AsyncImgwireClient(api_key=sandbox.server_key, base_url=sandbox.base_url) as client:
        _, report = await ingest(client, host.urls(150), concurrency=16)
    assert counts(report) == (148, 0, 0, 2)
    reads = len(sandbox.requests.of("images.list")) + len(sandbox.requests.of("images.retrieve"))
    assert reads < 150


async def test_a_failed_round_is_repeated(sandbox: Sandbox, host: Host) -> None:
    sandbox.faults.times(2, "images.list", status=503)
    sandbox.faults.times(2, "images.retrieve", status=503)
    async with client_of(sandbox) as client:
        _, report = await ingest(client, host.urls(40), concurrency=4)
    assert counts(report) == (40, 0, 0, 0)


async def test_waiting_items_occupy_no_slot(host: Host) -> None:
    with Sandbox(processing_delay=2.0) as slow:
        async with AsyncImgwireClient(api_key=slow.server_key, base_url=slow.base_url) as client:
            _, report = await ingest(client, host.urls(20), concurrency=1)
    assert counts(report) == (20, 0, 0, 0)
    assert report.seconds < 25  # one after another they would take 40 s


async def test_without_wait_a_single_url_is_only_accepted(client: AsyncImgwireClient, host: Host) -> None:
    host.missing = {"0"}
    (url,) = host.urls(1)
    accepted = await client.images.upload_via_url(url)
    assert accepted.status != "READY"
    with pytest.raises(ImageQuarantinedError, match="source could not be fetched"):
        await client.images.wait_until_ready(accepted.id)
