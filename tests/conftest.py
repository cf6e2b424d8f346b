"""A sandbox for the whole run, cleared after every test, and a client that does not wait between retries."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import sys
import warnings
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import suppress
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import typer.testing

from imgwire_async import AsyncImgwireClient
from imgwire_async.sandbox import Sandbox
from tests.browsers import CHROMIUM
from tests.clients import client_of

SETTINGS_OF_THE_TESTS = {"IMGWIRE_KILL_ROUNDS"}
OF_TERMINALS = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}
for name in set(os.environ) - SETTINGS_OF_THE_TESTS:
    # Before anything reads the environment: tests and their child processes see only what a test sets.
    if name.startswith("IMGWIRE_") or name.upper() in OF_TERMINALS | PROXIES:
        del os.environ[name]

# They do not see the keys that `imgwire-async login` has stored for the user, either.
os.environ["IMGWIRE_CONFIG_FILE"] = os.devnull

# Nor journals in the user's home, which earlier runs with the same port may have left.
os.environ["XDG_STATE_HOME"] = os.devnull

# Processes in the background of a shell ignore Ctrl-C, and so would their children.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run, however busy the machine is; `scripts/test --fuzz` looks for new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
hypothesis.settings.register_profile("fuzz", database=None, deadline=None, print_blob=True)
hypothesis.settings.load_profile("repeatable")

# Builds all commands, which takes 70 ms, although a test runs only one of them.
typer.testing._get_command = cache(typer.testing._get_command)  # type: ignore[attr-defined]

if sys.version_info < (3, 13):

    class WatchedConnection(sqlite3.Connection):
        """Warns of an unclosed connection, as Python itself does since 3.13."""

        def __del__(self) -> None:
            with suppress(sqlite3.ProgrammingError):  # it is closed, or was never opened
                if self.total_changes >= 0:
                    warnings.warn(
                        f"unclosed database in {self!r}", ResourceWarning, stacklevel=2, source=self
                    )

    sqlite3.connect = partial(sqlite3.connect, factory=WatchedConnection)  # type: ignore[assignment]

BROWSER_TESTS = [
    "ingest/results/test_page_in_browser.py",
    "integrations/test_browser.py",
    "migrate/test_pages_in_browser.py",
]
collect_ignore = [] if CHROMIUM else [*BROWSER_TESTS]
if sys.platform != "linux":
    collect_ignore.append("test_loop_watch.py")  # reads /proc


LONG_FILES = [
    "test_docs.py",
    "test_environment.py",
    "sandbox/imgix/test_schemathesis.py",
    "sandbox/imgwire/test_schemathesis.py",
    "cli/test_terminals.py",
    "testing/test_plugin.py",
    "cli/local/test_background_sandbox.py",
    "core/pace/test_local_limits.py",
    "stores/test_killed_writers.py",
    "ingest/runners/test_processes.py",
    "cli/test_standard_streams.py",
    "test_first_use.py",
    "ingest/test_kill_with_a_bucket.py",
    "sandbox/server/pages/test_pages_in_browser.py",
    "ingest/test_kill.py",
    "core/pace/test_throttled.py",
    "test_demo_migrate.py",
]
"""Slow files, which run first: a slow file at the end would leave all other workers idle."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect with the garbage collector disabled; it would only traverse the growing list of tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slow files first."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_report_header() -> str | None:
    """Report which tests are skipped and why."""
    return None if CHROMIUM else f"no Chromium or Chrome found: {', '.join(BROWSER_TESTS)} will not run"


@pytest.fixture(scope="module", autouse=True)
def _collections_of_new_objects_only() -> None:
    """Freeze existing objects, so that `gc.collect()` in tests does not traverse them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield shared_sandbox
    shared_sandbox.reset()


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncImgwireClient]:
    async with client_of(sandbox) as client:
        yield client


@pytest.fixture
def photo() -> Path:
    return Path(str(files("skimage") / "data" / "rocket.jpg"))


OF_RAY = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # everything stays on loopback
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """A Ray cluster of two nodes at `RAY_ADDRESS`, for tests with the mark `cluster`."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in OF_RAY.items():
            patched.setenv(name, value)
        from ray.cluster_utils import Cluster

        made: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        try:
            made.add_node(num_cpus=2, resources={"far": 2})
            made.wait_for_nodes()
            patched.setenv("RAY_ADDRESS", made.address)
            yield made
        finally:
            made.shutdown()
