"""The first use of a client in an event loop does not import slow modules on the loop's thread."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys, threading
import anyio
from imgwire_async import AsyncImgwireClient, ConfigurationError, ImgwireError
from imgwire_async.imgix import AsyncImgixClient

threads = {{}}

class Finder:
    def find_spec(self, name, path=None, target=None):
        on_the_loop = threading.current_thread() is threading.main_thread()
        threads.setdefault(name, []).append(on_the_loop)
        return None

async def main():
    sys.meta_path.insert(0, Finder())
    {call}

anyio.run(main, backend={backend!r})
print(json.dumps({{name: any(threads[name]) for name in {names!r} if name in threads}}))
"""

ENTERED = """
    async with AsyncImgwireClient("sk_test", base_url="http://127.0.0.1:9", max_retries=0):
        pass
"""
CALLED = """
    imgwire = AsyncImgwireClient("sk_test", base_url="http://127.0.0.1:9", max_retries=0)
    try:
        await imgwire.images.list()
    except ImgwireError:
        pass
    await imgwire.aclose()
"""
IMGIX = """
    async with AsyncImgixClient("sk_test", base_url="http://127.0.0.1:9", max_retries=0):
        pass
"""
OWN_HTTP_CLIENT = """
    import httpx
    async with httpx.AsyncClient() as http_client:
        imgwire = AsyncImgwireClient(
            "sk_test", base_url="http://127.0.0.1:9", max_retries=0, http_client=http_client
        )
        try:
            await imgwire.images.list()
        except ImgwireError:
            pass
"""
NEVER_USED = """
    await AsyncImgwireClient("sk_test").aclose()
"""


INGEST = """
    async with AsyncImgwireClient("sk_test", base_url="http://127.0.0.1:9", max_retries=0) as imgwire:
        async with imgwire.ingest([]) as job:
            assert [outcome async for outcome in job] == []
            assert job.report.stored == job.progress.found == 0
"""
EXPORT = """
    async with AsyncImgwireClient("sk_test", base_url="http://127.0.0.1:9", max_retries=0) as imgwire:
        async with imgwire.export("unused", dry_run=True) as job:
            pass
"""
MIGRATE = """
    imgwire = AsyncImgwireClient("sk_test", base_url="http://127.0.0.1:9", max_retries=0)
    imgix = AsyncImgixClient("sk_test", base_url="http://127.0.0.1:9", max_retries=0)
    async with imgwire, imgix:
        from imgwire_async.migrate import migrate_from_imgix
        async with migrate_from_imgix(imgix, imgwire) as job:
            assert job.report.skipped_types == {}
"""
LIBRARIES = ("aiohttp", "yarl", "multidict", "httpx")
PARTS = tuple(
    f"imgwire_async.ingest.{name}"
    for name in (
        "parts",
        "coordination.coordinator",
        "journal.database",
        "results.report",
        "runners.pool",
        "shards.shard",
        "sources.entries",
    )
)


def on_the_loop(call: str, backend: str = "asyncio", names: tuple[str, ...] = LIBRARIES) -> dict[str, bool]:
    program = PROGRAM.format(call=call, backend=backend, names=names)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found: dict[str, bool] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("call", "backend"),
    [(ENTERED, "asyncio"), (CALLED, "asyncio"), (IMGIX, "trio")],
    ids=["entered", "called", "imgix on trio"],
)
def test_the_libraries_are_loaded_in_a_thread(call: str, backend: str) -> None:
    assert on_the_loop(call, backend) == dict.fromkeys(LIBRARIES, False)


@pytest.mark.parametrize(
    ("call", "backend"),
    [(INGEST, "asyncio"), (INGEST, "trio"), (EXPORT, "asyncio"), (MIGRATE, "asyncio")],
    ids=["ingest", "ingest on trio", "export", "migration"],
)
def test_the_parts_of_a_job_are_loaded_in_a_thread(call: str, backend: str) -> None:
    assert on_the_loop(call, backend, names=PARTS) == dict.fromkeys(PARTS, False)


def test_a_client_with_its_own_http_client_does_not_load_the_other_library() -> None:
    found = on_the_loop(OWN_HTTP_CLIENT, names=("aiohttp", "yarl", "imgwire_async.core.http.httpx_transport"))

    assert found.keys() == {"imgwire_async.core.http.httpx_transport"}


def test_a_client_that_is_never_used_loads_no_http_library() -> None:
    assert on_the_loop(NEVER_USED) == {}
