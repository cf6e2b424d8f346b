"""The root page: the latest images, for people who would rather look than read."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from imgwire_async.sandbox import records
from imgwire_async.sandbox.runtime import Runtime, timestamp

SHOWN = 100
"""How many images the page lists."""

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Imgwire sandbox</title>
<style>
body { font-family: system-ui, sans-serif; margin: 2rem; }
table { border-collapse: collapse; }
td, th { border-bottom: 1px solid #ccc; padding: .4rem .8rem; text-align: left; }
img { max-width: 8rem; max-height: 6rem; }
</style>
</head>
<body>
<h1>Imgwire sandbox</h1>
"""


def router(runtime: Runtime) -> APIRouter:
    """The page at `/`."""
    routes = APIRouter()

    @routes.get("/")
    async def page() -> Response:
        total, rows = await runtime.database.read(lambda connection: records.page(connection, 1, SHOWN))
        table = "\n".join(_row(runtime, row) for row in rows)
        return HTMLResponse(
            f"{_HEAD}<p>{total} images, the latest {len(rows)} shown.</p>\n<table>\n"
            "<tr><th>Image<th>Name<th>Status<th>Type<th>Pixels<th>Bytes<th>Created</tr>\n"
            f"{table}\n</table>\n</body>\n</html>\n"
        )

    return routes


def _row(runtime: Runtime, row: records.Record) -> str:
    url = escape(records.cdn_url(runtime, row["id"]))
    image = f'<a href="{url}"><img src="{url}" alt=""></a>' if row["status"] == "READY" else ""
    cells = (
        row["original_filename"],
        row["status"],
        row["mime_type"],
        f"{row['width']} × {row['height']}",
        str(row["size_bytes"]),
        timestamp(row["created_at"]),
    )
    return f"<tr><td>{image}" + "".join(f"<td>{escape(cell)}" for cell in cells) + "</tr>"
