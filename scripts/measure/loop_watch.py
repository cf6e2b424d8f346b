"""Finds the callbacks that block an asyncio event loop, and the time for which they are responsible.

The time that a callback takes on the clock is split in three:

- processor: it computes. Garbage collection, which visits all objects of the program, is shown separately.
- core: it could run, but the operating system has given the core to others (`/proc/thread-self/schedstat`).
- blocked: it waits for a lock, for another thread that holds the interpreter, or for a blocking system call.

Processor and blocked time are the program's own; time without a core is not. Linux only.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
import traceback
from asyncio import events
from dataclasses import asdict, dataclass, field
from traceback import StackSummary
from typing import Any, Final

WORTH_A_LOOK: Final = 0.05
"""Maximum own time of a callback in seconds."""
_SAMPLE_AFTER: Final = 0.03
_SAMPLE_EVERY: Final = 0.01
_KEPT: Final = 5
_FRAMES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """One callback; all times in seconds."""

    what: str
    own: float
    """Time for which the program is responsible: `processor` and `blocked`."""
    wall: float
    processor: float
    collecting: float
    """Garbage collection, part of `processor`."""
    blocked: float
    core: float
    """Seconds for which there was no core for it."""
    stack: StackSummary
    """The stack of the loop after 30 ms; empty unless it was sampled."""

    def to_dict(self) -> dict[str, Any]:
        """The stall as JSON."""
        return asdict(self) | {"stack": "".join(self.stack.format())}


@dataclass(slots=True)
class LoopWatch:
    """Times every callback of the loops of this thread after `install`."""

    callbacks: int = 0
    over: int = 0
    """Callbacks that took more than `WORTH_A_LOOK` of their own."""
    over_by_collecting: int = 0
    """Those of them that would have been shorter without garbage collection."""
    over_on_the_clock: int = 0
    """Callbacks that took more than that including the time without a core."""
    worst: list[Stall] = field(default_factory=list)
    """Those with the longest own time."""
    longest_without_core: float = 0.0
    collections: list[int] = field(default_factory=lambda: [0, 0, 0])
    """Garbage collections of each generation."""
    longest_collection: float = 0.0
    """Processor seconds of the longest one."""
    _began: float | None = None
    _collecting: float = 0.0
    _collection_began: float = 0.0
    _sample: StackSummary = field(default_factory=StackSummary)

    def install(self) -> None:
        """Begin, in the thread of the loop. It must be asyncio's own loop, not uvloop's."""
        thread = threading.get_ident()
        schedstat = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        run = getattr(events.Handle, "_run")  # noqa: B009 - the one place where all callbacks come by

        def timed(handle: events.Handle) -> None:
            if threading.get_ident() != thread:
                run(handle)
                return
            self._collecting, self._sample = 0.0, StackSummary()
            core, processor = _without_core(schedstat), time.thread_time()
            self._began = began = time.perf_counter()
            try:
                run(handle)
            finally:
                self._began = None
                wall = time.perf_counter() - began
                self.callbacks += 1
                if wall > 0.001:
                    self._note(
                        handle,
                        wall=wall,
                        processor=time.thread_time() - processor,
                        core=_without_core(schedstat) - core,
                    )

        setattr(events.Handle, "_run", timed)  # noqa: B010 - the type stubs do not know it
        gc.callbacks.append(self._collected)
        threading.Thread(target=self._take_samples, args=(thread,), daemon=True).start()

    def reset(self) -> None:
        """Discard the measurements."""
        self.callbacks = self.over = self.over_by_collecting = self.over_on_the_clock = 0
        self.longest_without_core = self.longest_collection = 0.0
        self.collections = [0, 0, 0]
        self.worst.clear()

    def report(self) -> dict[str, Any]:
        """The measurements, as JSON."""
        return {
            "callbacks": self.callbacks,
            "over": self.over,
            "over_by_collecting": self.over_by_collecting,
            "over_on_the_clock": self.over_on_the_clock,
            "longest_without_core": self.longest_without_core,
            "collections": self.collections,
            "longest_collection": self.longest_collection,
            "worst": [one.to_dict() for one in self.worst],
        }

    def _note(self, handle: events.Handle, *, wall: float, processor: float, core: float) -> None:
        blocked = max(0.0, wall - processor - core)
        own = processor + blocked
        self.over += own > WORTH_A_LOOK
        self.over_by_collecting += own > WORTH_A_LOOK >= own - self._collecting
        self.over_on_the_clock += wall > WORTH_A_LOOK
        self.longest_without_core = max(self.longest_without_core, core)
        if len(self.worst) == _KEPT and own <= self.worst[-1].own:
            return
        stall = Stall(
            what=_described(handle),
            own=own,
            wall=wall,
            processor=processor,
            collecting=self._collecting,
            blocked=blocked,
            core=core,
            stack=self._sample,
        )
        self.worst = sorted([*self.worst, stall], key=lambda one: one.own, reverse=True)[:_KEPT]

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._collection_began = time.thread_time()
            return
        took = time.thread_time() - self._collection_began
        self._collecting += took
        self.collections[info["generation"]] += 1
        self.longest_collection = max(self.longest_collection, took)

    def _take_samples(self, thread: int) -> None:
        while True:
            time.sleep(_SAMPLE_EVERY)
            began = self._began
            if began is not None and not self._sample and time.perf_counter() - began > _SAMPLE_AFTER:
                frame = sys._current_frames().get(thread)  # noqa: SLF001 - the documented way
                # Reading the lines of code may take longer than the callback, so that is left for later.
                stack = StackSummary.extract(traceback.walk_stack(frame), limit=_FRAMES, lookup_lines=False)
                stack.reverse()
                self._sample = stack


def _without_core(schedstat: int) -> float:
    """Seconds for which this thread has waited for a core so far."""
    return int(os.pread(schedstat, 64, 0).split()[1]) / 1e9


def _described(handle: events.Handle) -> str:
    callback = getattr(handle, "_callback", None)  # has no public name
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return f"step of {getattr(owner.get_coro(), '__qualname__', owner)}"
    return f"{callback!r:.120}"
