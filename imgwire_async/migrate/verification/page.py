"""The report of a verification: one HTML page with its pictures beside it, without scripts or network."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Final

from imgwire_async.ingest.items import storable
from imgwire_async.ingest.results.outputs import write_text
from imgwire_async.ingest.sources.own_files import PAGE_MARK
from imgwire_async.migrate.verification.results import VERDICTS, Compared, Verdict

_TITLES: Final = {
    "failed": "could not be compared",
    "differs": "out of tolerance",
    "unsupported": "partly unsupported",
    "approximate": "approximate",
    "agrees": "agree",
}
_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--bad:#c62828;--good:#2e7d32;--soft:#985a00}
body{background:Canvas;color:CanvasText}
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem}
h1{font-size:1.5rem}table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left}
fieldset{border:1px solid var(--line);border-radius:.5rem;margin:0 0 1rem}
fieldset label{display:inline-block;margin-right:1rem;white-space:nowrap}
article{border-top:1px solid var(--line);padding:1rem 0}
article h2{font-size:1rem;margin:0 0 .3rem;overflow-wrap:anywhere}
.pictures{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0}
figure img{display:block;max-width:min(22rem,100%);max-height:22rem;background:#8882}
figcaption,.urls,.why{font-size:.85rem;overflow-wrap:anywhere}
.badge{border-radius:.3rem;color:#fff;font-size:.8rem;padding:.05rem .4rem}
.failed .badge,.differs .badge{background:var(--bad)}.agrees .badge{background:var(--good)}
.approximate .badge,.unsupported .badge{background:var(--soft)}
"""


def write_page(
    page: Path, results: Iterable[Compared], *, shown: int, mean: float, worst: float, pictures: str
) -> Counter[str]:
    """Write the page, and return the number of pairs by verdict.

    Raises:
        OSError: it cannot be written.
    """
    counts: Counter[str] = Counter()
    ranked: list[tuple[tuple[int, float, str], Compared]] = []
    for result in results:
        counts[result.verdict(mean, worst)] += 1
        ranking = (result.badness(mean, worst), result)
        (heapq.heappush if len(ranked) < shown else heapq.heappushpop)(ranked, ranking)
    found = [result for _, result in sorted(ranked, reverse=True)]
    # A URL in the file of URLs may contain lone surrogates.
    write_text(page, map(storable, _page(page.parent, found, counts, mean, worst, pictures)))
    return counts


def _page(
    folder: Path, found: list[Compared], counts: Counter[str], mean: float, worst: float, pictures: str
) -> list[str]:
    parameters = sorted({name for result in found for name in result.parameters})
    verdicts = [verdict for verdict in VERDICTS if any(one.verdict(mean, worst) == verdict for one in found)]
    agrees = not counts["differs"] and not counts["failed"]
    outcome = "All exact translations agree" if agrees else "Some pairs are out of tolerance"
    introduction = (
        f"<p><strong>{outcome}.</strong> Tolerance for exact translations: a mean difference of {mean:g} "
        f"levels of 255, {worst:g} in the worst tile of 16 × 16 pixels, and the same size and format. More "
        "is allowed where a side differs by one pixel, as half a pixel may be rounded up or down.</p>"
    )
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><title>imgix and Imgwire: pictures compared</title>',
        PAGE_MARK,
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<style>{_STYLE}{_filters(parameters, verdicts)}</style></head><body>",
        "<main><h1>imgix and Imgwire: pictures compared</h1>",
        introduction,
        "<table>",
    ]
    lines += [f"<tr><td>{counts[name]}</td><td>{_TITLES[name]}</td></tr>" for name in VERDICTS]
    lines += ["</table>", f"<p>{len(found)} of {sum(counts.values())} pairs are shown, the worst first.</p>"]
    lines += _choices("verdict", "Show", [(name, _TITLES[name]) for name in verdicts])
    lines += _choices("parameter", "With parameter", [(name, name) for name in parameters])
    for result in found:
        lines += _article(folder, result, result.verdict(mean, worst), result.problems(mean, worst), pictures)
    lines.append("</main></body></html>")
    return lines


def _filters(parameters: list[str], verdicts: list[Verdict]) -> str:
    """Rules that hide pairs, by the choice that is checked."""
    rules = [
        *(f"body:has(#verdict-{name}:checked) article:not(.{name}){{display:none}}" for name in verdicts),
        *(
            f"body:has(#parameter-{_name(name)}:checked) article:not(.p-{_name(name)}){{display:none}}"
            for name in parameters
        ),
    ]
    return "\n".join(rules)


def _choices(group: str, title: str, options: list[tuple[str, str]]) -> list[str]:
    lines = [f"<fieldset><legend>{title}</legend>"]
    lines.append(f'<label><input type="radio" name="{group}" checked> all</label>')
    lines += [
        f'<label><input type="radio" name="{group}" id="{group}-{_name(value)}"> {escape(text)}</label>'
        for value, text in options
    ]
    return [*lines, "</fieldset>"]


def _article(
    folder: Path, result: Compared, verdict: Verdict, problems: list[str], pictures: str
) -> list[str]:
    classes = " ".join((verdict, *(f"p-{_name(name)}" for name in result.parameters)))
    name = result.old_url.partition("?")[0]
    variant = escape(result.variant or "no parameters")
    badge = f'<span class="badge">{_TITLES[verdict]}</span>'
    lines = [f'<article class="{classes}"><h2>{badge} {escape(name)} <code>{variant}</code></h2>']
    if result.mean is not None:
        lines.append(f"<p>Mean difference {result.mean:g}, worst tile {result.worst:g}.</p>")
    if why := [*problems, *result.findings]:
        lines.append(f'<p class="why">{escape("; ".join(dict.fromkeys(why)))}</p>')
    lines.append('<div class="pictures">')
    for kind, title, size, media_type in (
        ("old", "imgix", result.old_size, result.old_type),
        ("new", "Imgwire", result.new_size, result.new_type),
        ("difference", "difference, eightfold", None, None),
    ):
        file = f"{pictures}/{result.id}-{kind}.webp"
        if (folder / file).exists():
            facts = [
                title,
                *([f"{size[0]} × {size[1]}"] if size else []),
                *([media_type] if media_type else []),
            ]
            caption = escape(", ".join(facts))
            picture = f'<img src="{file}" alt="{caption}" loading="lazy">'
            lines.append(f"<figure>{picture}<figcaption>{caption}</figcaption></figure>")
    lines.append("</div>")
    old, new = escape(result.old_url), escape(result.new_url)
    lines.append(f'<p class="urls"><a href="{old}">{old}</a><br><a href="{new}">{new}</a></p></article>')
    return lines


def _name(text: str) -> str:
    """A name for an id or a class."""
    return "".join(character if character.isalnum() or character == "-" else "_" for character in text)
