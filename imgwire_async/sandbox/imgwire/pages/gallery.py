"""Pages for people who would rather look than read: all images, and one image with a form to transform it.

They need no JavaScript and load nothing but images of the sandbox itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import fields
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from imgwire_async.sandbox.imgwire.cdn.forms import Duotone, Gradient
from imgwire_async.sandbox.imgwire.cdn.parameters import InvalidTransformationError, of_pairs
from imgwire_async.sandbox.imgwire.cdn.watermark_forms import Shadow, Watermark, WatermarkText
from imgwire_async.sandbox.imgwire.operations import OPERATIONS
from imgwire_async.sandbox.imgwire.pages import gallery_html as html
from imgwire_async.sandbox.imgwire.pages.gallery_html import Picture
from imgwire_async.sandbox.imgwire.runtime import Runtime, timestamp
from imgwire_async.sandbox.imgwire.storage import records
from imgwire_async.sandbox.pictures.color import Color
from imgwire_async.sandbox.server.routes import Routes

SHOWN = 60
"""How many images one page shows."""
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}\.[0-9]{1,15}")
_OF_TEXT = Color | Duotone | Gradient | Shadow | Watermark | WatermarkText
"""What is read from text even if it consists of digits."""


def router(runtime: Runtime) -> APIRouter:
    """The pages at `/` and `/gallery/{image_id}`."""
    routes = Routes(OPERATIONS)

    @routes.operation("page")
    async def all_images(request: Request) -> Response:
        total, rows = await runtime.database.read(lambda connection: records.page(connection, 1, 1))
        last = max(1, -(-total // SHOWN))
        number = min(_page_number(request.query_params.get("page", "")), last)
        total, rows = await runtime.database.read(lambda connection: records.page(connection, number, SHOWN))
        cards = [
            html.card(_picture(runtime, row), f"{_cdn_path(runtime, row)}@thumbnail", _page_path(row))
            for row in rows
        ]
        return _page(200, "Imgwire sandbox", html.overview(total, cards, number, last))

    @routes.operation("page.image")
    async def one_image(request: Request, image_id: str) -> Response:
        row = records.find(runtime.database.writer, image_id)
        if row is None:
            return _page(404, "No such image", html.message("There is no image with this id."))
        picture = _picture(runtime, row)
        given = dict(request.query_params) or {"preset": "medium"}
        preset, error = given.get("preset", ""), None
        pairs = sorted(transformations_of(given))
        try:
            of_pairs(pairs)
            if preset and preset not in runtime.settings.presets:
                error = f"{preset!r} is no preset."
        except InvalidTransformationError as refused:
            error = refused.detail
        suffix = (f"@{quote(preset, safe='')}" if preset else "") + (f"?{urlencode(pairs)}" if pairs else "")
        body = html.detail(
            picture,
            source=_cdn_path(runtime, row) + suffix,
            url=records.cdn_url(runtime, row["id"]) + suffix,
            call=python_call(preset, pairs),
            form=html.form(_page_path(row), given, list(runtime.settings.presets)),
            error=error,
        )
        return _page(200, picture.name, body)

    return routes


def transformations_of(given: dict[str, str]) -> list[tuple[str, str]]:
    """What the form asks for: its filled-in fields, and `name=value` lines of the free one."""
    pairs = [(name, given[name].strip()) for name in html.FIELD_NAMES if given.get(name, "").strip()]
    for line in given.get("more", "").splitlines():
        pairs += parse_qsl(line.strip().replace("+", "%2B"), keep_blank_values=True)
    return pairs


def python_call(preset: str, pairs: Sequence[tuple[str, str]]) -> str:
    """The call of the Python library that gives the same URL."""
    arguments = [f"preset={json.dumps(preset)}"] if preset else []
    for name, value in pairs:
        literal = json.dumps(value, ensure_ascii=False) if _is_text(name, value) else _literal(value)
        arguments.append(f"{name.replace('-', '_')}={literal}")
    return f"image.url({', '.join(arguments)})"


def _is_text(name: str, value: str) -> bool:
    """Whether digits are no number here: `000000` is a colour, `2026` may be a watermark."""
    try:
        found = of_pairs([(name, value)])
    except InvalidTransformationError:
        return False
    return any(isinstance(getattr(found, field.name), _OF_TEXT) for field in fields(found))


def _literal(value: str) -> str:
    if _WHOLE.fullmatch(value):
        return str(int(value))
    if _DECIMAL.fullmatch(value):
        return repr(float(value))
    words = {"true": "True", "false": "False"}
    return words.get(value.lower()) or json.dumps(value, ensure_ascii=False)


def _page_number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1


def _page_path(row: records.Record) -> str:
    return f"/gallery/{row['id']}"


def _cdn_path(runtime: Runtime, row: records.Record) -> str:
    # Without the host, so that the pages also work under another name of this machine.
    return records.cdn_url(runtime, row["id"]).removeprefix(runtime.base_url)


def _picture(runtime: Runtime, row: records.Record) -> Picture:
    return Picture(
        id=row["id"],
        name=row["original_filename"],
        status=row["status"],
        mime_type=row["mime_type"],
        width=row["width"],
        height=row["height"],
        size_bytes=row["size_bytes"],
        created=timestamp(row["created_at"]),
        purpose=row["purpose"],
        cdn_url=records.cdn_url(runtime, row["id"]),
        custom_metadata=json.loads(row["custom_metadata"]),
    )


def _page(status: int, title: str, body: str) -> Response:
    return HTMLResponse(
        html.document(title, body),
        status,
        {
            "content-security-policy": html.CONTENT_SECURITY_POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
        },
    )
