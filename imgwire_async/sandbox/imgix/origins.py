"""The files of sources: put here by uploads and tests, or fetched from web folders and web proxies."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import sqlite3
import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote

import httpx

from imgwire_async.sandbox.imgix.documents import Attributes, bad_request, not_found
from imgwire_async.sandbox.imgix.resources import sources
from imgwire_async.sandbox.imgix.runtime import Runtime, as_json
from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.requests.bodies import BodyTooLargeError, write_to_file

if TYPE_CHECKING:
    import pyvips

MAXIMUM_FETCH_BYTES: Final = 500_000_000
FETCH_SECONDS: Final = 30.0
_KINDS: Final = {"image/svg+xml": "VECTOR"}

Row = sqlite3.Row


def normalized(origin_path: str) -> str:
    """An origin path with one leading slash.

    Raises:
        ApiError: 400, it has an empty, `.` or `..` segment.
    """
    path = origin_path.removeprefix("/")
    if not path.startswith(("http://", "https://")) and any(
        part in {"", ".", ".."} for part in path.split("/")
    ):
        raise bad_request(f"The path {origin_path!r} has an empty or relative segment.", "origin_path")
    return f"/{path}"


def find(runtime: Runtime, source_id: str, origin_path: str) -> Row | None:
    """The file at a path, if it was stored here or fetched before."""
    row: Row | None = runtime.database.writer.execute(
        "SELECT * FROM files WHERE source_id = ? AND origin_path = ?", (source_id, origin_path)
    ).fetchone()
    return row


async def get(runtime: Runtime, source: Row, origin_path: str) -> Row:
    """The file at a path, fetched if its origin is on the web.

    Raises:
        ApiError: 404, there is none; 502, the origin does not respond.
    """
    row = find(runtime, source["id"], origin_path)
    if row is not None:
        return row
    deployment = sources.deployment_of(source)
    url = _url(deployment, origin_path)
    if url is None or not runtime.settings.fetches_origins:
        raise not_found()
    incoming = runtime.files.incoming_file()
    try:
        size, sha256, content_type = await _fetch(url, deployment, incoming)
        return await keep(
            runtime, source["id"], origin_path, incoming, size, sha256, content_type, fetched=True
        )
    finally:
        incoming.unlink(missing_ok=True)


def can_fetch(runtime: Runtime, source: Row, origin_path: str) -> bool:
    """Whether the origin of a source is on the web and may be fetched from."""
    deployment = sources.deployment_of(source)
    return runtime.settings.fetches_origins and _url(deployment, origin_path) is not None


async def keep(
    runtime: Runtime,
    source_id: str,
    origin_path: str,
    incoming: Path,
    size: int,
    sha256: str,
    content_type: str | None,
    *,
    fetched: bool = False,
) -> Row:
    """Examine a received file and store it at a path."""
    facts = await asyncio.get_running_loop().run_in_executor(
        runtime.inspecting_threads, partial(examine, incoming, origin_path, content_type)
    )
    return keep_examined(runtime, source_id, origin_path, incoming, size, sha256, facts, fetched=fetched)


def keep_examined(
    runtime: Runtime,
    source_id: str,
    origin_path: str,
    incoming: Path,
    size: int,
    sha256: str,
    facts: Attributes,
    *,
    fetched: bool = False,
) -> Row:
    """Store a file whose facts are known at a path."""
    name = uuid.uuid4().hex
    target = runtime.files.original(name)
    target.parent.mkdir(exist_ok=True)
    former = find(runtime, source_id, origin_path)
    incoming.replace(target)
    row: Row = runtime.database.writer.execute(
        "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (source_id, origin_path, name, fetched, size, sha256, as_json(facts)),
    ).fetchone()
    if former is not None:
        runtime.files.original(former["file"]).unlink(missing_ok=True)
    return row


def forget_fetched(runtime: Runtime, source_id: str, origin_path: str) -> None:
    """Discard a fetched file, so that the next request fetches it again; files stored here are kept."""
    row = find(runtime, source_id, origin_path)
    if row is None or not row["fetched"]:
        return
    runtime.database.writer.execute(
        "DELETE FROM files WHERE source_id = ? AND origin_path = ?", (source_id, origin_path)
    )
    runtime.files.original(row["file"]).unlink(missing_ok=True)


def facts_of(row: Row) -> Attributes:
    """The facts of an examined file."""
    return cast("Attributes", json.loads(row["facts"]))


def examine(path: Path, origin_path: str, content_type: str | None) -> Attributes:
    """The facts of a file for its asset. Reads the pixels, so call it in a thread."""
    # Image libraries take a quarter of a second to import; here that delays neither start nor loop.
    import pyvips

    from imgwire_async.sandbox.pictures import inspection
    from imgwire_async.sandbox.pictures import sources as pictures

    with path.open("rb") as file:
        sniffed = inspection.sniff(file.read(64))
    given = None if content_type == "application/octet-stream" else content_type
    facts = expected_facts(origin_path, str(sniffed) if sniffed is not None else given)
    if sniffed is None:
        return facts
    try:
        found = inspection.inspect(path, sniffed, 250_000_000)
        frames = pictures.load(path, sniffed).frames
        color = _average_color(frames[0])
    except (inspection.UnacceptableImageError, pyvips.Error):
        return facts
    animated = len(frames) > 1
    facts.update(
        media_kind="ANIMATION" if animated else facts["media_kind"],
        media_width=found.width,
        media_height=found.height,
        has_frames=animated,
        color_model="RGB",
        color_profile="sRGB IEC61966-2.1",
        dpi_width=72,
        dpi_height=72,
        colors={"dominant_colors": {"vibrant": color}},
        face_count=0,
    )
    return facts


def expected_facts(origin_path: str, content_type: str | None = None) -> Attributes:
    """The facts of a file by its type, or else by its name."""
    kind = content_type or mimetypes.guess_type(origin_path)[0] or "application/octet-stream"
    media_kind = _KINDS.get(kind, "IMAGE" if kind.startswith("image/") else "DOCUMENT")
    return {"content_type": kind, "media_kind": media_kind}


def _average_color(image: pyvips.Image) -> str:
    return "#" + "".join(f"{round(image[band].avg()):02x}" for band in range(3))


def _url(deployment: Attributes, origin_path: str) -> str | None:
    if deployment["type"] == "webproxy":
        path = origin_path.removeprefix("/")
        return path if path.startswith(("http://", "https://")) else None
    if deployment["type"] == "webfolder":
        return str(deployment["webfolder_base_url"]).rstrip("/") + quote(origin_path, safe="/!$&'()*+,;=:@~")
    return None


async def _fetch(url: str, deployment: Attributes, target: Path) -> tuple[int, str, str | None]:
    username, password = deployment.get("username"), deployment.get("password")
    auth = (str(username), str(password)) if username and password else None
    try:
        async with (
            httpx.AsyncClient(timeout=FETCH_SECONDS, follow_redirects=True, trust_env=False) as client,
            client.stream("GET", url, auth=auth, headers={"user-agent": "imgix/3.0"}) as response,
        ):
            if response.status_code != 200:
                raise not_found()
            size, sha256 = await write_to_file(response.aiter_bytes(), target, MAXIMUM_FETCH_BYTES)
            content_type = response.headers.get("content-type", "").partition(";")[0].strip()
            return size, sha256, content_type or None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, BodyTooLargeError) as error:
        # UnicodeError: a host name that is not valid IDNA.
        raise ApiError(502, "BadGateway", "The origin of the source could not be read.") from error
