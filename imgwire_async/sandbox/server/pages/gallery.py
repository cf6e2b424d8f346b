"""The gallery: all images, one image with a form to transform it, upload and deletion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from imgwire_async.sandbox.server.pages import layout
from imgwire_async.sandbox.server.pages.delivered import Delivered, deliver
from imgwire_async.sandbox.server.pages.html import Html, el, join
from imgwire_async.sandbox.server.pages.layout import Frame, labelled, select, size_text
from imgwire_async.sandbox.server.pages.protection import check_own_form, is_trusted
from imgwire_async.sandbox.server.pages.shelf import Delivery, Field, PageError, Picture, Shelf
from imgwire_async.sandbox.server.pages.uploads import keep_files
from imgwire_async.sandbox.server.runtime import ServerRuntime

PREVIEW = "/_preview"
"""Prefix of the small pictures for the pages, which bypass faults, rate limits and the journal."""


def routes(shelf: Shelf, runtime: ServerRuntime, delivery: ASGIApp) -> list[Route]:
    """The pages at `/` and below `/gallery/`.

    Args:
        shelf: The service.
        runtime: The runtime of the service.
        delivery: The application that delivers its pictures.
    """

    async def overview(request: Request, *, problems: Sequence[str] = (), status: int = 200) -> Response:
        query, trusted = request.query_params, is_trusted(request)
        counts = await shelf.counts()
        wanted = query.get("status", "")
        chosen = wanted if wanted in counts else None
        total = sum(counts.values()) if chosen is None else counts[chosen]
        last = max(1, -(-total // shelf.page_size))
        number = min(layout.page_number(query.get("page", "")), last)
        pictures = await shelf.page(number, chosen)
        paging = layout.paging("/", number, last, {} if chosen is None else {"status": chosen})
        return Frame(shelf.title, trusted).page(
            "Images",
            _done(query),
            [layout.notice(problem, error=True) for problem in problems],
            _upload_form(shelf) if trusted else None,
            _filter(counts, chosen),
            el("ul", (el("li", _card(picture)) for picture in pictures), class_="grid")
            if pictures
            else el("p", "No images yet. Images uploaded to this sandbox appear here, the newest first."),
            paging,
            at="/",
            status=status,
        )

    async def icon(_: Request) -> Response:
        return Response(status_code=204, headers={"cache-control": "max-age=86400"})

    async def one_image(request: Request) -> Response:
        picture = _found(shelf, request.path_params["id"])
        trusted = is_trusted(request)
        found = shelf.deliver(picture, dict(request.query_params))
        shown = Delivered(error=found.error)
        if picture.ready and found.error is None:
            shown = await deliver(delivery, runtime, found.path)
        return Frame(shelf.title, trusted).page(
            picture.name,
            el(
                "div",
                el("div", _result(picture, found, shown), _calls(found)),
                el(
                    "div",
                    el(
                        "section",
                        el("h2", "Try transformations"),
                        _form(shelf, picture, found.given),
                        class_="panel",
                    ),
                    _about(picture),
                    _delete_form(picture) if trusted else None,
                ),
                class_="columns",
            ),
        )

    async def upload(request: Request) -> Response:
        check_own_form(request)
        stored, problems = await keep_files(request, runtime, shelf)
        if problems:
            return await overview(request, problems=problems, status=422)
        return RedirectResponse(f"/?uploaded={stored}", 303)

    async def delete(request: Request) -> Response:
        check_own_form(request)
        async with request.form() as form:
            id = form.get("id", "")
        if not isinstance(id, str) or not await shelf.delete(id):
            raise PageError(404, "An image with this id does not exist.")
        return RedirectResponse("/?deleted=1", 303)

    return [
        Route("/", overview),
        Route("/favicon.ico", icon),
        Route("/gallery/upload", upload, methods=["POST"]),
        Route("/gallery/delete", delete, methods=["POST"]),
        Route("/gallery/{id:path}", one_image),
    ]


def _found(shelf: Shelf, id: str) -> Picture:
    picture = shelf.find(id)
    if picture is None:
        raise PageError(404, "An image with this id does not exist.")
    return picture


def _path(picture: Picture) -> str:
    return f"/gallery/{quote(picture.id, safe='/')}"


def _done(query: Mapping[str, str]) -> Html | None:
    for word, sentence in (("uploaded", "Uploaded"), ("deleted", "Deleted")):
        count = layout.page_number(query[word]) if word in query else 0
        if count:
            return layout.notice(f"{sentence} {count:,} {'image' if count == 1 else 'images'}.")
    return None


def _upload_form(shelf: Shelf) -> Html:
    targets = shelf.upload_targets()
    return el(
        "form",
        labelled(
            "Upload images",
            el("input", type="file", name="files", multiple=True, required=True, accept="image/*,.heic,.jxl"),
        ),
        labelled("Source", select("target", targets)) if targets else None,
        el("button", "Upload"),
        class_="line panel",
        method="post",
        action="/gallery/upload",
        enctype="multipart/form-data",
    )


def _filter(counts: Mapping[str, int], chosen: str | None) -> Html:
    def link(path: str, label: str, count: int, *, current: bool) -> Html:
        return el("a", f"{label} {count:,}", href=path, aria_current="true" if current else None)

    total = sum(counts.values())
    return el(
        "nav",
        link("/", "All", total, current=chosen is None),
        (
            link(f"/?status={quote(status)}", status, count, current=chosen == status)
            for status, count in counts.items()
            if len(counts) > 1 or status == chosen
        ),
        class_="filter",
        aria_label="Status",
    )


def _card(picture: Picture) -> Html:
    if picture.thumbnail is not None:
        image = el("img", src=f"{PREVIEW}{picture.thumbnail}", alt="", width=256, height=256, loading="lazy")
        frame = el("span", image, class_="frame")
    else:
        frame = el("span", el("span", picture.reason or "no picture"), class_="frame empty")
    measures = picture.mime_type
    if picture.ready:
        measures = f"{picture.width} × {picture.height} · {size_text(picture.size_bytes)}"
        if not picture.width:
            measures = f"{picture.mime_type} · {size_text(picture.size_bytes)}"
    text = el(
        "div",
        el("bdi", picture.name, class_="name", title=picture.name),
        el("div", el("span", measures, class_="dim"), _status(picture), class_="row"),
        class_="text",
    )
    return el("a", frame, text, class_="card", href=_path(picture))


def _status(picture: Picture) -> Html:
    kind = "good" if picture.ready else "bad" if picture.failed else "busy"
    return el("span", picture.status, class_=f"status {kind}")


def _result(picture: Picture, found: Delivery, shown: Delivered) -> Html:
    if not picture.ready:
        sentence = picture.reason or "The picture appears here once it has been processed."
        return el("section", layout.notice(sentence, error=picture.failed), class_="panel")
    if shown.error is not None:
        content = layout.notice(f"The CDN rejects this: {shown.error}", error=True)
        return el("section", content, class_="panel")
    image = el("img", src=found.path, alt=f"{picture.name}, transformed")
    rows = [
        ("Type", picture.mime_type, shown.mime_type),
        ("Pixels", _pixels(picture.width, picture.height), _pixels(shown.width, shown.height)),
        ("Bytes", f"{picture.size_bytes:,}", f"{shown.size_bytes:,}{_share(picture, shown)}"),
    ]
    ignored = f"Not rendered by the sandbox: {shown.not_rendered}" if shown.not_rendered else None
    return el(
        "section",
        el("div", image, class_="result"),
        layout.table(
            "The original and the delivered picture", ("Property", "Original", "Result"), rows, (1, 2)
        ),
        layout.notice(ignored) if ignored else None,
        el("p", el("a", "Open this picture alone", href=found.path), class_="dim"),
        class_="panel",
    )


def _pixels(width: int, height: int) -> str:
    return f"{width} × {height}" if width else "unknown"


def _share(picture: Picture, shown: Delivered) -> str:
    return f" ({100 * shown.size_bytes / picture.size_bytes:.0f} %)" if picture.size_bytes else ""


def _calls(found: Delivery) -> Html:
    return el(
        "section",
        el("h2", "In Python"),
        (el("code", call) for call in found.calls),
        el("h2", "URL"),
        el("code", found.url),
        class_="panel copy",
    )


def _about(picture: Picture) -> Html:
    facts = [
        ("Name", picture.name),
        ("Type", picture.mime_type),
        ("Pixels", _pixels(picture.width, picture.height)),
        ("Size", f"{picture.size_bytes:,} bytes"),
        *picture.facts,
    ]
    rows = (join(el("dt", el("bdi", key)), el("dd", el("bdi", value))) for key, value in facts)
    return el("section", el("h2", "About ", _status(picture)), el("dl", rows), class_="panel")


def _delete_form(picture: Picture) -> Html:
    form = el(
        "form",
        el("input", type="hidden", name="id", value=picture.id),
        el("button", "Delete this image", class_="wide danger"),
        method="post",
        action="/gallery/delete",
    )
    return el("details", el("summary", "Delete"), form, class_="panel")


def _form(shelf: Shelf, picture: Picture, given: Mapping[str, str]) -> Html:
    more = el("textarea", given.get("more", ""), name="more", rows=3, placeholder=shelf.more_hint)
    return el(
        "form",
        (_field(field, given, wide=True) for field in shelf.first_fields),
        (_field(field, given) for field in shelf.fields),
        labelled("more, one per line", more, wide=True),
        el("button", "Transform", class_="wide"),
        method="get",
        action=_path(picture),
    )


def _field(field: Field, given: Mapping[str, str], *, wide: bool = False) -> Html:
    value = given.get(field.name, "")
    if field.choices:
        control = select(field.name, [(choice, choice) for choice in ("", *field.choices)], value)
    else:
        control = el("input", name=field.name, value=value, placeholder=field.hint)
    return labelled(field.name, control, wide=wide)
