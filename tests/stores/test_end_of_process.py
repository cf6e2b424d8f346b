"""The threads of obstore at the end of the process."""

from __future__ import annotations

import _thread
import subprocess
import sys
import threading

from imgwire_async.stores.calling import let_threads_finish
from tests.stores.s3_server import S3Server

PROGRAM = """
import asyncio, sys
from imgwire_async.stores.listing import slices
from imgwire_async.stores.opening import open_store
from imgwire_async.stores.uris import ObjectUri

async def main():
    print(sum([len(part) async for part in slices(open_store(ObjectUri.of(sys.argv[1])))]))

asyncio.run(main())
"""


def test_a_program_that_ends_right_after_reading_from_a_store_exits_cleanly(s3: S3Server) -> None:
    s3.objects |= {f"{number:05}.jpg": b"x" for number in range(1500)}

    done = subprocess.run([sys.executable, "-c", PROGRAM, s3.uri()], capture_output=True, text=True)

    assert (done.returncode, done.stdout, done.stderr) == (0, "1500\n", "")


def test_the_end_of_the_process_waits_for_a_foreign_thread_that_runs_python_code() -> None:
    begun, leave = threading.Event(), threading.Event()
    ended: list[bool] = []

    def call_into_python() -> None:
        begun.set()
        leave.wait(0.1)
        ended.append(True)

    _thread.start_new_thread(call_into_python, ())  # the threading module does not know this thread
    begun.wait()
    let_threads_finish()

    assert ended == [True]
