"""The layout of all pages, and parts that several pages share."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, Response

from imgwire_async.sandbox.server.pages.html import Child, Html, el

_STYLE: Final = files(__package__).joinpath("style.css").read_text(encoding="utf-8")

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; img-src 'self'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Allows only this style sheet, images of the sandbox and forms that are sent to it."""

_HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    # With "no-referrer" browsers would hide the origin of forms.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
_DEVELOPER: Final = (
    ("/developer/requests", "Requests"),
    ("/developer/faults", "Faults"),
    ("/developer/keys", "Keys"),
    ("/developer/metrics", "Metrics"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame of every page."""

    title: str
    """Of all pages."""
    trusted: bool
    """Whether the developer's view is accessible."""

    def page(self, heading: str, *content: Child, at: str | None = None, status: int = 200) -> Response:
        """A whole page.

        Args:
            heading: What it is.
            *content: What it holds.
            at: The link of the navigation that leads to it.
            status: Of the response.
        """
        links = (("/", "Images"), *(_DEVELOPER if self.trusted else ()))
        navigation = el("nav", (_link(path, label, path == at) for path, label in links), aria_label="Pages")
        body = el(
            "body",
            el("a", "Skip to the content", class_="skip", href="#content"),
            el("header", el("strong", el("a", self.title, href="/")), navigation),
            el("main", el("h1", el("bdi", heading)), content, id="content", tabindex="-1"),
        )
        head = el(
            "head",
            el("meta", charset="utf-8"),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            el("title", f"{heading} · {self.title}"),
            Html(f"<style>{_STYLE}</style>"),
        )
        return HTMLResponse(f"<!doctype html>\n{el('html', head, body, lang='en')}\n", status, _HEADERS)


def notice(text: str, *, error: bool = False) -> Html:
    """A sentence about what has happened."""
    return el("p", text, class_="error" if error else "notice", role="alert" if error else "status")


def paging(path: str, number: int, last: int, query: dict[str, str]) -> Html | None:
    """Links to the pages before and after."""
    if last == 1:
        return None

    def link(to: int, relation: str, label: str) -> Html:
        return el("a", label, rel=relation, href=f"{path}?{urlencode({**query, 'page': to})}")

    return el(
        "nav",
        link(number - 1, "prev", "← Newer") if number > 1 else None,
        el("span", f"Page {number:,} of {last:,}", class_="dim"),
        link(number + 1, "next", "Older →") if number < last else None,
        class_="paging",
        aria_label="More",
    )


def table(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[Child]], numbers: Collection[int] = ()
) -> Html:
    """A table that scrolls on its own if it is too wide.

    Args:
        caption: What it shows.
        columns: Headings; the first column names its row.
        rows: Cells.
        numbers: Which columns are numbers, counted from 0.
    """

    def class_of(column: int) -> str | None:
        return "number" if column in numbers else None

    head = (el("th", name, scope="col", class_=class_of(at)) for at, name in enumerate(columns))
    body = (
        el(
            "tr",
            el("th", row[0], scope="row"),
            (el("td", cell, class_=class_of(at)) for at, cell in enumerate(row[1:], 1)),
        )
        for row in rows
    )
    made = el("table", el("caption", caption, class_="dim"), el("thead", el("tr", head)), el("tbody", body))
    return el("div", made, class_="table", role="region", aria_label=caption, tabindex="0")


def select(name: str, choices: Sequence[tuple[str, str]], chosen: str = "", **attributes: str) -> Html:
    """A selection list: values and their labels."""
    options = (
        el("option", label, value=None if value == label else value, selected=value == chosen)
        for value, label in choices
    )
    return el("select", options, name=name, **attributes)


def labelled(label: str, control: Html, *, wide: bool = False) -> Html:
    """A control with its label."""
    return el("label", label, control, class_="wide" if wide else None)


def size_text(size_bytes: float) -> str:
    """Bytes for people, such as `1.2 MB`."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB"):
        if size < 1000 or unit == "MB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"


def page_number(text: str) -> int:
    """The page number in a query; 1 if it is missing or invalid."""
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1


def _link(path: str, label: str, current: bool) -> Html:
    return el("a", label, href=path, aria_current="page" if current else None)
