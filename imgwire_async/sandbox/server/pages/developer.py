"""The developer's view: requests, faults, keys and metrics."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from statistics import median
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from imgwire_async.sandbox.server.operations import EVERY_OPERATION, Operations
from imgwire_async.sandbox.server.pages import layout
from imgwire_async.sandbox.server.pages.html import Html, el
from imgwire_async.sandbox.server.pages.layout import Frame, labelled, select, size_text
from imgwire_async.sandbox.server.pages.protection import check_own_form, check_trusted
from imgwire_async.sandbox.server.pages.shelf import Shelf
from imgwire_async.sandbox.server.requests.faults import Fault, ScriptedFault
from imgwire_async.sandbox.server.requests.named_faults import NAMED, STATUSES, switch_on
from imgwire_async.sandbox.server.requests.request_log import ReceivedRequest
from imgwire_async.sandbox.server.runtime import ServerRuntime

REQUESTS: Final = "/developer/requests"
FAULTS: Final = "/developer/faults"
KEYS: Final = "/developer/keys"
METRICS: Final = "/developer/metrics"
SHOWN: Final = 100
"""How many requests one page shows."""

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def routes(shelf: Shelf, runtime: ServerRuntime, operations: Operations) -> list[Route]:
    """The pages below `/developer/`, which only this machine may see."""
    frame = Frame(shelf.title, trusted=True)

    async def requests(request: Request) -> Response:
        check_trusted(request)
        operation = request.query_params.get("operation", "")
        failed = "failed" in request.query_params
        entries = [
            entry
            for entry in reversed(list(runtime.requests))
            if (not operation or entry.operation == operation) and (not failed or _has_failed(entry))
        ]
        last = max(1, -(-len(entries) // SHOWN))
        number = min(layout.page_number(request.query_params.get("page", "")), last)
        shown = entries[(number - 1) * SHOWN : number * SHOWN]
        query = {"operation": operation} | ({"failed": "on"} if failed else {})
        names = [("", "all"), *((name, name) for name in sorted(operations.names))]
        choice = el(
            "form",
            labelled("Operation", select("operation", names, operation)),
            el(
                "label",
                el("input", type="checkbox", name="failed", checked=failed),
                "Failed only",
                class_="check",
            ),
            el("button", "Show"),
            class_="line panel",
            method="get",
            action=REQUESTS,
        )
        columns = ("Time", "Operation", "Status", "ms", "Bytes in", "Bytes out", "Request")
        content = (
            layout.table(
                f"{len(entries):,} requests, the newest first", columns, list(map(_row, shown)), (3, 4, 5)
            )
            if shown
            else el("p", "No requests yet. Views of these pages are not counted.")
        )
        paging = layout.paging(REQUESTS, number, last, query)
        return frame.page("Requests", choice, content, paging, at=REQUESTS)

    async def faults(request: Request) -> Response:
        check_trusted(request)
        return _faults_page(frame, runtime, operations, {})

    async def change_faults(request: Request) -> Response:
        check_own_form(request)
        async with request.form() as form:
            given = {name: value for name, value in form.items() if isinstance(value, str)}
        if given.get("action") == "clear":
            runtime.faults.clear()
        elif given.get("action") == "remove":
            number = given.get("number", "")
            runtime.faults.remove(int(number) if number.isdecimal() else 0)
        else:
            try:
                _add_fault(runtime, given)
            except ValueError as error:
                problem = str(error)
                problem = f"{problem[:1].upper()}{problem[1:]}."
                return _faults_page(frame, runtime, operations, given, problem)
        return RedirectResponse(FAULTS, 303)

    async def keys(request: Request) -> Response:
        check_trusted(request)
        lines = [f"export {name}={shlex.quote(value)}" for name, value in shelf.variables.items()]
        exports = el("textarea", "\n".join(lines), rows=len(lines) + 1, readonly=True, spellcheck="false")
        rows = [(el("code", name), el("code", value)) for name, value in shelf.variables.items()]
        return frame.page(
            "Keys",
            el("p", "They work with this sandbox only."),
            el("section", labelled("For a shell", exports), class_="panel copy"),
            layout.table("Environment variables", ("Name", "Value"), rows),
            at=KEYS,
        )

    async def metrics(request: Request) -> Response:
        check_trusted(request)
        figures = [
            layout.table(
                table.caption,
                table.columns,
                [(name, *values) for name, values in table.rows],
                range(1, len(table.columns)),
            )
            for table in await shelf.figures()
        ]
        return frame.page("Metrics", figures, _operations_table(list(runtime.requests)), at=METRICS)

    async def home(_: Request) -> Response:
        return RedirectResponse(REQUESTS, 303)

    return [
        Route("/developer", home),
        Route("/developer/", home),
        Route(REQUESTS, requests),
        Route(FAULTS, faults, methods=["GET"]),
        Route(FAULTS, change_faults, methods=["POST"]),
        Route(KEYS, keys),
        Route(METRICS, metrics),
    ]


def _has_failed(entry: ReceivedRequest) -> bool:
    return entry.ended_at is not None and (entry.status is None or entry.status >= 400)


def _row(entry: ReceivedRequest) -> tuple[str | Html, ...]:
    status = str(entry.status) if entry.status else "none" if entry.ended_at else "open"
    kind = "bad" if _has_failed(entry) else "good"
    clock = time.strftime("%H:%M:%S", time.localtime(entry.received_at))
    return (
        clock,
        entry.operation or "unknown",
        el("span", f"{status} (fault)" if entry.by_fault else status, class_=f"status {kind}"),
        "" if entry.seconds is None else f"{entry.seconds * 1000:.0f}",
        f"{entry.bytes_received:,}",
        f"{entry.bytes_sent:,}",
        el("code", f"{entry.method} {entry.shown_path}", class_="path"),
    )


def _operations_table(entries: list[ReceivedRequest]) -> Html | None:
    by_name: dict[str, list[ReceivedRequest]] = {}
    for entry in entries:
        by_name.setdefault(entry.operation or "unknown", []).append(entry)
    rows = [
        (
            name,
            f"{len(found):,}",
            f"{sum(map(_has_failed, found)):,}",
            f"{median([entry.seconds or 0 for entry in found]) * 1000:.0f}",
            size_text(sum(entry.bytes_received for entry in found)),
            size_text(sum(entry.bytes_sent for entry in found)),
        )
        for name, found in sorted(by_name.items())
    ]
    columns = ("Operation", "Requests", "Failed", "ms, median", "In", "Out")
    return layout.table(f"The last {len(entries):,} requests", columns, rows, range(1, 6)) if rows else None


def _faults_page(
    frame: Frame,
    runtime: ServerRuntime,
    operations: Operations,
    given: Mapping[str, str],
    problem: str | None = None,
) -> Response:
    scripted = runtime.faults.scripted()
    rows = [
        (
            "all" if script.operation == EVERY_OPERATION else script.operation,
            " or ".join(map(_text_of, script.faults)),
            _how_often(script),
            f"{script.used:,}",
            _button("remove", "Remove", number=str(script.number)),
        )
        for script in scripted
    ]
    names = [
        *((status, status) for status in STATUSES),
        *((name, f"{name}: {fault.meaning}") for name, fault in NAMED.items()),
    ]
    targets = [(EVERY_OPERATION, "all"), *((name, name) for name in sorted(operations.names))]
    form = el(
        "form",
        labelled("Operation", select("operation", targets, given.get("operation", EVERY_OPERATION))),
        labelled("Fault", select("fault", names, given.get("fault", "503"))),
        labelled(
            "Value: seconds, bytes, or Retry-After of a status",
            _input("value", given, "decimal", "default"),
        ),
        labelled("Share of the requests, 0 to 1", _input("rate", given, "decimal", "1")),
        labelled("Times", _input("times", given, "numeric", "always")),
        el("button", "Switch on"),
        method="post",
        action=FAULTS,
    )
    columns = ("Operation", "Fault", "How often", "Happened", "Change")
    return frame.page(
        "Faults",
        layout.notice(problem, error=True) if problem else None,
        el("section", el("h2", "Make requests fail"), form, class_="panel"),
        layout.table("Active faults; the first that matches a request occurs", columns, rows)
        if rows
        else el("p", "No active faults."),
        _button("clear", "Remove all") if rows else None,
        at=FAULTS,
        status=422 if problem else 200,
    )


def _input(name: str, given: Mapping[str, str], mode: str, hint: str) -> Html:
    return el("input", name=name, value=given.get(name, ""), inputmode=mode, placeholder=hint)


def _button(action: str, label: str, **fields: str) -> Html:
    hidden = (
        el("input", type="hidden", name=name, value=value)
        for name, value in {"action": action, **fields}.items()
    )
    return el("form", hidden, el("button", label), class_="inline", method="post", action=FAULTS)


def _text_of(fault: Fault) -> str:
    parts = [
        f"{field.name}={getattr(fault, field.name)}"
        for field in fields(fault)
        if getattr(fault, field.name) != field.default
    ]
    return ", ".join(parts)


def _how_often(script: ScriptedFault) -> str:
    if script.probability < 1:
        return f"{100 * script.probability:g} % of the requests"
    if script.remaining is None:
        return "always"
    return f"{script.remaining:,} more" if script.remaining else "is over"


def _add_fault(runtime: ServerRuntime, given: dict[str, str]) -> None:
    times, rate = _number(given, "times"), _number(given, "rate")
    if times is not None and not (times >= 1 and times == int(times)):
        raise ValueError(f"times must be a whole number from 1, got {times:g}")
    switch_on(
        runtime.faults,
        given.get("fault", ""),
        given.get("operation", EVERY_OPERATION),
        value=_number(given, "value"),
        rate=1.0 if rate is None else rate,
        times=None if times is None else int(times),
    )


def _number(given: dict[str, str], name: str) -> float | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, got {text[:40]!r}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a number, got {text[:40]!r}")
    return number
