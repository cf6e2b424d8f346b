"""A survey as an HTML page with charts, without scripts or network."""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path
from typing import Final

from imgwire_async.ingest.results.outputs import write_text
from imgwire_async.ingest.sources.own_files import PAGE_MARK
from imgwire_async.migrate.traffic.survey import STATUSES, TrafficSurvey

ROWS: Final = 40
_COLORS: Final = {
    "exact": "#2e7d32",
    "approximate": "#e6a100",
    "unsupported": "#c62828",
    "malformed": "#757575",
}
_WIDTH: Final = 640
_LABEL: Final = 150
_BAR: Final = 18
_STEP: Final = 26
_STYLE: Final = """
:root{color-scheme:light dark}
body{background:Canvas;color:CanvasText}
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse}
td,th{border-bottom:1px solid #8884;padding:.2rem .9rem .2rem 0;text-align:left}
.wide{overflow-x:auto}.wide table,.wide td{white-space:nowrap}.wide td:last-child{white-space:normal}
svg{height:auto;max-width:100%;min-width:44rem}svg text{fill:currentColor;font:13px system-ui,sans-serif}
"""


def write_survey(survey: TrafficSurvey, path: Path) -> None:
    """Write the page.

    Raises:
        OSError: it cannot be written.
    """
    write_text(path, _page(survey))


def _page(survey: TrafficSurvey) -> list[str]:
    total = max(survey.requests, 1)
    parameters = survey.parameters.ranked()
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><title>imgix parameters in use</title>',
        PAGE_MARK,
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<style>{_STYLE}</style></head><body>",
        f"<main><h1>imgix parameters in use</h1><p>{survey.requests:,} requests for pictures.</p>",
        "<h2>How much translates</h2>",
        *_wide("Requests by status", _chart([("all requests", survey.statuses)], total)),
        "<table>",
    ]
    for status in STATUSES:
        number = survey.statuses[status]
        lines.append(_table_row([status, f"{number:,}", f"{100 * number / total:.1f} %"]))
    lines += ["</table>", "<h2>Parameters</h2>"]
    lines += _wide("Parameters by status", _chart(parameters[:ROWS], total))
    combinations: list[list[str | int]] = [
        [", ".join(names) or "(none)", counts.total(), *(counts[status] for status in STATUSES)]
        for names, counts in survey.combinations.ranked()[:ROWS]
    ]
    reasons: list[list[str | int]] = [
        [found.name, number, kind, found.reason]
        for found, counts in survey.reasons.ranked()[:ROWS]
        for kind, number in counts.items()
    ]
    lines += _table("Combinations", ["parameters", "requests", *STATUSES], combinations)
    lines += _table("What differs", ["parameter", "requests", "kind", "reason"], reasons)
    lines.append(
        "<p>Every picture counts as stored and of known size. "
        f"Left out: {survey.other_hosts:,} requests for other hosts, {survey.rejected:,} failed requests, "
        f"and {survey.unreadable:,} lines without a request.</p></main></body></html>"
    )
    return lines


def _wide(name: str, lines: list[str]) -> list[str]:
    """Content wider than a phone, which scrolls there, also with the keyboard."""
    return [f'<div class="wide" role="region" tabindex="0" aria-label="{escape(name)}">', *lines, "</div>"]


def _table(title: str, columns: list[str], rows: list[list[str | int]]) -> list[str]:
    lines = [_table_row([cell if isinstance(cell, str) else f"{cell:,}" for cell in row]) for row in rows]
    return [f"<h2>{title}</h2>", *_wide(title, ["<table>", _heading(columns), *lines, "</table>"])]


def _chart(rows: list[tuple[str, Counter[str]]], total: int) -> list[str]:
    """Horizontal bars, each stacked by status; the longest has the full width."""
    longest = max((counts.total() for _, counts in rows), default=1) or 1
    height = _STEP * (len(rows) + 1)
    width = _LABEL + _WIDTH + 130
    lines = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="requests by status">'
    ]
    at = _LABEL
    for status in STATUSES:
        lines.append(f'<rect x="{at}" y="4" width="12" height="12" fill="{_COLORS[status]}"/>')
        lines.append(f'<text x="{at + 17}" y="15">{status}</text>')
        at += 120
    for number, (name, counts) in enumerate(rows, 1):
        top = number * _STEP
        lines.append(f'<text x="{_LABEL - 8}" y="{top + 14}" text-anchor="end">{escape(name[:22])}</text>')
        left = float(_LABEL)
        for status in STATUSES:
            part = _WIDTH * counts[status] / longest
            if part:
                place = f'x="{left:.1f}" y="{top}" width="{part:.1f}" height="{_BAR}"'
                lines.append(
                    f'<rect {place} fill="{_COLORS[status]}">'
                    f"<title>{escape(name)}: {counts[status]:,} {status}</title></rect>"
                )
            left += part
        share = 100 * counts.total() / total
        lines.append(f'<text x="{left + 6:.1f}" y="{top + 14}">{counts.total():,} ({share:.1f} %)</text>')
    return [*lines, "</svg>"]


def _heading(cells: list[str]) -> str:
    return "<tr>" + "".join(f'<th scope="col">{escape(cell)}</th>' for cell in cells) + "</tr>"


def _table_row(cells: list[str]) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
