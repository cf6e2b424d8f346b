"""The watch that reports blocked event loops and the code that blocks them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.measures_time

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts" / "measure"

PROGRAM = """
import asyncio, gc, json, time
from loop_watch import LoopWatch

async def computes():
    end = time.thread_time() + 0.3
    while time.thread_time() < end:
        pass

async def blocks():
    time.sleep(0.12)

async def collects():
    held = [[] for _ in range(2_000_000)]
    gc.collect()

async def waits():
    await asyncio.sleep(0.12)

async def main():
    watch = LoopWatch()
    watch.install()
    await asyncio.sleep(0)
    await asyncio.create_task({case}())
    print(json.dumps(watch.report()))

asyncio.run(main())
"""


def report(case: str) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("{case}", case)],
        cwd=SCRIPTS,
        capture_output=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize(("case", "part"), [("computes", "processor"), ("blocks", "blocked")])
def test_a_callback_that_takes_long_is_named_with_its_stack(case: str, part: str) -> None:
    found = report(case)

    worst = found["worst"][0]
    assert (found["over"], found["over_by_collecting"]) == (1, 0)
    assert worst["what"] == f"step of {case}"
    assert 0.1 < worst[part] <= worst["own"] <= worst["wall"] < 60
    assert f"in {case}" in worst["stack"]


def test_garbage_collection_is_distinguished() -> None:
    (worst, *_) = report("collects")["worst"]

    assert 0.02 < worst["collecting"] <= worst["processor"]


def test_waiting_without_blocking_the_loop_is_not_a_stall() -> None:
    assert report("waits")["over"] == 0
