"""The report of a job as a self-contained HTML page: no scripts, no network access, no other files."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from imgwire_async.ingest.items import storable
from imgwire_async.ingest.results.thumbnails import thumbnail
from imgwire_async.ingest.results.timeline import Interval
from imgwire_async.ingest.sources.own_files import PAGE_MARK

if TYPE_CHECKING:
    from imgwire_async.ingest.results.report import FailureGroup, Report

_STYLE: Final = """
:root{color-scheme:light dark;--line:light-dark(#767f88,#7c8791);--good:light-dark(#1b6e2c,#6fcf85);
--bad:light-dark(#a3171b,#ff9c94);--quiet:light-dark(#55606b,#aab4be);--card:light-dark(#f4f5f7,#20262b)}
body{background:light-dark(#fff,#15191c);color:light-dark(#1c2024,#e8eaed);font:15px/1.5 system-ui,sans-serif;
margin:2rem auto;max-width:60rem;padding:0 1rem}
h1,h3,p{overflow-wrap:anywhere}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}
dl.totals{display:grid;gap:.6rem;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));margin:1rem 0}
dl.totals div{background:var(--card);border-radius:.5rem;padding:.5rem .8rem}
dt{color:var(--quiet);font-size:.85rem}dd{font-size:1.2rem;font-variant-numeric:tabular-nums;margin:0}
.good{color:var(--good)}.bad{color:var(--bad)}
svg{display:block;height:auto;max-width:100%}svg text{fill:var(--quiet);font-size:12px}
@media(max-width:40rem){svg text{font-size:22px}}
svg .stored{fill:var(--good)}svg .failed{fill:var(--bad)}svg line{stroke:var(--line)}
ul.examples{list-style:none;padding:0}ul.examples li{align-items:center;display:flex;gap:.8rem;margin:.4rem 0}
ul.examples span{min-width:0;overflow-wrap:anywhere}ul.examples img{border-radius:.3rem;max-height:5rem}
pre{background:var(--card);border-radius:.5rem;overflow-wrap:anywhere;padding:.8rem;white-space:pre-wrap}
"""
_WIDTH: Final = 900
_HEIGHT: Final = 180
_LEFT: Final = 60
_BOTTOM: Final = 24


def page_of(report: Report) -> Iterator[str]:
    """The lines of the page."""
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f"<title>{_title(report)}</title>"
    yield PAGE_MARK
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<style>{_STYLE}</style></head><body><main>"
    yield f"<h1>{_title(report)}</h1>"
    yield from _ending(report)
    yield from _totals(report)
    yield from _plot(report.timeline)
    yield from _failures(report.failures)
    yield "<h2>Details</h2>"
    yield f"<pre>{_escaped(str(report))}</pre>"
    yield "</main></body></html>"


def _escaped(text: str) -> str:
    """Text of a page. Names of files need not be Unicode, and could not be written then."""
    return html.escape(storable(text))


def _title(report: Report) -> str:
    kind = "Dry run" if report.dry_run else "Job"
    return _escaped(f"{kind} {report.job}" if report.job else kind)


def _ending(report: Report) -> Iterator[str]:
    if report.stopped is not None:
        resume = "The same command or call resumes it."
        yield f'<p><strong class="bad">Stopped early:</strong> {_escaped(report.stopped)}. {resume}</p>'
    elif report.failed:
        failed = f"{report.failed:,} item{'s' * (report.failed != 1)} failed"
        yield f'<p><strong class="bad">{failed}.</strong> The same command or call tries them again.</p>'
    else:
        yield '<p><strong class="good">Complete.</strong> Nothing failed.</p>'
    if report.unlisted is not None:
        yield f"<p>The list of failed and untried items is incomplete; {_escaped(report.unlisted)}.</p>"


def _totals(report: Report) -> Iterator[str]:
    minutes, seconds = divmod(round(report.seconds), 60)
    shown = [
        ("Found", f"{report.found:,}"),
        ("Stored", f"{report.stored:,}"),
        ("Already stored", f"{report.already_stored:,}"),
        ("Skipped", f"{report.skipped:,}"),
        ("Failed", f"{report.failed:,}"),
        ("Not tried", f"{report.not_tried:,}"),
        ("Sent", f"{report.bytes_sent / 1e6:,.1f} MB"),
        ("Time", f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"),
        ("Stored per second", f"{report.items_per_second:,.1f}"),
        ("Retries", f"{report.retries:,}"),
    ]
    always = {"Found", "Stored", "Failed", "Time"}
    yield '<dl class="totals">'
    for name, value in shown:
        if name in always or value not in {"0", "0.0", "0.0 MB"}:
            yield f"<div><dt>{name}</dt><dd>{value}</dd></div>"
    yield "</dl>"


def _plot(timeline: Sequence[Interval]) -> Iterator[str]:
    """Stacked bars of stored and failed items per second."""
    if not timeline:
        return
    rates = [(one.stored / one.seconds, one.failed / one.seconds) for one in timeline]
    top = max(stored + failed for stored, failed in rates) or 1.0
    end = timeline[-1].start + timeline[-1].seconds
    room = _HEIGHT - _BOTTOM
    most = f"{top:,.0f}" if top >= 10 else f"{top:.1f}"
    says = f"Items per second over {_duration(end)}: at most {most}"
    yield "<h2>Items per second</h2>"
    yield f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img" aria-label="{says}">'
    scale = (_WIDTH - _LEFT) / end
    for one, (stored, failed) in zip(timeline, rates, strict=True):
        x, width = _LEFT + one.start * scale, max(one.seconds * scale - 0.5, 0.5)
        base = float(room)
        for kind, rate in (("stored", stored), ("failed", failed)):
            height = rate / top * (room - 12)
            base -= height
            if height > 0:
                place = f'x="{x:.1f}" y="{base:.1f}" width="{width:.1f}" height="{height:.1f}"'
                yield f'<rect class="{kind}" {place}/>'
    yield f'<line x1="{_LEFT}" y1="{room}" x2="{_WIDTH}" y2="{room}"/>'
    yield f'<text x="{_LEFT - 6}" y="20" text-anchor="end">{most}</text>'
    yield f'<text x="{_LEFT - 6}" y="{room}" text-anchor="end">0</text>'
    yield f'<text x="{_LEFT}" y="{_HEIGHT - 6}">0 s</text>'
    yield f'<text x="{_WIDTH}" y="{_HEIGHT - 6}" text-anchor="end">{_duration(end)}</text>'
    yield "</svg>"
    total = sum(one.bytes_sent for one in timeline)
    fastest = max(one.bytes_sent / one.seconds for one in timeline) / 1e6
    if fastest >= 0.005:
        yield f"<p>{total / 1e6 / end:,.2f} MB/s on average, {fastest:,.2f} MB/s at most.</p>"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _failures(groups: Sequence[FailureGroup]) -> Iterator[str]:
    if groups:
        yield "<h2>Failures</h2>"
    for group in groups:
        yield f"<h3>{group.count:,} × {_escaped(group.in_words)}</h3>"
        yield '<ul class="examples">'
        for number, example in enumerate(group.examples):
            file = group.files[number] if number < len(group.files) else None
            picture = None if file is None else thumbnail(file)
            image = "" if picture is None else f'<img src="{picture}" alt="">'
            yield f"<li>{image}<span>{_escaped(example)}</span></li>"
        yield "</ul>"
        if group.count > len(group.examples):
            yield f"<p>And {group.count - len(group.examples):,} more.</p>"
