"""The command that shows which imgix parameters real traffic uses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgwire_async.cli.migrate.options import DefaultsOption, HostOption, defaults_of
from imgwire_async.cli.output import JsonFlag, guarded, people, records_table, show_json
from imgwire_async.cli.streams import say

if TYPE_CHECKING:
    from imgwire_async.migrate import TrafficSurvey


def survey(
    logs: Annotated[
        list[str],
        typer.Argument(
            help="Access logs or lists of URLs, gzip or not; - for standard input.", metavar="LOG..."
        ),
    ],
    html: Annotated[Path | None, typer.Option(help="Write an HTML page with charts.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Rows of each table.")] = 20,
    host: HostOption = None,
    defaults: DefaultsOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show which imgix parameters and combinations real traffic uses, and how much of it translates.

    Reads common and combined logs, JSON lines, W3C logs such as CloudFront's, and plain URLs. Requests
    without a host count as requests to imgix. Values of parameters, including signatures, are not shown.

    Example: imgwire-async migrate survey access.log access.log.1.gz --html survey.html

    Example: zcat logs/*.gz | imgwire-async migrate survey - --json
    """

    def work() -> None:
        from imgwire_async.cli.jobs.files import check_output
        from imgwire_async.errors import InvalidArgumentError
        from imgwire_async.ingest.results.outputs import Taken
        from imgwire_async.migrate import TrafficSurvey
        from imgwire_async.migrate.traffic.logs import logged_requests, requests_of
        from imgwire_async.migrate.traffic.page import write_survey

        found = TrafficSurvey(hosts=host or [], default_params=defaults_of(defaults))
        if html is not None:
            check_output("--html", html, [Taken(source=log, content="the requests") for log in logs])
        for log in logs:
            try:
                for request in requests_of(sys.stdin.buffer) if log == "-" else logged_requests(log):
                    found.add(request)
            except (OSError, EOFError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise InvalidArgumentError(f"cannot read standard input: {reason}") from error
        problem: OSError | None = None
        if html is not None:
            try:
                write_survey(found, html)
            except OSError as error:
                problem = error
        if as_json:
            show_json(found.to_dict())
        else:
            _show(found, top)
            if html is not None and problem is None:
                say(f"Page: {html}")
        if problem is not None:
            raise problem

    guarded(work, as_json=as_json)


def _show(found: TrafficSurvey, top: int) -> None:
    from imgwire_async.migrate.traffic.survey import STATUSES

    total = max(found.requests, 1)
    shares = ", ".join(
        f"{found.statuses[name]} {name} ({100 * found.statuses[name] / total:.1f} %)" for name in STATUSES
    )
    say(f"{found.requests} requests: {shares}")
    console = people()
    facts = found.to_dict(top)
    for name, columns in (
        ("parameters", ("parameter", "requests", *STATUSES)),
        ("combinations", ("parameters", "requests", *STATUSES)),
        ("reasons", ("parameter", "requests", "kind", "reason")),
        ("unknown", ("name", "requests")),
    ):
        rows = facts[name]
        if isinstance(rows, list) and rows:
            say("")
            if name == "combinations":
                rows = [{**row, "parameters": ", ".join(row["parameters"]) or "(none)"} for row in rows]
            console.print(records_table(rows, columns, console))
    if found.other_hosts or found.rejected or found.unreadable:
        say("")
        say(
            f"Left out: {found.other_hosts} requests for other hosts, {found.rejected} failed requests, "
            f"{found.unreadable} lines without a request"
        )
