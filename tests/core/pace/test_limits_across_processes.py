"""Configured limits that all processes of a user on one machine share."""

from __future__ import annotations

import fcntl
import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from imgwire_async.core.pace import across_processes
from imgwire_async.core.pace.across_processes import SharedInstants, shared_instants
from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.pace.limits import RateLimit, Scope, TokenBucket
from imgwire_async.core.pace.permits import LimitedTooLongError
from tests.core.virtual_time import VirtualTime

SENDER = """
import sys, tempfile, time
import anyio
tempfile.tempdir = sys.argv[1]
from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.pace.limits import RateLimit, Scope

async def main():
    gate = Gate(100, rate_limits={"read": RateLimit(20.0)}, scope=Scope("key", on_this_machine=True))
    for _ in range(10):
        async with gate.admit("read"):
            print(time.monotonic())

print("ready", flush=True)
sys.stdin.readline()
anyio.run(main)
"""


@pytest.fixture
def instants(tmp_path: Path) -> SharedInstants:
    return SharedInstants(tmp_path / "own" / "limits")


def bucket(instants: SharedInstants, rate: float = 10, burst: int = 1) -> TokenBucket:
    """The bucket as another process would open it."""
    return TokenBucket(RateLimit(rate, burst=burst), name="key read", instants=instants)


def test_several_processes_send_no_faster_than_one(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SENDER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    sent = sorted(float(line) for process in processes for line in process.communicate()[0].splitlines())

    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(sent) == 30
    # The 10th request after any other comes no sooner than 10 intervals, less the lateness of the other on a
    # busy machine. With a limit in each process it would come after 3.3.
    gaps = [later - earlier for earlier, later in zip(sent, sent[10:], strict=False)]
    assert min(gaps) > 5.5 / 20


def test_a_limit_outlasts_the_process_that_used_it(instants: SharedInstants) -> None:
    now = time.monotonic()
    first, later = bucket(instants, 60 / 3600, burst=2), bucket(instants, 60 / 3600, burst=2)

    assert first.take(now)
    assert first.take(now)
    assert later.next_token() == pytest.approx(now + 60)
    assert not later.take(now)
    assert later.take(now + 60)


def test_machines_that_share_a_folder_of_temporary_files_have_their_own_instants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own" / "limits"
    here = SharedInstants(path)
    monkeypatch.setattr(across_processes, "_BOOT", tmp_path / "boot_id")
    (tmp_path / "boot_id").write_text("of another machine\n")
    there = SharedInstants(path)
    assert here.change(b"key read", lambda _: 5.0)
    assert there.change(b"key read", lambda instant: 1e9 if instant == -math.inf else None)
    assert (here.get(b"key read"), there.get(b"key read")) == (5.0, 1e9)
    assert SharedInstants(path).get(b"key read") == 1e9


def test_limits_of_other_names_are_kept_apart(instants: SharedInstants) -> None:
    now = time.monotonic()
    other = TokenBucket(RateLimit(10), name="other key read", instants=instants)

    assert bucket(instants).take(now)
    assert other.take(now)
    assert not bucket(instants).take(now)


def test_records_of_a_clock_before_a_restart_do_not_count(instants: SharedInstants) -> None:
    instants.change(b"key read", lambda _: time.monotonic() + 1e6)

    assert bucket(instants).take(time.monotonic())


def test_old_records_make_room_for_new_ones(instants: SharedInstants) -> None:
    names = [str(number).encode() for number in range(3 * across_processes._RECORDS)]
    for number, name in enumerate(names):
        instants.change(name, lambda _, number=number: float(number))  # type: ignore[misc]

    latest = names[-across_processes._RECORDS // 8 :]
    found = [instants.get(name) for name in latest]
    assert sum(instant > 0 for instant in found) > 0.9 * len(latest)


def test_threads_take_no_token_twice(instants: SharedInstants) -> None:
    shared, now = bucket(instants), time.monotonic()

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: shared.take(now), range(64)))

    assert taken.count(True) == 1


def test_a_process_that_was_stopped_with_the_lock_blocks_no_other(
    instants: SharedInstants, tmp_path: Path
) -> None:
    path = tmp_path / "own" / "limits"
    code = f"import fcntl,sys; f = open({str(path)!r}, 'r+b'); fcntl.lockf(f, 2); print(flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        with path.open("r+b") as file, pytest.raises(BlockingIOError):
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

        assert bucket(instants).take(time.monotonic())
    finally:
        holder.communicate("\n")


@pytest.mark.parametrize("kind", ["file", "link", "writable by all"])
def test_a_folder_of_another_user_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder = tmp_path / f"imgwire-async-{os.getuid()}"
    if kind == "file":
        folder.write_bytes(b"")
    elif kind == "link":
        folder.symlink_to(tmp_path)
    else:
        folder.mkdir()
        folder.chmod(0o777)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(across_processes, "_opened", [])

    assert shared_instants() is None
    assert shared_instants() is None
    # Then a process applies the limit to its own requests only.
    alone = TokenBucket(RateLimit(10), name="key read", instants=None)
    now = time.monotonic()
    assert (alone.take(now), alone.take(now)) == (True, False)


def test_on_a_failing_disk_the_limit_applies_per_process(
    instants: SharedInstants, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", fail)
    monkeypatch.setattr(os, "pread", fail)
    one, now = bucket(instants), time.monotonic()

    assert (one.take(now), one.take(now)) == (True, False)


def test_the_lateness_of_a_timer_is_made_up_for() -> None:
    one = TokenBucket(RateLimit(10))
    assert one.take(1.0)
    assert one.take(1.102)
    assert one.next_token() == pytest.approx(1.2)
    assert one.take(1.25)
    assert one.next_token() == pytest.approx(1.33)
    assert one.take(1.5)  # by a caller that did not wait for it
    assert one.next_token() == pytest.approx(1.6)


def test_a_request_counts_the_queues_of_all_clients_of_its_limit() -> None:
    time, limits = VirtualTime(), {"read": RateLimit(60 / 3600)}
    gates = [Gate(100, rate_limits=limits, time=time, scope=Scope("one key")) for _ in range(2)]
    refused: list[float] = []
    sent: list[float] = []

    async def send(gate: Gate) -> None:
        try:
            async with gate.admit("read", longest_wait=600):
                sent.append(time.monotonic())
        except LimitedTooLongError as error:
            refused.append(error.closed_for)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for number in range(30):
                tasks.start_soon(send, gates[number % 2])

    time.run(main)

    assert len(sent) == 11
    assert max(sent) == pytest.approx(600)
    assert len(refused) == 19


def test_no_request_exceeds_its_wait_because_others_take_its_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    time = VirtualTime()
    gate = Gate(100, rate_limits={"read": RateLimit(0.1)}, time=time)
    monkeypatch.setattr(TokenBucket, "next_token", lambda _: 10.0 * (time.now // 10.0 + 1))

    async def main() -> None:
        with pytest.raises(LimitedTooLongError):
            async with gate.admit("read", longest_wait=100):
                pass
        assert time.now == pytest.approx(100)

    time.run(main)
