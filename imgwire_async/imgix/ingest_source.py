"""imgix as the source of bulk jobs: the assets of sources, page by page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from imgwire_async.core.paging import Page
from imgwire_async.errors import APIStatusError, InvalidArgumentError, RateLimitError
from imgwire_async.imgix.arguments import SourceId, as_source_id
from imgwire_async.imgix.filters import ASSET_FILTERS, AssetFilters, filter_query
from imgwire_async.imgix.records import Asset, Source
from imgwire_async.imgix.resources.assets import Assets
from imgwire_async.imgix.resources.sources import Sources
from imgwire_async.ingest.items import Entry
from imgwire_async.ingest.sources.source import Batch

PAGE: Final = 100
"""Assets on a page. imgix documents no maximum; this many are known to work."""
CAPS: Final = frozenset({1001, 10_000})
"""Numbers of assets at which imgix is known to stop counting. Whether its lists end there is undocumented."""
_OPERATION: Final = "assets.list"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the sources a run is, as the journal keeps it."""

    listing: str
    """Digest of what is listed: a cursor of another listing means nothing here."""
    source_id: str
    cursor: str | None

    @property
    def text(self) -> str:
        return json.dumps([self.listing, self.source_id, self.cursor])

    @classmethod
    def of(cls, text: str | None) -> _Place | None:
        if text is None:
            return None
        try:
            listing, source_id, cursor = json.loads(text)
        except (ValueError, TypeError):
            return None
        return cls(listing, source_id, cursor)


class AssetEntries:
    """The assets of imgix sources as entries of a job; see `imgwire_async.ingest.sources.source.Entries`.

    The sources are listed one after the other, each by date of creation, so that what is added meanwhile
    comes last and shifts nothing.

    Args:
        sources: the resource.
        assets: the resource.
        service: URL of the API.
        entry_of: makes the entry of an asset.
        wanted: the sources to list; None for all that are not deleted.
        filters: only assets that match all of them.

    Raises:
        InvalidArgumentError: a source or filter is wrong.
    """

    def __init__(
        self,
        sources: Sources,
        assets: Assets,
        *,
        service: str,
        entry_of: Callable[[Source, Asset], Entry],
        wanted: Collection[SourceId] | None = None,
        filters: AssetFilters | None = None,
    ) -> None:
        if wanted is not None and (isinstance(wanted, str | Source) or not wanted):
            raise InvalidArgumentError("sources must be a list of sources or their ids, not an empty one")
        self._wanted = None if wanted is None else sorted({as_source_id(one, _OPERATION) for one in wanted})
        self._filters = filters
        self._sources = sources
        self._assets = assets
        self._entry_of = entry_of
        self.identity = f"imgix at {service}"
        query = filter_query(filters, ASSET_FILTERS, _OPERATION)
        described = json.dumps([self._wanted, sorted(query.items())])
        self._listing = hashlib.blake2b(described.encode(), digest_size=8).hexdigest()
        self.pages = 0
        """Pages that were fetched."""
        self.cut_short: list[str] = []
        """Ids of the sources whose list ended where imgix stops counting, so that assets may be missing."""

    async def batches(self, resume: str | None) -> AsyncGenerator[Batch, None]:
        """A page of a source at a time. A cursor that imgix no longer knows means the source's beginning."""
        place = _Place.of(resume)
        sources = await self._listed_sources()
        begin: int | None = None
        if place is not None and place.listing == self._listing:
            begin = next((n for n, one in enumerate(sources) if one.id == place.source_id), None)
        if place is None or begin is None:
            place, begin = None, 0
        for number in range(begin, len(sources)):
            following = None if number + 1 == len(sources) else sources[number + 1]
            cursor, place = None if place is None else place.cursor, None
            pages, doubtful = self._pages(sources[number], cursor), cursor is not None
            from_start = not doubtful
            count = total = 0
            while True:
                try:
                    page = await anext(pages)
                except StopAsyncIteration:
                    break
                except (APIStatusError, InvalidArgumentError) as error:
                    if not (doubtful and _is_of_the_cursor(error)):
                        raise
                    pages, doubtful, from_start = self._pages(sources[number], None), False, True
                    continue
                doubtful = False
                self.pages += 1
                count += len(page.data)
                total = page.pagination.total_count or total
                entries = [self._entry_of(sources[number], asset) for asset in page.data]
                yield Batch(entries, self._after(page, sources[number], following))
            if from_start and count == total and count in CAPS:
                self.cut_short.append(sources[number].id)

    def _after(self, page: Page[Asset], source: Source, following: Source | None) -> str | None:
        cursor = page.pagination.next_cursor
        if cursor is not None:
            return _Place(self._listing, source.id, cursor).text
        return None if following is None else _Place(self._listing, following.id, None).text

    def _pages(self, source: Source, cursor: str | None) -> AsyncIterator[Page[Asset]]:
        return self._assets.list(
            source, filters=self._filters, sort="date_created", cursor=cursor, limit=PAGE
        ).pages()

    async def _listed_sources(self) -> Sequence[Source]:
        if self._wanted is not None:
            return [await self._sources.retrieve(source_id) for source_id in self._wanted]
        found = {source.id: source async for source in self._sources.list(limit=PAGE)}
        return [found[key] for key in sorted(found) if found[key].deployment_status != "deleted"]


def _is_of_the_cursor(error: Exception) -> bool:
    """Whether a request that asks for a page may be rejected because its cursor has expired."""
    if isinstance(error, RateLimitError):
        return False
    return not isinstance(error, APIStatusError) or error.status in {400, 404, 410, 422}
