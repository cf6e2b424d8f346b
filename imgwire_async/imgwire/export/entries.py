"""The images of an environment as the source of a job, listed repeatedly until nothing new is found."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final

from anyio import to_thread

from imgwire_async.errors import DownloadError
from imgwire_async.imgwire.export.names import NameRegister, NameTemplate
from imgwire_async.imgwire.export.records import item_of, note_of
from imgwire_async.imgwire.lowlevel.models import Image, ImageStatus
from imgwire_async.imgwire.resources.images import Images
from imgwire_async.ingest.items import Entry, Stamp
from imgwire_async.ingest.results.outcomes import SkipReason
from imgwire_async.ingest.sources.source import Batch

PAGE: Final = 100
"""Images per page, the service's maximum."""
PASSES: Final = 4
"""Maximum number of times the list is read."""

_NO_ORIGINAL: Final = {
    ImageStatus.PENDING: "PENDING: its upload never finished",
    ImageStatus.QUARANTINE: "QUARANTINE: the service could not process it and does not deliver it",
}


class ImageEntries:
    """See `imgwire_async.ingest.sources.source.Entries`.

    Pages are numbered, so deleting an image during the export moves others to a page that was already read.
    A list of several pages is therefore read again until a pass finds nothing new.

    Args:
        images: lists them.
        identity: returns the target, which distinguishes the journals of two exports.
        template: template of the file names.
        wanted: returns whether to export an image.
    """

    def __init__(
        self,
        images: Images,
        *,
        identity: Callable[[], str],
        template: NameTemplate,
        wanted: Callable[[Image], bool],
    ) -> None:
        self._images = images
        self._template = template
        self._wanted = wanted
        self._identity = identity
        self.register: NameRegister | None = None
        """Assigns unique names. Without it, in a dry run, all images are listed once."""

    @property
    def identity(self) -> str:
        """The target of the images."""
        return self._identity()

    async def batches(self, resume: str | None) -> AsyncGenerator[Batch, None]:  # noqa: ARG002 - gives no hints
        """A page at a time."""
        for number in range(PASSES):
            pages = found = 0
            async for page in self._images.list(limit=PAGE, prefetch=1).pages():
                pages += 1
                entries = await to_thread.run_sync(self._entries, page.data)
                found += len(entries)
                if entries:
                    yield Batch(entries)
            if self.register is None or pages <= 1 or (number and not found):
                return

    def _entries(self, page: Sequence[Image]) -> list[Entry]:
        wanted = [image for image in page if image.deleted_at is None and self._wanted(image)]
        if self.register is None:
            return [_entry(image, next(self._template.names(image))) for image in wanted]
        return [_entry(image, name) for image, name in self.register.give(wanted, self._template)]


def _entry(image: Image, path: str) -> Entry:
    item = item_of(image, path)
    entry = Entry(str(image.id), item, note=note_of(image, path))
    if image.status in _NO_ORIGINAL:
        entry.skip = _NO_ORIGINAL[ImageStatus(image.status)]
        entry.skip_reason = SkipReason.NO_ORIGINAL
    elif image.status == ImageStatus.PROCESSING:
        entry.problem = DownloadError(
            f"the image {image.id} is still PROCESSING; run the same job again to export it",
            operation="export",
        )
    else:
        entry.stamp = Stamp(size=image.size_bytes, version=image.hash_sha256 or "")
    return entry
