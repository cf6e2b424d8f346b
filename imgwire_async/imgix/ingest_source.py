"""imgix as the source of bulk jobs: the assets of sources, page by page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from imgwire_async.core.clients.credentials import Credentials
from imgwire_async.core.paging import Page
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import APIStatusError, InvalidArgumentError, RateLimitError
from imgwire_async.imgix.arguments import SourceId, as_source_id
from imgwire_async.imgix.filters import ASSET_FILTERS, AssetFilters, AssetSort, filter_query
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
_IN_ORDER: Final = "date_created"
_BACKWARDS: Final = "-date_created"
_OTHER_ORDERS: Final[tuple[AssetSort, ...]] = (
    _BACKWARDS,
    "date_modified",
    "-date_modified",
    "file_size",
    "-file_size",
)


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


@dataclass(slots=True)
class _Found:
    """What the list of a source in its first order has shown."""

    from_start: bool
    ids: set[str] = field(default_factory=set)
    newest: datetime | None = None
    count: int = 0
    total: int = 0
    ended: bool = False
    is_whole: bool = False
    """Whether the other orders have shown that nothing is missing."""

    def add(self, page: Page[Asset]) -> None:
        """Take one more page into account."""
        self.ids.update(asset.id for asset in page.data)
        self.count += len(page.data)
        self.total = page.pagination.total_count or self.total
        self.ended = page.pagination.next_cursor is None
        if page.data:
            self.newest = page.data[-1].date_created

    @property
    def is_cut_short(self) -> bool:
        """Whether it ended where imgix stops counting, so that assets may be missing."""
        return self.ended and self.total in CAPS and (self.count == self.total or not self.from_start)

    def meets(self, page: Page[Asset]) -> bool:
        """Whether a page of the list backwards lies before the end of this one: between both nothing is left.

        An asset that is as old as the newest one proves nothing, because many may have come at once.
        """
        newest = self.newest
        return newest is not None and any(
            asset.date_created is not None and asset.date_created < newest for asset in page.data
        )


class AssetEntries:
    """The assets of imgix sources as entries of a job; see `imgwire_async.ingest.sources.source.Entries`.

    The sources are listed one after the other, each by date of creation, so that what is added meanwhile
    comes last and shifts nothing. A list that ends where imgix stops counting is also read backwards, which
    shows twice as many assets, and whether some are missing between both; then in further orders.

    Args:
        sources: the resource.
        assets: the resource.
        service: URL of the API.
        credentials: what the requests are made with.
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
        credentials: Credentials,
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
        self._credentials = credentials
        self.identity = f"imgix at {service}"
        query = filter_query(filters, ASSET_FILTERS, _OPERATION)
        described = json.dumps([self._wanted, sorted(query.items())])
        self._listing = hashlib.blake2b(described.encode(), digest_size=8).hexdigest()
        self.pages = 0
        """Pages that were fetched."""
        self.cut_short: list[str] = []
        """Ids of the sources of which assets may be missing: their lists ended where imgix stops counting."""

    async def credential(self) -> Secret:
        """The API key: there may be several accounts at one URL."""
        return await self._credentials.current()

    async def visible(self) -> Collection[str]:
        """What the ids of assets begin with, for every source of the account."""
        return [f"{source.id}/" async for source in self._sources.list(limit=PAGE)]

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
            source = sources[number]
            cursor, place = None if place is None else place.cursor, None
            end = None
            if number + 1 < len(sources):
                end = _Place(self._listing, sources[number + 1].id, None).text
            found = _Found(from_start=cursor is None)
            async with aclosing(self._in_order(source, cursor, found)) as pages:
                async for page in pages:
                    after = page.pagination.next_cursor
                    hint = None if found.is_cut_short else end
                    if after is not None:
                        hint = _Place(self._listing, source.id, after).text
                    yield self._batch(source, page.data, hint)
            if found.is_cut_short:
                async with aclosing(self._in_other_orders(source, found)) as parts:
                    async for part in parts:
                        yield self._batch(source, part, None)
                if not found.is_whole and source.id not in self.cut_short:
                    self.cut_short.append(source.id)
                yield Batch([], end)

    def _batch(self, source: Source, assets: list[Asset], hint: str | None) -> Batch:
        return Batch([self._entry_of(source, asset) for asset in assets], hint)

    async def _in_order(
        self, source: Source, cursor: str | None, found: _Found
    ) -> AsyncGenerator[Page[Asset], None]:
        """The pages of a source from a cursor on, or all of them if imgix does not know it any more."""
        pages, doubtful = self._pages(source, cursor, _IN_ORDER), cursor is not None
        while True:
            try:
                page = await anext(pages)
            except StopAsyncIteration:
                return
            except (APIStatusError, InvalidArgumentError) as error:
                if not (doubtful and _is_of_the_cursor(error)):
                    raise
                pages, doubtful, found.from_start = self._pages(source, None, _IN_ORDER), False, True
                continue
            doubtful = False
            self.pages += 1
            found.add(page)
            yield page

    async def _in_other_orders(self, source: Source, found: _Found) -> AsyncGenerator[list[Asset], None]:
        """What further lists of a source show, in other orders, that the first one did not."""
        for order in _OTHER_ORDERS:
            async for page in self._pages(source, None, order):
                self.pages += 1
                part = [asset for asset in page.data if asset.id not in found.ids]
                found.ids.update(asset.id for asset in part)
                if part:
                    yield part
                if order == _BACKWARDS and found.meets(page):
                    found.is_whole = True
                    return

    def _pages(self, source: Source, cursor: str | None, order: AssetSort) -> AsyncIterator[Page[Asset]]:
        return self._assets.list(source, filters=self._filters, sort=order, cursor=cursor, limit=PAGE).pages()

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
