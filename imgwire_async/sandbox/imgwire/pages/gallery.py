"""The content of the pages for a local Imgwire."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from imgwire_async.sandbox.imgwire.auth import Caller
from imgwire_async.sandbox.imgwire.cdn.forms import Duotone, Gradient
from imgwire_async.sandbox.imgwire.cdn.parameters import InvalidTransformationError, of_pairs
from imgwire_async.sandbox.imgwire.cdn.watermark_forms import Shadow, Watermark, WatermarkText
from imgwire_async.sandbox.imgwire.identity import variables
from imgwire_async.sandbox.imgwire.resources import images, metrics, uploads
from imgwire_async.sandbox.imgwire.runtime import Runtime, timestamp
from imgwire_async.sandbox.imgwire.schemas import EXTENSIONS, StandardUploadCreate, mime_type_of_name
from imgwire_async.sandbox.imgwire.storage import records, store
from imgwire_async.sandbox.pictures.color import Color
from imgwire_async.sandbox.pictures.types import SupportedMimeType
from imgwire_async.sandbox.server.errors import ApiError
from imgwire_async.sandbox.server.pages.layout import size_text
from imgwire_async.sandbox.server.pages.shelf import Delivery, Field, Figures, PageError, Picture, Upload
from imgwire_async.sandbox.server.storage.presigned import StoreError

_WHOLE = re.compile(r"-?[0-9]{1,15}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}\.[0-9]{1,15}")
_OF_TEXT = Color | Duotone | Gradient | Shadow | Watermark | WatermarkText
"""Fields that are text even if they consist of digits."""
_RANGES: Final = {"last hour": 3600, "last 24 hours": 86_400, "last 30 days": 30 * 86_400}  # seconds
_LABELS: Final = {
    "uploads": "Uploads",
    "transformations": "Transformations",
    "requests": "Requests to the CDN",
    "transfer_bytes": "Transferred",
    "cache_hit_ratio": "Cache hits",
    "storage_bytes": "Stored at the end",
}
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


class ImgwireShelf:
    """A local Imgwire as the pages see it."""

    title = "Imgwire sandbox"
    delivery_operation = "cdn.get"
    page_size = 60
    """Number of images on a page."""
    fields = FIELDS
    more_hint = "duotone=1b1f24:ffd27f\nwatermark_text=Hello"

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @property
    def maximum_upload_bytes(self) -> int:
        """Maximum size of a file on the pages."""
        return self._runtime.settings.maximum_upload_bytes

    @property
    def first_fields(self) -> Sequence[Field]:
        """The presets."""
        return (Field("preset", tuple(self._runtime.settings.presets)),)

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables that direct clients to this service."""
        return variables(self._runtime.identity, self._runtime.base_url)

    def upload_targets(self) -> Sequence[tuple[str, str]]:
        """Empty: uploads have only one destination."""
        return ()

    async def counts(self) -> Mapping[str, int]:
        """How many images have each status."""
        return await self._runtime.database.read(records.counts)

    async def page(self, number: int, status: str | None) -> Sequence[Picture]:
        """A page of the images, newest first."""

        def read(connection: sqlite3.Connection) -> list[Picture]:
            rows = records.shown(connection, number, self.page_size, status)
            reasons = records.reasons(connection, [row["id"] for row in rows])
            return [self._picture(row, reasons.get(row["id"])) for row in rows]

        return await self._runtime.database.read(read)

    def find(self, id: str) -> Picture | None:
        """An image."""
        writer = self._runtime.database.writer
        row = records.find(writer, id)
        return None if row is None else self._picture(row, records.reasons(writer, [id]).get(id))

    def deliver(self, picture: Picture, given: Mapping[str, str]) -> Delivery:
        """How an image is delivered with the values of the form."""
        given = given or {"preset": "medium"}
        preset, error = given.get("preset", ""), None
        pairs = sorted(transformations_of(given))
        try:
            of_pairs(pairs)
            if preset and preset not in self._runtime.settings.presets:
                error = f"{preset!r} is not a preset."
        except InvalidTransformationError as refused:
            error = refused.detail
        suffix = (f"@{quote(preset, safe='')}" if preset else "") + (f"?{urlencode(pairs)}" if pairs else "")
        retrieve = f"image = await imgwire.images.retrieve({json.dumps(picture.id)})"
        return Delivery(
            given=given,
            path=self._cdn_path(picture.id) + suffix,
            url=records.cdn_url(self._runtime, picture.id) + suffix,
            calls=(retrieve, python_call(preset, pairs)),
            error=error,
        )

    async def keep(self, upload: Upload) -> None:
        """Store a file, as an upload by the API would.

        Raises:
            PageError: it is not an image by its name, or the service rejects it.
        """
        mime_type = mime_type_of_name(upload.name) or _declared(upload.media_type)
        if mime_type is None:
            kinds = ", ".join(sorted(names[0].upper() for names in EXTENSIONS.values()))
            raise PageError(422, f"It is not a supported image ({kinds}).")
        body = StandardUploadCreate(
            file_name=upload.name, mime_type=mime_type, content_length=upload.size, purpose="gallery"
        )
        try:
            created = uploads.new(self._runtime, body, Caller.SERVER_KEY)
            store.keep(self._runtime, created["id"], upload.path, upload.size, upload.sha256)
        except (ApiError, StoreError) as error:
            raise PageError(422, str(getattr(error, "detail", error))) from None

    async def settled(self) -> bool:
        """Whether no processing is in progress that will finish on its own soon."""
        settings = self._runtime.settings
        if settings.processing_delay or settings.processing_reads:
            return True
        return not any(task.get_name().startswith("Processing") for task in self._runtime.background)

    async def delete(self, id: str) -> bool:
        """Delete an image. Return False if there is none."""
        return await images.delete(self._runtime, [id]) == 1

    async def figures(self) -> Sequence[Figures]:
        """The environment's metrics, and its images by status."""
        now = datetime.fromtimestamp(self._runtime.now(), UTC)

        def read(connection: sqlite3.Connection) -> list[dict[str, int]]:
            spans = (timedelta(seconds=seconds) for seconds in _RANGES.values())
            return [metrics.totals(connection, now - span, now + timedelta(seconds=1)) for span in spans]

        totals, counts = await asyncio.gather(self._runtime.database.read(read), self.counts())
        rows = [(label, [_shown(name, total[name]) for total in totals]) for name, label in _LABELS.items()]
        statuses = [(status, [f"{count:,}"]) for status, count in counts.items()]
        return [
            Figures("Metrics of the environment", ("Metric", *_RANGES), rows),
            Figures("Images by status", ("Status", "Images"), statuses),
        ]

    def _cdn_path(self, image_id: str) -> str:
        # Without the host, so that the pages also work under another name of this machine.
        return records.cdn_url(self._runtime, image_id).removeprefix(self._runtime.base_url)

    def _picture(self, row: records.Record, reason: str | None) -> Picture:
        ready = row["status"] == "READY"
        custom = json.loads(row["custom_metadata"])
        return Picture(
            id=row["id"],
            name=row["original_filename"],
            status=row["status"],
            ready=ready,
            failed=row["status"] == "QUARANTINE",
            reason=None if ready else reason or self._waiting_for(row),
            mime_type=row["mime_type"],
            width=row["width"],
            height=row["height"],
            size_bytes=row["size_bytes"],
            thumbnail=f"{self._cdn_path(row['id'])}@thumbnail" if ready else None,
            facts=[
                ("Created", timestamp(row["created_at"])),
                ("Purpose", row["purpose"] or "none"),
                ("Id", row["id"]),
                *((key, str(value)) for key, value in custom.items()),
            ],
        )

    def _waiting_for(self, row: records.Record) -> str:
        if row["status"] == "QUARANTINE":
            return "Quarantined; the reason was not recorded."
        if row["status"] == "PROCESSING":
            return "Its bytes have arrived and are being processed."
        if row["source_url"] is not None:
            return "Its source is being fetched."
        expires = timestamp(row["upload_expires_at"])
        if records.can_upload(self._runtime, row):
            return f"Waiting for its bytes; its upload URL expires at {expires}."
        return f"Its bytes never arrived; its upload URL expired at {expires}."


def _declared(media_type: str | None) -> SupportedMimeType | None:
    # What Chromium calls HEIC.
    media_type = "image/heic" if media_type == "image/heif" else media_type
    return SupportedMimeType(media_type) if media_type in set(SupportedMimeType) else None


def _shown(name: str, value: int) -> str:
    if name.endswith("_bytes"):
        return size_text(value)
    return f"{value} %" if name == "cache_hit_ratio" else f"{value:,}"


def transformations_of(given: Mapping[str, str]) -> list[tuple[str, str]]:
    """The transformations in the form: its filled-in fields, and the `name=value` lines of the free field."""
    pairs = [(name, given[name].strip()) for name in FIELD_NAMES if given.get(name, "").strip()]
    for line in given.get("more", "").splitlines():
        pairs += parse_qsl(line.strip().replace("+", "%2B"), keep_blank_values=True)
    return pairs


def python_call(preset: str, pairs: Sequence[tuple[str, str]]) -> str:
    """The call of the Python library that returns the same URL."""
    arguments = [f"preset={json.dumps(preset)}"] if preset else []
    for name, value in pairs:
        literal = json.dumps(value, ensure_ascii=False) if _is_text(name, value) else _literal(value)
        arguments.append(f"{name.replace('-', '_')}={literal}")
    return f"image.url({', '.join(arguments)})"


def _is_text(name: str, value: str) -> bool:
    """Whether digits are text here: `000000` is a colour, `2026` may be a watermark."""
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
