"""A job's own work never blocks the event loop."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest

from imgwire_async.cli.jobs.bulk_job import imports_frozen
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import Row, State

ITEMS = 10_000
RESUMED = """
import asyncio, gc, json, sys
from loop_watch import LoopWatch
from imgwire_async import AsyncImgwireClient

async def main():
    watch, count = LoopWatch(), 0
    watch.install()
    async with AsyncImgwireClient("sk_test", base_url="http://127.0.0.1:9") as imgwire:
        async with imgwire.ingest("urls.jsonl", journal="j") as job:
            async for outcome in job:
                count += 1
            assert (count, job.report.already_stored) == (count, count), job.report
    print(json.dumps(watch.report() | {"count": count}))

gc.freeze()  # what was imported; a collection that goes through all of it takes 40 ms
asyncio.run(main())
"""


@pytest.mark.measures_time
def test_skipping_stored_items_does_not_block_the_loop(tmp_path: Path) -> None:
    urls = [f"https://assets.example.com/{number}.jpg" for number in range(ITEMS)]
    (tmp_path / "urls.jsonl").write_text("".join(json.dumps({"url": url}) + "\n" for url in urls))
    with Journal(tmp_path / "j") as journal:
        journal.write([Row(url, url, State.STORED, 0, image_id="i", cdn_url="c") for url in urls])

    scripts = Path(__file__).parents[2] / "scripts" / "measure"
    path = "import sys; sys.path.insert(0, sys.argv[1])\n"
    command = [sys.executable, "-c", path + RESUMED, str(scripts)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["count"] == ITEMS
    assert report["over"] == 0, report["worst"]


def test_the_command_excludes_imports_from_garbage_collection() -> None:
    gc.unfreeze()
    with imports_frozen():
        assert gc.get_freeze_count() > 1000
    assert gc.get_freeze_count() == 0
