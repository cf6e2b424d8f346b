"""Spans and metrics of calls, read back from the SDK's in-memory exporters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from imgwire_async import AsyncImgwireClient, NotFoundError
from imgwire_async.integrations.opentelemetry import opentelemetry_hooks
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.hangs import HANGS


class Telemetry:
    """Telemetry providers that keep everything in memory."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def calls(self) -> list[ReadableSpan]:
        return [span for span in self.spans if span.kind is SpanKind.INTERNAL]

    def attempts_of(self, call: ReadableSpan) -> list[ReadableSpan]:
        return [span for span in self.spans if span.parent and span.parent.span_id == call.context.span_id]

    def points(self, metric: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        found = [
            one
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for one in scope.metrics
            if one.name == metric
        ]
        return [point for one in found for point in one.data.data_points]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = Telemetry()
    yield telemetry
    telemetry.tracers.shutdown()
    telemetry.meters.shutdown()


@pytest.fixture
async def observed(sandbox: Sandbox, telemetry: Telemetry) -> AsyncIterator[AsyncImgwireClient]:
    hooks = opentelemetry_hooks(tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
    async with client_of(sandbox, **hooks) as client:
        yield client


async def test_a_call_is_a_span_with_its_attempt_as_child(
    observed: AsyncImgwireClient, telemetry: Telemetry, sandbox: Sandbox
) -> None:
    await observed.images.list()

    (call,) = telemetry.calls()
    (attempt,) = telemetry.attempts_of(call)
    assert (call.name, call.status.status_code) == ("images.list", StatusCode.UNSET)
    assert (attempt.name, attempt.kind) == ("GET", SpanKind.CLIENT)
    attributes = dict(attempt.attributes or {})
    assert attributes["http.request.method"] == "GET"
    assert attributes["http.response.status_code"] == 200
    assert attributes["url.full"] == f"{sandbox.base_url}/api/v1/images/"
    assert attributes["server.address"] == "127.0.0.1"
    assert f":{attributes['server.port']}" in sandbox.base_url
    assert "http.request.resend_count" not in attributes


async def test_retries_are_further_children_and_are_counted(
    observed: AsyncImgwireClient, telemetry: Telemetry, sandbox: Sandbox
) -> None:
    sandbox.faults.once("images.create", reset="before")
    sandbox.faults.once("images.create", status=503)

    await observed.images.create(file_name="a.png")

    (call,) = telemetry.calls()
    attempts = [dict(span.attributes or {}) for span in telemetry.attempts_of(call)]
    assert [one.get("http.response.status_code") for one in attempts] == [None, 503, 200]
    assert [one.get("http.request.resend_count") for one in attempts] == [None, 1, 2]
    assert [one.get("error.type") for one in attempts] == ["ReadError", "503", None]
    assert dict(call.attributes or {})["imgwire.retries"] == 2
    (retries,) = telemetry.points("imgwire.client.retries")
    assert (retries.value, retries.attributes) == (2, {"imgwire.operation": "images.create"})


async def test_a_span_of_a_failed_call_is_marked_as_failed(
    observed: AsyncImgwireClient, telemetry: Telemetry
) -> None:
    with pytest.raises(NotFoundError):
        await observed.images.retrieve("00000000-0000-4000-8000-000000000000")

    (call,) = telemetry.calls()
    assert call.status.status_code is StatusCode.ERROR
    assert dict(call.attributes or {})["error.type"] == "NotFoundError"
    (duration,) = telemetry.points("imgwire.client.call.duration")
    assert duration.attributes["error.type"] == "NotFoundError"


async def test_spans_belong_to_the_span_of_the_caller_and_concurrent_calls_do_not_mix(
    observed: AsyncImgwireClient, telemetry: Telemetry
) -> None:
    tracer = telemetry.tracers.get_tracer("application")
    with tracer.start_as_current_span("handler") as handler:
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(observed.health)

    calls = [span for span in telemetry.calls() if span.name == "health"]
    assert len(calls) == 5
    assert {span.parent.span_id for span in calls if span.parent} == {handler.get_span_context().span_id}
    assert [len(telemetry.attempts_of(call)) for call in calls] == [1] * 5


async def test_a_cancelled_call_leaves_no_open_span(
    observed: AsyncImgwireClient, telemetry: Telemetry, sandbox: Sandbox
) -> None:
    sandbox.faults.once("health", stall=30)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(observed.health)
        with anyio.fail_after(HANGS):
            while not sandbox.requests.of("health"):  # noqa: ASYNC110 - nothing tells
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()

    (call,) = telemetry.calls()
    (attempt,) = telemetry.attempts_of(call)
    assert dict(attempt.attributes or {})["error.type"] == "CancelledError"


async def test_metrics_record_bytes_durations_and_waits(
    observed: AsyncImgwireClient, telemetry: Telemetry, sandbox: Sandbox, photo: Path
) -> None:
    sandbox.faults.once("images.create", status=429, retry_after=0.3)

    await observed.images.upload(photo)

    sent = {
        point.attributes["http.request.method"]: point
        for point in telemetry.points("http.client.request.body.size")
        if point.attributes["http.response.status_code"] == 200
    }
    assert sent["PUT"].sum == (await anyio.Path(photo).stat()).st_size
    durations = telemetry.points("http.client.request.duration")
    assert sorted(point.attributes["http.response.status_code"] for point in durations) == [200, 200, 429]
    waits = {
        point.attributes["imgwire.operation"]: point.value
        for point in telemetry.points("imgwire.client.throttled_time")
    }
    assert 0 < waits["images.create"] < 30


async def test_histograms_distinguish_short_requests_and_small_bodies(
    observed: AsyncImgwireClient, telemetry: Telemetry, photo: Path
) -> None:
    await observed.images.upload(photo)

    for metric in ("http.client.request.duration", "imgwire.client.call.duration"):
        for point in telemetry.points(metric):
            assert {0.005, 0.1, 1, 10} <= set(point.explicit_bounds), metric
    sizes = telemetry.points("http.client.request.body.size")
    assert len({next(place for place, n in enumerate(point.bucket_counts) if n) for point in sizes}) == 2


async def test_metrics_count_the_bytes_of_responses_and_downloads_including_broken_ones(
    observed: AsyncImgwireClient, telemetry: Telemetry, sandbox: Sandbox, photo: Path, tmp_path: Path
) -> None:
    size = (await anyio.Path(photo).stat()).st_size
    image = await observed.images.upload(photo)
    image = await observed.images.wait_until_ready(image.id)
    sandbox.faults.once("cdn.get", truncate=True)

    await observed.images.download(image, to=tmp_path / "copy.jpg")

    received: dict[tuple[str, object], float] = {}
    for point in telemetry.points("http.client.response.body.size"):
        labels = point.attributes
        key = (labels["imgwire.operation"], labels.get("http.response.status_code"))
        received[key] = point.sum
    assert received["images.download", None] + received["images.download", 200] == size
    assert received["images.download", None] > 0
    assert received["images.create", 200] > 100
    (download, *_) = [call for call in telemetry.calls() if call.name == "images.download"]
    sizes = [dict(one.attributes or {})["http.response.body.size"] for one in telemetry.attempts_of(download)]
    assert sum(cast("list[int]", sizes)) == size


async def test_no_key_token_or_signature_gets_into_spans_or_metrics(
    telemetry: Telemetry, sandbox: Sandbox, photo: Path, client: AsyncImgwireClient
) -> None:
    hooks = opentelemetry_hooks(tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
    token = (await client.images.create_upload_token()).token
    async with client_of(sandbox, api_key=sandbox.client_key, **hooks) as frontend:
        await frontend.images.upload(photo, upload_token=token)

    told = "".join(span.to_json() for span in telemetry.spans) + str(telemetry.reader.get_metrics_data())
    assert "images.upload" in told
    for secret in (sandbox.client_key, str(token), "Bearer", "upload_token", "?"):
        assert secret not in told


async def test_clients_of_with_options_keep_the_hooks(
    observed: AsyncImgwireClient, telemetry: Telemetry
) -> None:
    await observed.with_options(max_retries=0).health()

    assert [span.name for span in telemetry.calls()] == ["health"]
