"""Fixtures for slow sources."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from imgwire_async.bodies import base
from imgwire_async.core.concurrency import threads
from tests.bodies.slow import Slow
from tests.hangs import HANGS


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.goes_on.set()


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "CLOSING_SECONDS", 0.05)
    for module in (base, threads):
        monkeypatch.setattr(module, "LONGEST_WAIT", 10 * HANGS)  # whatever waits that long fails
