"""Several hooks of one client: each is called for every call, and none affects another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from imgwire_async import AsyncImgwireClient, CallEvent, ConfigurationError, NotFoundError
from imgwire_async.integrations.opentelemetry import opentelemetry_hooks
from imgwire_async.sandbox import Sandbox
from tests.bodies.running import BACKENDS, run
from tests.clients import client_of

current: ContextVar[str] = ContextVar("current")


def on_call(log: list[str], name: str) -> Callable[[CallEvent], AbstractContextManager[None]]:
    """Sets a context variable for the duration of a call."""

    @contextmanager
    def hook(event: CallEvent) -> Iterator[None]:
        token = current.set(f"{name} {event.operation}")
        log.append(f"{name} begins {event.operation}")
        try:
            yield
        except Exception as error:
            log.append(f"{name} failed {type(error).__name__}")
            raise
        finally:
            current.reset(token)
            log.append(f"{name} ends {event.operation}")

    return hook


def on_event(log: list[str], name: str) -> Callable[[Any], None]:
    def hook(event: Any) -> None:
        log.append(f"{name} {type(event).__name__} in {current.get('nothing')}")

    return hook


def on_event_async(log: list[str], name: str) -> Callable[[Any], Any]:
    async def hook(event: Any) -> None:
        await anyio.lowlevel.checkpoint()
        log.append(f"{name} {type(event).__name__} in {current.get('nothing')}")

    return hook


@BACKENDS
def test_hooks_are_called_in_their_order_around_every_call(sandbox: Sandbox, backend: str) -> None:
    async def main() -> None:
        log: list[str] = []
        sandbox.faults.once("images.list", status=503)
        async with client_of(
            sandbox,
            on_call=[on_call(log, "outer"), on_call(log, "inner")],
            on_request=[on_event(log, "a"), on_event_async(log, "b")],
            on_response=(on_event_async(log, "c"), on_event(log, "d")),
            on_retry=[on_event(log, "e"), on_event_async(log, "f")],
        ) as client:
            await client.with_options(deadline=10, max_retries=1).images.list()
        attempt = [
            *(f"{name} RequestEvent in inner images.list" for name in "ab"),
            *(f"{name} ResponseEvent in inner images.list" for name in "cd"),
        ]
        assert log == [
            "outer begins images.list",
            "inner begins images.list",
            *attempt,
            *(f"{name} RetryEvent in inner images.list" for name in "ef"),
            *attempt,
            "inner ends images.list",
            "outer ends images.list",
        ]

    run(main, backend)


async def test_every_call_hook_sees_the_error(sandbox: Sandbox) -> None:
    log: list[str] = []
    async with client_of(sandbox, on_call=[on_call(log, "outer"), on_call(log, "inner")]) as client:
        with pytest.raises(NotFoundError):
            await client.images.retrieve("00000000-0000-0000-0000-000000000000")

    assert [line for line in log if "failed" in line] == [
        "inner failed NotFoundError",
        "outer failed NotFoundError",
    ]


async def test_an_exception_of_a_hook_ends_the_call_and_the_contexts_of_the_others(sandbox: Sandbox) -> None:
    log: list[str] = []

    def broken(_: object) -> AbstractContextManager[None]:
        raise KeyError("broken")

    async with client_of(sandbox, on_call=[on_call(log, "first"), broken]) as client:
        with pytest.raises(KeyError, match="broken"):
            await client.images.list()

    assert log == ["first begins images.list", "first failed KeyError", "first ends images.list"]


async def test_an_exception_of_a_hook_ends_the_whole_block_of_many_calls(sandbox: Sandbox) -> None:
    def broken(_: object) -> None:
        raise KeyError("broken")

    async with client_of(sandbox, on_request=broken) as client:
        with pytest.raises(KeyError, match="broken"):
            async with client.images.upload_many([b"GIF89a"]) as outcomes:
                [outcome async for outcome in outcomes]
        with pytest.raises(KeyError, match="broken"):
            async with client.ingest(["https://example.com/a.png"], journal=None) as job:
                [outcome async for outcome in job]


@pytest.mark.parametrize("wrong", [7, [print, 7], "text"])
@pytest.mark.parametrize("name", ["on_call", "on_request", "on_response", "on_retry"])
def test_a_hook_that_is_not_callable_is_rejected_by_name(name: str, wrong: object) -> None:
    with pytest.raises(ConfigurationError, match=name):
        AsyncImgwireClient("sk_test", **{name: wrong})  # type: ignore[arg-type]


OWN: dict[str, Callable[[Any, list[str]], dict[str, Any]]] = {
    "call, after": lambda own, log: {"on_call": [own["on_call"], on_call(log, "own")]},
    "call, before": lambda own, log: {"on_call": [on_call(log, "own"), own["on_call"]]},
    "call, instead": lambda _, log: {"on_call": on_call(log, "own")},
    "no call": lambda _, log: {"on_call": None, "on_retry": on_event(log, "own")},
    "request": lambda own, log: {"on_request": [on_event_async(log, "own"), own["on_request"]]},
    "request, instead": lambda _, log: {"on_request": on_event(log, "own")},
    "response": lambda own, log: {"on_response": [own["on_response"], on_event_async(log, "own")]},
    "response, instead": lambda _, log: {"on_response": on_event_async(log, "own")},
    "all, instead": lambda _, log: {
        "on_call": on_call(log, "own"),
        "on_request": on_event(log, "own"),
        "on_response": on_event(log, "own"),
    },
    "retry": lambda _, log: {"on_retry": on_event(log, "own")},
}


@BACKENDS
@pytest.mark.parametrize("what", OWN)
def test_opentelemetry_works_with_and_without_each_custom_hook(
    sandbox: Sandbox, photo: Path, what: str, backend: str
) -> None:
    async def main() -> None:
        exporter, log = InMemorySpanExporter(), list[str]()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(exporter))
        traced = opentelemetry_hooks(tracer_provider=tracers)
        hooks = {**traced, **OWN[what](traced, log)}
        sandbox.faults.once("images.create", status=503)
        async with client_of(sandbox, **hooks) as client:
            async with anyio.create_task_group() as tasks:
                for changed in (client, client.with_options(deadline=10)):
                    tasks.start_soon(changed.images.upload, photo)
            with pytest.raises(NotFoundError):
                await client.images.retrieve("00000000-0000-0000-0000-000000000000")
        calls = [span for span in exporter.get_finished_spans() if "." in span.name]
        attempts = [span for span in exporter.get_finished_spans() if "." not in span.name]
        if what in {"call, instead", "no call", "all, instead"}:
            assert calls == []
        else:
            assert len(calls) == 5
        if what in {"request, instead", "all, instead"}:
            assert attempts == []
        else:
            assert len(attempts) == 6
            assert all((span.parent is not None) == bool(calls) for span in attempts)
        assert log
        tracers.shutdown()

    run(main, backend)


async def test_two_opentelemetry_hooks_trace_every_call_twice(sandbox: Sandbox) -> None:
    exporters, traced = [], []
    for _ in range(2):
        exporter, tracers = InMemorySpanExporter(), TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(exporter))
        exporters.append(exporter)
        traced.append(opentelemetry_hooks(tracer_provider=tracers))
    hooks: dict[str, Any] = {
        name: [one[name] for one in traced] for name in ("on_call", "on_request", "on_response")
    }

    async with client_of(sandbox, **hooks) as client:
        await client.images.list()

    for exporter in exporters:
        assert [span.name for span in exporter.get_finished_spans()] == ["GET", "images.list"]
