"""Traces and metrics of a client with OpenTelemetry (extra: `otel`).

```python
imgwire = AsyncImgwireClient(**opentelemetry_hooks())
```

Your own hooks are called as well:

```python
traced = opentelemetry_hooks()
imgwire = AsyncImgwireClient(
    on_call=traced["on_call"],
    on_request=[traced["on_request"], log_request],
    on_response=traced["on_response"],
)
```

Every call is a span named after it, such as `images.create`, with a child for every attempt; an upload is two
calls. Attributes follow the semantic conventions for HTTP clients. Queries of URLs are left out, because they
may contain signatures and tokens; keys and bodies are never recorded.

| Metric | Unit | Measures |
| --- | --- | --- |
| `imgwire.client.call.duration` | s | calls, with retries and waits |
| `http.client.request.duration` | s | attempts |
| `http.client.request.body.size` | By | bodies of attempts that received a response |
| `http.client.response.body.size` | By | bodies received, decompressed; includes transfers that broke |
| `imgwire.client.retries` | {retry} | attempts after the first |
| `imgwire.client.throttled_time` | s | attempts delayed by the client's limits or the service's pauses |
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, TypedDict
from urllib.parse import urlsplit

from imgwire_async.core.clients.events import CallEvent, CallHook, Hook, RequestEvent, ResponseEvent
from imgwire_async.errors import ImgwireError

try:
    from opentelemetry.metrics import MeterProvider, get_meter
    from opentelemetry.trace import (
        Span,
        SpanKind,
        StatusCode,
        TracerProvider,
        get_tracer,
        set_span_in_context,
    )
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "the OpenTelemetry integration needs its extra: pip install 'imgwire-async[otel]'", name=error.name
    ) from error

_NAME: Final = "imgwire_async"

# The default boundaries are for milliseconds: all requests would be in one bucket.
_ATTEMPT_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""The boundaries recommended by the semantic conventions."""
_CALL_SECONDS: Final = (*_ATTEMPT_SECONDS, 30, 60, 120)
_BYTES: Final = (0, *(1024 * 4**exponent for exponent in range(9)), 100 * 1024 * 1024)
"""From 1 KiB to 100 MiB."""


class OpenTelemetryHooks(TypedDict):
    """The hook arguments of `AsyncImgwireClient`."""

    on_call: CallHook
    on_request: Hook[RequestEvent]
    on_response: Hook[ResponseEvent]


@dataclass(slots=True)
class _Call:
    """The call that the current task is in."""

    span: Span | None
    """None if our `on_call` is not used: attempts are then children of the current span."""
    size: int | None
    attempts: int = 0
    attempt_span: Span | None = None

    def abandon_attempt(self, error_type: str) -> None:
        """End the span of an attempt that was cancelled, or whose end a failing user's hook hid."""
        if self.attempt_span is not None:
            self.attempt_span.set_attribute("error.type", error_type)
            self.attempt_span.set_status(StatusCode.ERROR)
            self.attempt_span.end()
            self.attempt_span = None


def opentelemetry_hooks(
    *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> OpenTelemetryHooks:
    """Create hooks that record spans and metrics: `AsyncImgwireClient(**opentelemetry_hooks())`.

    Args:
        tracer_provider: provider for spans; default: the global one.
        meter_provider: provider for metrics; default: the global one.
    """
    observer = _Observer(tracer_provider, meter_provider)
    return {
        "on_call": observer.call,
        "on_request": observer.attempt_begins,
        "on_response": observer.attempt_ended,
    }


class _Observer:
    def __init__(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None) -> None:
        own_version = version("imgwire-async")
        self._tracer = get_tracer(_NAME, own_version, tracer_provider)
        meter = get_meter(_NAME, own_version, meter_provider)
        self._current: ContextVar[_Call | None] = ContextVar("imgwire_async_current_call", default=None)
        self._call_seconds = meter.create_histogram(
            "imgwire.client.call.duration", "s", explicit_bucket_boundaries_advisory=_CALL_SECONDS
        )
        self._attempt_seconds = meter.create_histogram(
            "http.client.request.duration", "s", explicit_bucket_boundaries_advisory=_ATTEMPT_SECONDS
        )
        self._body_size = meter.create_histogram(
            "http.client.request.body.size", "By", explicit_bucket_boundaries_advisory=_BYTES
        )
        self._received = meter.create_histogram(
            "http.client.response.body.size", "By", explicit_bucket_boundaries_advisory=_BYTES
        )
        self._retries = meter.create_counter("imgwire.client.retries", "{retry}")
        self._throttled = meter.create_counter("imgwire.client.throttled_time", "s")

    @contextmanager
    def call(self, event: CallEvent) -> Iterator[None]:
        """Record the span of a call, and at its end the metrics."""
        started = time.monotonic()
        error_type: str | None = None
        with self._tracer.start_as_current_span(
            event.operation, record_exception=False, set_status_on_exception=False
        ) as span:
            call = _Call(span, event.size)
            token = self._current.set(call)
            try:
                yield
            except BaseException as error:
                error_type = type(error).__name__
                span.set_status(StatusCode.ERROR, error_type)
                span.set_attribute("error.type", error_type)
                if isinstance(error, ImgwireError) and error.request_id:
                    span.set_attribute("imgwire.request_id", error.request_id)
                raise
            finally:
                with suppress(ValueError):  # closed in another context, by the garbage collector
                    self._current.reset(token)
                call.abandon_attempt(error_type or "unknown")
                retries = max(0, call.attempts - 1)
                span.set_attribute("imgwire.operation", event.operation)
                span.set_attribute("imgwire.retries", retries)
                attributes = {"imgwire.operation": event.operation}
                if retries:
                    self._retries.add(retries, attributes)
                if error_type is not None:
                    attributes["error.type"] = error_type
                self._call_seconds.record(time.monotonic() - started, attributes)

    def attempt_begins(self, event: RequestEvent) -> None:
        """Start the span of an attempt."""
        call = self._current.get()
        if call is None:
            call = _Call(None, None)
            self._current.set(call)
        call.abandon_attempt("unknown")
        call.attempts = event.attempt
        attributes: dict[str, str | int | float] = {
            **_target(event),
            "url.full": event.url,
            "imgwire.throttled_time": event.waited,
        }
        if call.size is not None:
            attributes["http.request.body.size"] = call.size
        if event.attempt > 1:
            attributes["http.request.resend_count"] = event.attempt - 1
        if event.waited > 0:
            self._throttled.add(event.waited, {"imgwire.operation": event.operation})
        call.attempt_span = self._tracer.start_span(
            event.method,
            context=None if call.span is None else set_span_in_context(call.span),
            kind=SpanKind.CLIENT,
            attributes=attributes,
        )

    def attempt_ended(self, event: ResponseEvent) -> None:
        """End the span of an attempt, and record its metrics."""
        call = self._current.get()
        outcome: dict[str, str | int] = {}
        if event.status is not None:
            outcome["http.response.status_code"] = event.status
        if event.status is None or event.status >= 400:
            outcome["error.type"] = event.failure or str(event.status)
        if call is not None and call.attempt_span is not None:
            span, call.attempt_span = call.attempt_span, None
            if "error.type" in outcome:
                span.set_status(StatusCode.ERROR)
            span.set_attributes(outcome | {"http.response.body.size": event.received})
            if event.request_id is not None:
                span.set_attribute("imgwire.request_id", event.request_id)
            span.end()
        labels = {**_target(event), **outcome}
        self._attempt_seconds.record(event.seconds, labels)
        if event.status is not None and call is not None and call.size is not None:
            self._body_size.record(call.size, labels)
        if event.status is not None or event.received:
            self._received.record(event.received, labels)


def _target(event: RequestEvent | ResponseEvent) -> dict[str, str | int]:
    url = urlsplit(event.url)
    return {
        "http.request.method": event.method,
        "server.address": url.hostname or "",
        "server.port": url.port or (443 if url.scheme == "https" else 80),
        "imgwire.operation": event.operation,
    }
