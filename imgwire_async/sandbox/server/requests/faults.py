"""Scripted failures: which operation fails, how, and how often."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypedDict, Unpack

from imgwire_async.sandbox.server.operations import EVERY_OPERATION, Operations


class FaultKind(TypedDict, total=False):
    """The fields of `Fault` as keyword arguments."""

    status: int | None
    body: str | bytes | None
    headers: Mapping[str, str] | None
    retry_after: float | str | None
    reset: Literal["before", "after"] | None
    stall: float
    truncate: bool
    slow: float | None
    disconnect_after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to fail. Fields combine: `stall=1, status=503` responds with 503 after a second.

    Raises:
        ValueError: the fault does nothing, or a value is out of range.
    """

    status: int | None = None
    """Respond with this status instead of acting."""
    body: str | bytes | None = None
    """Body for `status`; the default is a JSON error, or XML from the store."""
    headers: Mapping[str, str] | None = None
    """Additional headers for `status`."""
    retry_after: float | str | None = None
    """`Retry-After` for `status`: seconds, or an HTTP date as text."""
    reset: Literal["before", "after"] | None = None
    """Kill the connection with a TCP RST, `before` acting or `after` acting but without a response."""
    stall: float = 0.0
    """Seconds to wait before anything else happens."""
    truncate: bool = False
    """Act, announce the whole response, send half of its body and close the connection."""
    slow: float | None = None
    """Bytes per second at which bodies are received and sent."""
    disconnect_after: int | None = None
    """Read this many bytes of the request body, then respond with `status` or, without one, reset."""

    def __post_init__(self) -> None:
        kinds = (self.status, self.reset, self.slow, self.disconnect_after)
        if kinds == (None, None, None, None) and not self.stall and not self.truncate:
            raise ValueError(
                "a fault needs at least one of status, reset, stall, truncate, slow, disconnect_after"
            )
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError(f"status must be from 200 to 599, got {self.status}")
        if self.status is None and (self.body, self.headers, self.retry_after) != (None, None, None):
            raise ValueError("body, headers and retry_after need a status")
        if self.reset not in {None, "before", "after"}:
            raise ValueError(f"reset must be 'before' or 'after', got {self.reset!r}")
        if not self.stall >= 0:
            raise ValueError(f"stall must be a number of seconds from 0, got {self.stall}")
        if self.slow is not None and not self.slow > 0:
            raise ValueError(f"slow must be a positive number of bytes per second, got {self.slow}")
        if self.disconnect_after is not None and self.disconnect_after < 0:
            raise ValueError(
                f"disconnect_after must be a number of bytes from 0, got {self.disconnect_after}"
            )


@dataclass(slots=True)
class _Script:
    operation: str
    faults: tuple[Fault, ...]
    remaining: int | None
    """None: every time."""
    probability: float = 1.0
    source: random.Random = field(default_factory=random.Random)
    used: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class UnusedFault:
    """A scripted fault that did not happen as often as it was scripted."""

    operation: str
    fault: Fault
    remaining: int | None
    """How many times are left, or None for an unlimited fault that never happened."""


@dataclass(frozen=True, slots=True)
class ScriptedFault:
    """A scripted fault."""

    number: int
    """Identifies the script, for `FaultScript.remove`."""
    operation: str
    """The operation, or `*` for all."""
    faults: tuple[Fault, ...]
    """One of these occurs."""
    remaining: int | None
    """How many more times it will occur, or None for every time."""
    probability: float
    """Share of the requests that fail, from 0 to 1."""
    used: int
    """How often it has occurred."""


class FaultScript:
    """The faults of one sandbox; may be scripted from any thread.

    Faults of the operation take precedence over those of `*`; among each, the first added comes first. A
    request has at most one fault.

    Args:
        operations: Those that may fail.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._scripts: list[_Script] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def once(self, operation: str, **kind: Unpack[FaultKind]) -> None:
        """Fail the next request of `operation` (`*`: of any) with a `Fault` with these fields."""
        self.times(1, operation, **kind)

    def times(self, count: int, operation: str, **kind: Unpack[FaultKind]) -> None:
        """Fail the next `count` requests of `operation`."""
        if count < 1:
            raise ValueError(f"count must be at least 1, got {count}")
        self._add(_Script(self._operations.check_name(operation), (Fault(**kind),), count))

    def always(self, operation: str, **kind: Unpack[FaultKind]) -> None:
        """Fail every request of `operation` until `clear`."""
        self._add(_Script(self._operations.check_name(operation), (Fault(**kind),), None))

    def random(
        self, probability: float, seed: int, faults: Sequence[Fault], operation: str = EVERY_OPERATION
    ) -> None:
        """Fail requests with a probability from 0 to 1, each with one of `faults`; equal seeds repeat."""
        if not 0 <= probability <= 1:
            raise ValueError(f"probability must be from 0 to 1, got {probability}")
        if not faults:
            raise ValueError("faults must name at least one fault")
        source = random.Random(seed)  # noqa: S311 - failures must repeat, not be unpredictable
        self._add(_Script(self._operations.check_name(operation), tuple(faults), None, probability, source))

    def unused(self) -> list[UnusedFault]:
        """Scripted faults that have not happened yet. A test can assert that this is `[]` at its end.

        Random faults need not occur.
        """
        with self._lock:
            return [
                UnusedFault(script.operation, fault, script.remaining)
                for script in self._scripts
                if script.probability == 1 and (script.used == 0 or script.remaining)
                for fault in script.faults
            ]

    def scripted(self) -> list[ScriptedFault]:
        """All scripts, in the order in which they were added."""
        with self._lock:
            return [
                ScriptedFault(
                    script.number,
                    script.operation,
                    script.faults,
                    script.remaining,
                    script.probability,
                    script.used,
                )
                for script in self._scripts
            ]

    def remove(self, number: int) -> bool:
        """Remove the scripted fault with this number. Returns False if there is none."""
        with self._lock:
            kept = [script for script in self._scripts if script.number != number]
            removed = len(kept) < len(self._scripts)
            self._scripts = kept
        return removed

    def clear(self) -> None:
        """Forget all scripts."""
        with self._lock:
            self._scripts.clear()

    def take(self, operation: str | None) -> Fault | None:
        """The fault for the next request of `operation`, counted as used."""
        if not self._scripts:
            return None
        with self._lock:
            for name in (operation, EVERY_OPERATION):
                for script in self._scripts:
                    if script.operation == name and script.remaining != 0:
                        if script.probability < 1 and script.source.random() >= script.probability:
                            continue
                        script.used += 1
                        if script.remaining is not None:
                            script.remaining -= 1
                        return script.source.choice(script.faults)
        return None

    def _add(self, script: _Script) -> None:
        with self._lock:
            script.number = next(self._numbers)
            self._scripts.append(script)
