"""The content of the pages for a local imgix: assets, renderings, and numbers."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Final, cast
from urllib.parse import parse_qsl, quote, urlencode

from imgwire_async.sandbox.imgix import origins
from imgwire_async.sandbox.imgix.cdn.delivery import HOST_PREFIX
from imgwire_async.sandbox.imgix.documents import Attributes
from imgwire_async.sandbox.imgix.resources import assets, sources
from imgwire_async.sandbox.imgix.runtime import Runtime, variables
from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.pages.layout import size_text
from imgwire_async.sandbox.server.pages.shelf import Delivery, Field, Figures, PageError, Picture, Upload

NEW_SOURCE: Final = "gallery"
"""Name and subdomain of the source that an upload creates if there is none."""

_FIELDS: Final = (
    Field("w", hint="300"),
    Field("h", hint="200"),
    Field("fit", ("clip", "crop", "max", "min", "fill", "scale", "facearea")),
    Field("crop", ("top", "bottom", "left", "right", "entropy", "edges", "faces")),
    Field("ar", hint="3:2"),
    Field("rect", hint="0,0,400,300"),
    Field("rot", hint="90"),
    Field("flip", ("h", "v", "hv")),
    Field("pad", hint="20"),
    Field("bg", hint="ffffff"),
    Field("blur", hint="50"),
    Field("sharp", hint="20"),
    Field("bri", hint="20"),
    Field("con", hint="20"),
    Field("sat", hint="-50"),
    Field("monochrome", hint="333333"),
    Field("fm", ("avif", "webp", "jpg", "png", "gif")),
    Field("q", hint="75"),
)
_FIRST: Final = (Field("auto", ("format", "compress", "format,compress", "enhance")),)
_NAMES: Final = tuple(field.name for field in (*_FIRST, *_FIELDS))
_STATUS: Final = (
    "CASE WHEN visible_at > :now THEN 'QUEUED' WHEN published THEN 'PUBLISHED' ELSE 'UNPUBLISHED' END"
)
_REASONS: Final = {
    "QUEUED": "Queued for indexing.",
    "UNPUBLISHED": "It was unpublished, so it is not delivered.",
}
_TABLES: Final = {
    "sources": "Sources",
    "assets": "Assets",
    "files": "Files of sources",
    "upload_sessions": "Upload sessions",
    "purges": "Purged URLs",
    "reports": "Reports",
}


class ImgixShelf:
    """A local imgix as the pages see it."""

    title = "imgix sandbox"
    delivery_operation = "rendering.get"
    page_size = 60
    """Number of images on a page."""
    fields: Sequence[Field] = _FIELDS
    first_fields: Sequence[Field] = _FIRST
    more_hint = "duotone=1b1f24,ffd27f\nborder=4,ff0000"

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @property
    def maximum_upload_bytes(self) -> int:
        """Maximum size of a file on the pages, the same as for a direct upload."""
        return self._runtime.settings.maximum_upload_bytes

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables that direct clients to this service."""
        return variables(self._runtime.identity, self._runtime.base_url)

    def upload_targets(self) -> Sequence[tuple[str, str]]:
        """The sources that files can be uploaded to; if there are none, the one that an upload creates."""
        targets = [(row["id"], row["name"]) for row in self._uploadable()]
        return targets or [("", f"{NEW_SOURCE} (new)")]

    async def counts(self) -> Mapping[str, int]:
        """How many assets have each status."""
        sql = f"SELECT {_STATUS}, count(*) FROM assets GROUP BY 1 ORDER BY 1"  # noqa: S608 - a constant
        now = self._runtime.now()
        return await self._runtime.database.read(
            lambda connection: dict(map(tuple, connection.execute(sql, {"now": now}).fetchall()))
        )

    async def page(self, number: int, status: str | None) -> Sequence[Picture]:
        """A page of the assets of all sources, newest first."""
        sql = (
            f"SELECT *, {_STATUS} AS status FROM assets WHERE :status IS NULL OR {_STATUS} = :status"  # noqa: S608
            " ORDER BY sequence DESC LIMIT :limit OFFSET :skipped"
        )
        values = {
            "now": self._runtime.now(),
            "status": status,
            "limit": self.page_size,
            "skipped": (number - 1) * self.page_size,
        }
        rows = await self._runtime.database.read(
            lambda connection: connection.execute(sql, values).fetchall()
        )
        known = {row["id"]: row for row in self._runtime.database.writer.execute("SELECT * FROM sources")}
        return [self._picture(row, known[row["source_id"]]) for row in rows]

    def find(self, id: str) -> Picture | None:
        """An asset, by the id of its source and its path."""
        source_id, slash, path = id.partition("/")
        writer = self._runtime.database.writer
        row = writer.execute(
            f"SELECT *, {_STATUS} AS status FROM assets WHERE source_id = :source AND origin_path = :path",  # noqa: S608
            {"now": self._runtime.now(), "source": source_id, "path": slash + path},
        ).fetchone()
        return None if row is None else self._picture(row, sources.find(self._runtime, source_id))

    def deliver(self, picture: Picture, given: Mapping[str, str]) -> Delivery:
        """How an asset is rendered with the values of the form."""
        source_id, slash, path = picture.id.partition("/")
        given = given or {"auto": "format", "w": "800", "fit": "max"}
        pairs = [(name, given[name].strip()) for name in _NAMES if given.get(name, "").strip()]
        for line in given.get("more", "").splitlines():
            pairs += parse_qsl(line.strip().replace("+", "%2B"), keep_blank_values=True)
        row = sources.find(self._runtime, source_id)
        target = _target(row, slash + path, pairs)
        host = _host(row)
        token = ", token=source.secure_url_token" if _is_signed(row) else ""
        call = f"imgix_url({json.dumps(host)}, {json.dumps(slash + path)}, {json.dumps(dict(pairs))}{token})"
        return Delivery(
            given=given,
            path=f"{HOST_PREFIX}{host}{target}",
            url=f"https://{host}{target}",
            calls=("from imgwire_async.imgix import imgix_url", call),
        )

    async def keep(self, upload: Upload) -> None:
        """Put a file into a source, as a direct upload with `overwrite` would.

        Raises:
            PageError: the source or the name cannot be used.
        """
        runtime = self._runtime
        try:
            path = origins.normalized(PurePosixPath(upload.name.replace("\\", "/")).name)
            source_id = self._source(upload.target)
            file = await origins.keep(
                runtime, source_id, path, upload.path, upload.size, upload.sha256, upload.media_type
            )
        except ApiError as error:
            raise PageError(422, error.detail) from None
        assets.index(runtime, file, examined_after=runtime.settings.indexing_delay, uploaded=True)

    async def settled(self) -> bool:
        """True: files are examined before they are kept."""
        return True

    async def delete(self, id: str) -> bool:
        """Delete an asset and its file. Return False if there is none."""
        source_id, slash, path = id.partition("/")
        place = (source_id, slash + path)
        writer = self._runtime.database.writer
        found = writer.execute("DELETE FROM assets WHERE source_id = ? AND origin_path = ?", place).rowcount
        file = origins.find(self._runtime, *place)
        if file is not None:
            writer.execute("DELETE FROM files WHERE source_id = ? AND origin_path = ?", place)
            self._runtime.files.original(file["file"]).unlink(missing_ok=True)
        return bool(found)

    async def figures(self) -> Sequence[Figures]:
        """The number of rows in each table."""

        def read(connection: sqlite3.Connection) -> list[tuple[str, Sequence[str]]]:
            rows: list[tuple[str, Sequence[str]]] = []
            for table, label in _TABLES.items():
                (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
                rows.append((label, [f"{count:,}"]))
            (stored,) = connection.execute("SELECT coalesce(sum(size), 0) FROM files").fetchone()
            return [*rows, ("Stored", [size_text(stored)])]

        return [
            Figures("Contents of this account", ("Kind", "Count"), await self._runtime.database.read(read))
        ]

    def _uploadable(self) -> list[sqlite3.Row]:
        rows = self._runtime.database.writer.execute("SELECT * FROM sources ORDER BY sequence")
        return [row for row in rows if sources.deployment_of(row)["type"] in sources.UPLOADABLE]

    def _source(self, chosen: str) -> str:
        """The source of an upload.

        Raises:
            ApiError: it cannot be used.
        """
        known = [str(row["id"]) for row in self._uploadable()]
        if chosen:
            if chosen not in known:
                raise ApiError(422, "BadRequest", "Choose a source that files can be uploaded to.")
            return chosen
        if known:
            return known[0]
        bucket = {"s3_access_key": "access", "s3_secret_key": "secret", "s3_bucket": "bucket"}
        deployment = {"type": "s3", "imgix_subdomains": [NEW_SOURCE], **bucket}
        made = sources.create(self._runtime, {"name": NEW_SOURCE, "deployment": deployment})
        return str(made["id"])

    def _picture(self, row: sqlite3.Row, source: sqlite3.Row) -> Picture:
        attributes = cast("Attributes", json.loads(row["attributes"]))
        path, status = str(row["origin_path"]), str(row["status"])
        mime_type = str(attributes["content_type"])
        ready = status == "PUBLISHED"
        facts = [
            ("Source", str(source["name"])),
            ("Path", path),
            ("Created", datetime.fromtimestamp(int(row["date_created"]), UTC).isoformat()),
            *((name, json.dumps(attributes[name])) for name in ("name", "description") if attributes[name]),
            *((name, json.dumps(attributes[name])) for name in ("categories", "tags") if attributes[name]),
            *(
                (name, str(value))
                for name, value in cast("Attributes", attributes["custom_fields"] or {}).items()
            ),
        ]
        thumbnail = None
        if ready and mime_type.startswith("image/"):
            thumbnail = f"{HOST_PREFIX}{_host(source)}" + _target(
                source, path, [("w", "256"), ("h", "256"), ("fit", "crop"), ("auto", "format")]
            )
        return Picture(
            id=f"{row['source_id']}{path}",
            name=path.rpartition("/")[2] or path,
            status=status,
            ready=ready,
            failed=status == "UNPUBLISHED",
            reason=_REASONS.get(status),
            mime_type=mime_type,
            width=cast("int", attributes.get("media_width", 0)),
            height=cast("int", attributes.get("media_height", 0)),
            size_bytes=row["file_size"],
            thumbnail=thumbnail,
            facts=facts,
        )


def _host(source: sqlite3.Row) -> str:
    labels = cast("list[str]", sources.deployment_of(source)["imgix_subdomains"])
    return f"{labels[0]}{sources.IMGIX_HOST}"


def _target(source: sqlite3.Row, origin_path: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Path and query at a source's host, signed if the source requires it."""
    path = quote(origin_path, safe="/!$&'()*,;=@~:")
    if origin_path.startswith(("/http://", "/https://")):
        path = "/" + quote(origin_path[1:], safe="")
    query = urlencode(pairs, safe=",:")
    target = path + (f"?{query}" if query else "")
    if not _is_signed(source):
        return target
    # By imgix's own recipe; see `delivery.check_signature`.
    signature = hashlib.md5(f"{source['token']}{target}".encode(), usedforsecurity=False).hexdigest()
    return f"{target}{'&' if query else '?'}s={signature}"


def _is_signed(source: sqlite3.Row) -> bool:
    return bool(sources.deployment_of(source)["secure_url_enabled"])
