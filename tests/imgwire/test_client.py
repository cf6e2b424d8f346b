"""The client: configuration, lifetime, event loops."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import pickle
import threading
import warnings
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import anyio.lowlevel
import httpx
import pytest

from imgwire_async import AsyncImgwireClient, ConfigurationError, ImgwireError, RateClass, RateLimit, Timeouts
from imgwire_async.core.clients.client import core_of
from imgwire_async.core.http.connections import _tls_context
from imgwire_async.core.http.urls import checked_base_url
from imgwire_async.imgix import AsyncImgixClient
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.raw_servers import OK, always, raw_server

HEADER = "X-Environment-Id"
ENVIRONMENT = "5b9c8f57-5b0c-4b53-9c38-3f4b1f2f7a11"


@pytest.fixture(autouse=True)
def no_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMGWIRE_API_KEY", "IMGWIRE_API_BASE_URL", "IMGWIRE_ENVIRONMENT_ID"):
        monkeypatch.delenv(name, raising=False)


# Configuration


async def test_everything_can_come_from_the_environment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("IMGWIRE_ENVIRONMENT_ID", sandbox.environment_id)

    async with AsyncImgwireClient() as client:
        await client.images.list()

    assert sandbox.requests[0].headers["x-environment-id"] == sandbox.environment_id


async def test_arguments_take_precedence_over_the_environment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGWIRE_API_KEY", "sk_other")
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", "https://elsewhere.invalid")
    monkeypatch.setenv("IMGWIRE_ENVIRONMENT_ID", ENVIRONMENT)

    async with AsyncImgwireClient(
        sandbox.server_key, base_url=sandbox.base_url, environment_id=sandbox.environment_id
    ) as client:
        await client.images.list()


HOSTILE = {
    "IMGWIRE_API_KEY": "sk_other",
    "IMGWIRE_API_BASE_URL": "https://elsewhere.invalid",
    "IMGWIRE_ENVIRONMENT_ID": ENVIRONMENT,
    "IMGWIRE_CLIENT_KEY": "ck_other",
}


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("hostile")
class TestVariablesApplyTogetherOrNotAtAll:
    async def test_a_passed_key_and_url_ignore_the_environment(self, sandbox: Sandbox) -> None:
        async with AsyncImgwireClient(sandbox.server_key, base_url=sandbox.base_url) as client:
            await client.images.list()

        assert "x-environment-id" not in sandbox.requests[0].headers

    @pytest.mark.parametrize("key", ["sk_x", lambda: None], ids=["text", "function"])
    def test_a_key_that_was_passed_goes_to_the_public_service(self, key: Any) -> None:
        options = core_of(AsyncImgwireClient(key)).options

        assert (options.base_url, options.headers) == ("https://api.imgwire.dev", {})

    def test_the_key_of_a_variable_is_not_sent_to_a_passed_url(self) -> None:
        with pytest.raises(
            ConfigurationError, match=r"pass api_key= as well, or set IMGWIRE_API_BASE_URL"
        ) as caught:
            AsyncImgwireClient(base_url="https://api.example.com")

        assert "sk_other" not in str(caught.value)

    @pytest.mark.parametrize(
        ("given", "used"),
        [
            (None, {}),
            (str(UUID(int=7)), {HEADER: str(UUID(int=7))}),
            (UUID(int=7), {HEADER: str(UUID(int=7))}),
        ],
    )
    def test_a_passed_environment_id_replaces_only_its_variable(self, given: Any, used: Any) -> None:
        client = AsyncImgwireClient(environment_id=given)

        assert core_of(client).options.headers == used
        assert core_of(client).options.base_url == "https://elsewhere.invalid"

    def test_none_means_not_passed(self) -> None:
        options = core_of(AsyncImgwireClient(None, base_url=None)).options

        assert (options.base_url, options.headers) == ("https://elsewhere.invalid", {HEADER: ENVIRONMENT})


@pytest.mark.parametrize("argument", ["base_url", "environment_id"])
def test_an_empty_string_as_argument_is_rejected(argument: str) -> None:
    arguments: dict[str, Any] = {argument: ""}
    with pytest.raises(ConfigurationError):
        AsyncImgwireClient("sk_x", **arguments)


def test_empty_environment_variables_count_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGWIRE_API_KEY", "sk_x")
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", "")
    monkeypatch.setenv("IMGWIRE_ENVIRONMENT_ID", "")

    assert "https://api.imgwire.dev" in repr(AsyncImgwireClient())
    assert core_of(AsyncImgwireClient()).options.headers == {}


@pytest.mark.parametrize(
    ("make_client", "command"),
    [(AsyncImgwireClient, "imgwire-async sandbox"), (AsyncImgixClient, "imgwire-async sandbox imgix")],
)
def test_without_a_key_the_error_names_the_command_for_a_local_service(
    monkeypatch: pytest.MonkeyPatch, make_client: Callable[[], object], command: str
) -> None:
    monkeypatch.delenv("IMGWIRE_API_KEY", raising=False)
    monkeypatch.delenv("IMGIX_API_KEY", raising=False)

    with pytest.raises(ConfigurationError, match=f"to try without an account, run {command}$"):
        make_client()


@pytest.mark.parametrize("key", [None, "", "sk_a b", "sk_a\n", "sk_é"])
def test_an_invalid_key_is_rejected(key: str | None) -> None:
    with pytest.raises(ConfigurationError, match="API key"):
        AsyncImgwireClient(key)


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": 7},
        {"environment_id": "not a uuid"},
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": float("nan")},
        {"timeout": "10"},
        {"timeout": 10**400},
        {"max_retries": -1},
        {"max_retries": None},
        {"max_retries": 1.5},
        {"max_retries": float("nan")},
        {"max_retry_after": -1},
        {"max_retry_after": float("inf")},
        {"max_retry_after": None},
        {"deadline": 0},
        {"deadline": float("nan")},
        {"deadline": "2"},
        {"concurrency": 0},
        {"concurrency": None},
        {"concurrency": float("nan")},
        {"rate_limits": {"uploads": RateLimit(1)}},
        {"rate_limits": {RateClass.READ: 10}},
        {"rate_limits": 10},
        {"on_retry": "print"},
        {"base_url": 7},
        {"environment_id": 7},
        {"http_client": "httpx"},
    ],
    ids=str,
)
def test_options_out_of_range_are_rejected(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        AsyncImgwireClient(**{"api_key": "sk_x"} | options)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.imgwire.dev",
        "https://api.imgwire.dev/",
        "https://proxy.example.com:8443/imgwire",
        "http://localhost:8000",
        "http://imgwire.localhost",
        "http://127.0.0.1:1",
        "http://127.1.2.3",
        "http://[::1]:8000",
        "HTTPS://api.imgwire.dev",
    ],
)
def test_base_urls_that_keep_the_key_confidential_are_accepted(url: str) -> None:
    assert checked_base_url(url, allow_insecure=False, example="https://api.example.com") == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.imgwire.dev",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://notlocalhost",
    ],
)
def test_plain_http_over_a_network_must_be_allowed(url: str) -> None:
    with pytest.raises(ConfigurationError, match="clear text"):
        checked_base_url(url, allow_insecure=False, example="https://api.example.com")

    assert checked_base_url(url, allow_insecure=True, example="https://api.example.com") == url


@pytest.mark.parametrize(
    "url",
    [
        "api.imgwire.dev",
        "//api.imgwire.dev",
        "ftp://localhost",
        "https://",
        "https:///path",
        " https://api.imgwire.dev",
        "https://api.imgwire.dev ",
        "https://user:secret@api.imgwire.dev",
        "https://user@api.imgwire.dev",
        "https://api.imgwire.dev?x=1",
        "https://api.imgwire.dev#x",
        "https://api.imgwire.dev:port",
        "https://api.imgwire.dev:99999",
        "https://[::1",
        "https://api imgwire.dev",
        "https://api.imgwire.dev/a\nb",
        "https://exa\tmple.com",
        "https://a..example.com",
        f"https://{'a' * 64}.example.com",
        "https://xn--",
        "https://x\ud800.example.com",
        "https://example.com/\ud800",
    ],
)
@pytest.mark.parametrize("allow_insecure", [True, False])
def test_an_invalid_base_url_is_rejected_without_showing_its_password(url: str, allow_insecure: bool) -> None:
    with pytest.raises(ConfigurationError) as caught:
        checked_base_url(url, allow_insecure=allow_insecure, example="https://api.example.com")

    assert "secret" not in str(caught.value)


def test_with_options_changes_a_copy_and_keeps_the_rest() -> None:
    client = AsyncImgwireClient("sk_x", deadline=5, max_retries=1)

    other = client.with_options(deadline=None, environment_id=ENVIRONMENT, timeout=Timeouts(read=3))

    assert core_of(client).options.deadline == 5
    assert core_of(client).options.headers == {}
    assert core_of(other).options.deadline is None
    assert core_of(other).options.retry.max_retries == 1
    assert core_of(other).options.timeouts.read == 3
    assert core_of(other).options.headers == {HEADER: ENVIRONMENT}
    assert core_of(other).shared is core_of(client).shared
    assert core_of(other).credentials is core_of(client).credentials


@pytest.mark.parametrize("options", [{"deadline": -1}, {"environment_id": "x"}, {"max_retries": -1}])
def test_with_options_rejects_what_the_constructor_rejects(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        AsyncImgwireClient("sk_x").with_options(**options)


async def test_statistics_count_attempts_and_retries(sandbox: Sandbox) -> None:
    sandbox.faults.times(2, "images.list", status=503)
    async with client_of(sandbox) as client:
        await client.images.list()
        await client.with_options(deadline=5).images.list()
        stats = client.stats()

    assert (stats.attempts, stats.retries, stats.in_flight, stats.waiting) == (4, 2, 0, 0)


# Lifetime


async def test_closing_twice_is_harmless_and_use_after_that_is_an_error(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    await client.images.list()

    await client.aclose()
    await client.aclose()

    with pytest.raises(ConfigurationError, match="closed"):
        await client.images.list()
    with pytest.raises(ConfigurationError, match="closed"):
        await client.with_options(deadline=1).images.list()


async def test_a_client_of_with_options_does_not_close_the_connections(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        async with client.with_options(deadline=5) as other:
            await other.images.list()

        await client.images.list()


async def test_a_client_that_is_dropped_without_closing_warns(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    await client.images.list()
    engine = core_of(client).shared.engine
    try:
        with pytest.warns(ResourceWarning, match="was not closed"):  # noqa: PT031
            del client
            gc.collect()
    finally:
        await engine.aclose()


async def test_a_client_lives_as_long_as_its_derived_clients(sandbox: Sandbox) -> None:
    derived = client_of(sandbox).with_options(deadline=5)
    await derived.images.list()
    engine = core_of(derived).shared.engine
    gc.collect()

    try:
        with pytest.warns(ResourceWarning, match="was not closed"):  # noqa: PT031
            del derived
            gc.collect()
    finally:
        await engine.aclose()


async def test_a_client_that_was_closed_or_never_used_is_dropped_without_a_warning(sandbox: Sandbox) -> None:
    used = client_of(sandbox)
    await used.images.list()
    await used.aclose()
    unused = client_of(sandbox)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del used, unused
        gc.collect()


async def test_a_custom_http_client_is_used_and_never_closed(sandbox: Sandbox) -> None:
    async with httpx.AsyncClient() as http_client:
        async with client_of(sandbox, http_client=http_client) as client:
            await client.images.list()
        await client.aclose()

        assert not http_client.is_closed

    async with client_of(sandbox, http_client=http_client) as client:
        with pytest.raises(ConfigurationError, match="http_client"):
            await client.images.list()


BACKENDS: dict[str, dict[str, Any]] = {
    "asyncio": {"backend": "asyncio"},
    "uvloop": {"backend": "asyncio", "backend_options": {"use_uvloop": True}},
    "trio": {"backend": "trio"},
}


@pytest.mark.parametrize("second", BACKENDS)
@pytest.mark.parametrize("first", BACKENDS)
def test_a_client_can_be_used_in_a_second_event_loop_after_the_first(
    sandbox: Sandbox, photo: Path, first: str, second: str
) -> None:
    client = client_of(sandbox)

    async def use() -> None:
        await client.images.upload(photo)
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(one_page, client)

    async def use_and_close() -> None:
        await use()
        await client.aclose()

    anyio.run(use, **BACKENDS[first])
    anyio.run(use_and_close, **BACKENDS[second])
    gc.collect()

    assert len(sandbox.requests.of("store.put")) == 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_certificates_that_cannot_be_read_are_reported(
    backend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    _tls_context.cache_clear()

    async def use() -> None:
        async with AsyncImgwireClient("sk_x", base_url="https://localhost:1") as client:
            await client.images.list()

    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        anyio.run(use, **BACKENDS[backend])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_client_can_be_closed_in_another_event_loop_than_it_was_used_in(
    sandbox: Sandbox, backend: str
) -> None:
    client = client_of(sandbox)

    async def use() -> None:
        await client.images.list()

    anyio.run(use, **BACKENDS[backend])
    asyncio.run(client.aclose())
    gc.collect()


def in_another_thread(coroutine: Coroutine[Any, Any, Any]) -> BaseException | None:
    raised: list[BaseException] = []

    def work() -> None:
        try:
            asyncio.run(coroutine)
        except ImgwireError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return raised[0] if raised else None


async def test_two_running_event_loops_are_rejected_with_advice(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        await client.images.list()

        used = await asyncio.to_thread(in_another_thread, one_page(client))
        closed = await asyncio.to_thread(in_another_thread, client.aclose())

        assert isinstance(used, ConfigurationError)
        assert isinstance(closed, ConfigurationError)
        assert "create one client for each event loop" in str(used)
        await client.images.list()


async def one_page(client: AsyncImgwireClient) -> None:
    await client.images.list()


# Cancellation


async def until(condition: Callable[[], bool]) -> None:
    with anyio.move_on_after(20):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await anyio.sleep(0.01)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


@pytest.mark.parametrize("backend", BACKENDS)
def test_cancelling_two_hundred_requests_leaves_the_client_working_and_clean(
    sandbox: Sandbox, backend: str
) -> None:
    async def scenario() -> tuple[int, float, int]:
        async with client_of(sandbox, concurrency=300) as client:
            await client.images.list()
            before = open_files()
            sandbox.faults.times(200, "images.list", stall=30)
            async with anyio.create_task_group() as tasks:
                for _ in range(200):
                    tasks.start_soon(one_page, client)
                await until(lambda: len(sandbox.requests.of("images.list")) == 201)
                tasks.cancel_scope.cancel()
            sandbox.faults.clear()
            started = anyio.current_time()
            for _ in range(10):
                await client.images.list()
            seconds = anyio.current_time() - started
            await until(lambda: open_files() <= before + 4)
            return open_files() - before, seconds, client.stats().in_flight

    left, seconds, in_flight = anyio.run(scenario, **BACKENDS[backend])

    assert left <= 4  # both ends of pooled connections are in this process
    assert seconds < 20  # a stalled connection stalls for 30 s
    assert in_flight == 0


async def test_no_task_outlives_a_cancelled_upload(sandbox: Sandbox, photo: Path) -> None:
    before = asyncio.all_tasks()
    sandbox.faults.once("store.put", stall=30)
    async with client_of(sandbox) as client:
        with anyio.move_on_after(0.1):
            await client.images.upload(photo)
        await asyncio.sleep(0)

        assert asyncio.all_tasks() == before


async def test_a_client_in_a_cancelled_block_closes_its_connections() -> None:
    with raw_server(always(OK)) as server:
        with anyio.CancelScope() as scope:
            async with client_of(server) as client:
                await client.health()
                scope.cancel()
                await anyio.lowlevel.checkpoint()

        assert not core_of(client).shared.engine.is_open


@pytest.mark.parametrize("attempt", [pickle.dumps, copy.copy, copy.deepcopy])
def test_the_error_says_why_a_client_cannot_be_pickled_or_copied(attempt: Callable[[object], object]) -> None:
    client = AsyncImgwireClient("sk_x")

    for holder in (client, {"client": [client]}) if attempt is not copy.copy else (client,):
        with pytest.raises(TypeError, match=r"holds connections and cannot be pickled.*one in each process"):
            attempt(holder)
