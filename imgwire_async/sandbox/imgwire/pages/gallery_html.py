"""The HTML of the gallery. Every text that comes from outside passes through `escape`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

_STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1b1f24; --dim: #626b76;
  --line: #dfe3e8; --accent: #2457c5; --good: #1a7f4b; --busy: #9a6700; --bad: #b3261e; --check: #e9ecf0; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1e2227; --ink: #e7eaee;
  --dim: #9aa4b0; --line: #343b44; --accent: #8ab4ff; --good: #5bd197; --busy: #e3b341; --bad: #ff8a80;
  --check: #2a3038; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
header { display: flex; gap: .75rem; align-items: baseline; flex-wrap: wrap; padding: 1rem 1.5rem;
  background: var(--card); border-bottom: 1px solid var(--line); }
header h1 { margin: 0; font-size: 1.15rem; } header h1 a { color: inherit; text-decoration: none; }
main { max-width: 84rem; margin: 0 auto; padding: 1.5rem; }
a { color: var(--accent); } .dim { color: var(--dim); font-size: .87rem; }
.grid { display: grid; gap: 1rem; justify-content: center;
  grid-template-columns: repeat(auto-fill, minmax(0, 257px)); list-style: none; margin: 0; padding: 0; }
.card { display: block; height: 100%; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; overflow: hidden; color: inherit; text-decoration: none; }
.card:hover, .card:focus-visible { border-color: var(--accent); outline: none; }
.card .text { padding: .6rem .8rem .75rem; }
.frame, .result img { background: repeating-conic-gradient(var(--check) 0 25%, var(--card) 0 50%)
  0 0 / 20px 20px; }
.frame { display: grid; place-items: center; position: relative; aspect-ratio: 1; }
.frame img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: scale-down; }
.frame.empty { background: var(--check); color: var(--dim); font-size: .87rem; }
.name { display: block; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.row { display: flex; justify-content: space-between; gap: .5rem; margin-top: .15rem; }
.status { font-size: .75rem; font-weight: 700; letter-spacing: .03em; }
.READY { color: var(--good); } .PENDING, .PROCESSING { color: var(--busy); }
.QUARANTINE { color: var(--bad); }
nav { display: flex; gap: 1rem; justify-content: center; margin-top: 1.5rem; }
.columns { display: grid; gap: 1.5rem; grid-template-columns: minmax(0, 1fr) 22rem; align-items: start; }
@media (max-width: 60rem) { .columns { grid-template-columns: minmax(0, 1fr); } }
.panel { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem;
  margin-bottom: 1.5rem; } .panel h2 { margin: 0 0 .6rem; font-size: 1rem; }
.result { display: grid; place-items: center; min-height: 16rem; }
.result img { max-width: 100%; max-height: 75vh; height: auto; display: block; }
code { display: block; margin-bottom: .8rem; padding: .6rem .75rem; border-radius: 6px;
  background: var(--check); overflow-wrap: anywhere; font: 13px/1.5 ui-monospace, monospace;
  user-select: all; }
.panel > :last-child { margin-bottom: 0; }
.error { margin: 0; padding: .8rem 1rem; border-left: 4px solid var(--bad); background: var(--check);
  overflow-wrap: anywhere; }
form { display: grid; gap: .6rem .8rem; grid-template-columns: 1fr 1fr; }
label { display: grid; gap: .2rem; font-size: .82rem; color: var(--dim); } .wide { grid-column: 1 / -1; }
input, select, textarea, button { width: 100%; padding: .4rem .5rem; border: 1px solid var(--line);
  border-radius: 6px; background: var(--page); color: var(--ink); font: inherit; }
textarea { font: 13px/1.5 ui-monospace, monospace; resize: vertical; }
button { background: var(--accent); color: var(--card); border-color: transparent; font-weight: 600;
  cursor: pointer; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .3rem 1rem; margin: 0; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
"""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing but this style sheet, images of the sandbox and forms that lead back to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What the pages show of a record."""

    id: str
    name: str
    status: str
    mime_type: str
    width: int
    height: int
    size_bytes: int
    created: str
    purpose: str | None
    cdn_url: str
    custom_metadata: Mapping[str, object]


class Field(NamedTuple):
    """A field of the form: a transformation by its canonical name."""

    name: str
    choices: tuple[str, ...] = ()
    hint: str = ""


_GRAVITIES = (
    "center", "attention", "entropy", "north", "south", "east", "west",
    "northeast", "northwest", "southeast", "southwest",
)  # fmt: skip
FIELDS = (
    Field("width", hint="300"),
    Field("height", hint="200"),
    Field("resizing_type", ("cover", "contain", "fill", "inside", "outside")),
    Field("gravity", _GRAVITIES),
    Field("crop", hint="400:300:ne"),
    Field("zoom", hint="1.5"),
    Field("rotate", hint="90"),
    Field("flip", ("horizontal", "vertical", "both")),
    Field("padding", hint="20"),
    Field("background", hint="ffffff"),
    Field("blur", hint="5"),
    Field("sharpen", hint="true"),
    Field("brightness", hint="1.2"),
    Field("contrast", hint="1.2"),
    Field("saturation", hint="0.5"),
    Field("hue", hint="90"),
    Field("format", ("auto", "avif", "webp", "jpeg", "png", "gif", "tiff")),
    Field("quality", hint="80"),
)
FIELD_NAMES = tuple(field.name for field in FIELDS)


def document(title: str, body: str) -> str:
    """A whole page."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _header(note: str) -> str:
    return f'<header><h1><a href="/">Imgwire sandbox</a></h1><span class="dim">{escape(note)}</span></header>'


def message(text: str) -> str:
    """A page of one sentence."""
    return f'{_header("")}<main><p>{escape(text)}</p><p><a href="/">All images</a></p></main>'


def overview(total: int, cards: Sequence[str], number: int, last: int) -> str:
    """The page of all images."""
    count = "1 image" if total == 1 else f"{total:,} images"
    note = count if last == 1 else f"{count} · page {number} of {last}"
    if not cards:
        empty = "No images yet. What is uploaded to this sandbox appears here, the newest first."
        return f"{_header(note)}<main><p>{empty}</p></main>"
    links = []
    if number > 1:
        links.append(f'<a rel="prev" href="/?page={number - 1}">← Newer</a>')
    if number < last:
        links.append(f'<a rel="next" href="/?page={number + 1}">Older →</a>')
    paging = f"<nav>{''.join(links)}</nav>" if links else ""
    grid = "\n".join(f"<li>{card}</li>" for card in cards)
    return f'{_header(note)}<main><ul class="grid">\n{grid}\n</ul>{paging}</main>'


def card(picture: Picture, thumbnail: str, link: str) -> str:
    """One image among others."""
    if picture.status == "READY":
        image = f'<img src="{escape(thumbnail)}" alt="" width="256" height="256" loading="lazy">'
        frame = f'<span class="frame">{image}</span>'
    else:
        frame = '<span class="frame empty">no picture</span>'
    name = escape(picture.name)
    return (
        f'<a class="card" href="{escape(link)}">{frame}<div class="text">'
        f'<bdi class="name" title="{name}">{name}</bdi>'
        f'<div class="row"><span class="dim">{_measures(picture)}</span>{_status(picture)}</div></div></a>'
    )


def detail(picture: Picture, *, source: str, url: str, call: str, form: str, error: str | None) -> str:
    """The page of one image."""
    if picture.status != "READY":
        shown = '<p class="dim">There is a picture once the status is READY.</p>'
    elif error is not None:
        shown = f'<p class="error">The CDN refuses this: {escape(error)}</p>'
    else:
        shown = f'<div class="result"><img src="{escape(source)}" alt="The transformed image"></div>'
        shown += f'<p class="dim"><a href="{escape(source)}">Open this picture alone</a></p>'
    retrieve = f'image = await imgwire.images.retrieve("{escape(picture.id)}")'
    python = (
        f'<section class="panel"><h2>In Python</h2><code>{retrieve}</code><code>{escape(call)}</code>'
        f"<h2>URL</h2><code>{escape(url)}</code></section>"
    )
    facts = [
        ("Name", picture.name),
        ("Type", picture.mime_type),
        ("Pixels", f"{picture.width} × {picture.height}"),
        ("Size", f"{picture.size_bytes:,} bytes"),
        ("Created", picture.created),
        ("Purpose", picture.purpose or "none"),
        ("Id", picture.id),
        *((key, str(value)) for key, value in picture.custom_metadata.items()),
    ]
    rows = "".join(f"<dt><bdi>{escape(key)}</bdi><dd><bdi>{escape(value)}</bdi>" for key, value in facts)
    about = f'<section class="panel"><h2>About {_status(picture)}</h2><dl>{rows}</dl></section>'
    return (
        f'{_header(picture.name)}<main><div class="columns"><div><section class="panel">{shown}</section>'
        f'{python}</div><div><section class="panel"><h2>Try transformations</h2>{form}</section>'
        f"{about}</div></div></main>"
    )


def form(action: str, given: Mapping[str, str], presets: Sequence[str]) -> str:
    """Fields for the transformations that are wanted most, and a free one for the others."""
    fields = [_field(Field("preset", tuple(presets)), given), *(_field(field, given) for field in FIELDS)]
    more = (
        '<label class="wide">more, one per line'
        f'<textarea name="more" rows="3" placeholder="duotone=1b1f24:ffd27f&#10;watermark_text=Hello">'
        f"{escape(given.get('more', ''))}</textarea></label>"
    )
    fields[0] = fields[0].replace("<label>", '<label class="wide">')
    submit = '<button class="wide">Transform</button>'
    return f'<form method="get" action="{escape(action)}">{"".join(fields)}{more}{submit}</form>'


def _field(field: Field, given: Mapping[str, str]) -> str:
    value = given.get(field.name, "")
    if field.choices:
        options = "".join(
            f"<option{' selected' if choice == value else ''}>{escape(choice)}</option>"
            for choice in ("", *field.choices)
        )
        control = f'<select name="{field.name}">{options}</select>'
    else:
        control = f'<input name="{field.name}" value="{escape(value)}" placeholder="{escape(field.hint)}">'
    return f"<label>{field.name}{control}</label>"


def _status(picture: Picture) -> str:
    return f'<span class="status {escape(picture.status)}">{escape(picture.status)}</span>'


def _measures(picture: Picture) -> str:
    if picture.status != "READY":
        return escape(picture.mime_type)
    size = float(picture.size_bytes)
    for unit in ("B", "kB", "MB"):
        if size < 1000 or unit == "MB":
            break
        size /= 1000
    text = f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
    return f"{picture.width} × {picture.height} · {text}"
