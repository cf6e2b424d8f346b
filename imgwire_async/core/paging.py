"""Lists: `await` returns one page, `async for` iterates over the items of all pages.

A service pages by number or by cursor, and names the next page in headers or in the body. A function that
fetches one `Page` handles these differences; everything else is the same for all lists. `pages_in_headers`
reads `X-Next-Page` (with `X-Total-Count`, `X-Page`, `X-Limit` and `X-Prev-Page`), where a missing neighbour
is spelled `null` or `none`, or omitted.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import anyio

from imgwire_async.core.concurrency.loops import LoopLocal, current_loop
from imgwire_async.core.concurrency.tasks import Background
from imgwire_async.core.operation import Response
from imgwire_async.core.values.numbers import whole
from imgwire_async.core.values.pickles import reads_older_pickles
from imgwire_async.errors import ImgwireError, InvalidArgumentError, PaginationError

T = TypeVar("T")

Position: TypeAlias = int | str | None
"""The position of a page: its number or a cursor; None is the first page of a list with cursors."""


@reads_older_pickles
@dataclass(frozen=True, slots=True, kw_only=True)
class Pagination:
    """The position of a page in its list. Fields that the service did not send are None."""

    total_count: int | None
    """Items on all pages; some services stop counting at a bound."""
    page: int | None
    """Number of this page, as the service counts; None in a list with cursors."""
    limit: int | None
    """Maximum number of items on a page."""
    prev_page: int | None
    """Number of the previous page, or None."""
    next_page: int | None
    """Number of the next page, or None if this is the last one."""
    cursor: str | None = None
    """Cursor of this page, in a list with cursors."""
    next_cursor: str | None = None
    """Cursor of the next page, or None if this is the last one."""

    @property
    def next_position(self) -> Position:
        """The position of the next page, or None if this is the last one."""
        return self.next_page if self.next_cursor is None else self.next_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list."""

    data: list[T]
    pagination: Pagination


FetchPage: TypeAlias = Callable[[Position, int | None], Awaitable[Page[T]]]
"""Fetches one page, given its position and the page size (None for the service's default)."""


class Listing(Coroutine[Any, Any, Page[T]]):
    """A lazily fetched list: `await` it for one page, or iterate over it for all items.

    It is a coroutine that returns one page, so it can be passed to `asyncio.create_task` and
    `asyncio.gather`. Unlike other coroutines, it may be left unawaited, and awaiting it again fetches the
    page again.

    Items that are added or removed during an iteration can shift the pages, as in every list that is paged
    by number: an item may then appear twice or be skipped.

    An `ImgwireError` that ends an iteration carries `resume_page` or `resume_cursor`, the position of the
    page that could not be fetched. All earlier pages have been yielded. Iteration can continue with the same
    iterator, which retries the page.

    Several tasks may share one iterator, such as `aiter(client.images.list())`; each item is yielded once.

    Args:
        fetch: fetches one page.
        operation: the call as the user makes it, for errors.
        page: number of the page to start from, or its cursor.
        limit: items per page; None for the service's default.
        max_items: maximum number of items that an iteration yields.
        prefetch: pages that an iteration fetches ahead while the caller uses the earlier ones; 0 for a list
            with cursors.
        first: number of the list's first page; None for a list with cursors.
        most: the maximum `limit`.
    """

    def __init__(
        self,
        fetch: FetchPage[T],
        *,
        operation: str,
        page: Position,
        limit: int | None,
        max_items: int | None,
        prefetch: int = 0,
        first: int | None = 1,
        most: int = 100,
    ) -> None:
        try:
            if first is not None:
                page = whole("page", page, least=first)
            prefetch = whole("prefetch", prefetch, least=0)
            if limit is not None:
                limit = whole("limit", limit, least=1, most=most)
            if max_items is not None:
                max_items = whole("max_items", max_items, least=0)
        except ValueError as error:
            raise InvalidArgumentError(str(error), operation=operation) from None
        self._reader = _PageReader(fetch, operation)
        self._page = page
        self._limit = limit
        self._max_items = max_items
        self._prefetch = prefetch
        self._first = first
        self._running: Coroutine[Any, Any, Page[T]] | None = None

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self._get().__await__()

    def _get(self) -> Coroutine[Any, Any, Page[T]]:
        return self._reader.get(self._page, self._limit)

    def send(self, value: Any, /) -> Any:  # noqa: ANN401 - what event loops exchange with their tasks
        """Run one step of the coroutine; called by event loops."""
        if self._running is None:
            self._running = self._get()
        return self._step(self._running.send, value)

    def throw(self, *error: Any) -> Any:  # noqa: ANN401 - what event loops exchange with their tasks
        """Raise an exception inside the coroutine; called by event loops."""
        if self._running is None:
            self._running = self._get()
        return self._step(self._running.throw, *error)

    def _step(self, resume: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - see `send`
        try:
            return resume(*arguments)
        except BaseException:
            self._running = None  # it has ended, with a result or an error
            raise

    def close(self) -> None:
        """End the coroutine if it is running; called by event loops."""
        running, self._running = self._running, None
        if running is not None:
            running.close()

    def __aiter__(self) -> AsyncIterator[T]:
        return _Items(self._all_pages(self._max_items), self._max_items)

    def pages(self) -> AsyncIterator[Page[T]]:
        """Iterate over the pages, from the requested one to the last.

        Raises:
            PaginationError: while iterating, if the service names a next page that is not a number or not
                after the current one, or repeats a cursor.
        """
        return self._all_pages(None)

    def _all_pages(self, max_items: int | None) -> AsyncIterator[Page[T]]:
        wanted = math.inf if max_items is None else max_items
        return _Pages(self._reader, self._page, self._limit, self._prefetch, self._first, wanted)


class _PageReader(Generic[T]):
    def __init__(self, fetch: FetchPage[T], operation: str) -> None:
        self._fetch = fetch
        self.operation = operation

    async def get(self, position: Position, limit: int | None) -> Page[T]:
        try:
            return self._checked(await self._fetch(position, limit), position)
        except ImgwireError as error:
            if isinstance(position, int):
                error.resume_page = position
            else:
                error.resume_cursor = position
            raise

    def _checked(self, page: Page[T], position: Position) -> Page[T]:
        following = page.pagination.next_page
        if following is not None and isinstance(position, int) and following <= position:
            raise PaginationError(
                f"the service named {following or 'no number'} as the page after page {position}",
                operation=self.operation,
            )
        if page.pagination.next_cursor is not None and page.pagination.next_cursor == position:
            raise PaginationError("the service named a page as its own next page", operation=self.operation)
        return page


class _Ahead(Generic[T]):
    """A page that is fetched while the earlier ones are being used. Dropping the object ends the request."""

    def __init__(self, reader: _PageReader[T], number: int, limit: int | None) -> None:
        self._pages: list[Page[T]] = []
        self._loop = current_loop()
        pages = self._pages  # the background task must not reference its owner

        async def fetch() -> None:
            with suppress(Exception):  # the page is fetched again when it is needed, and raises then
                pages.append(await reader.get(number, limit))

        ended = self._ended = anyio.Event()
        self._work = Background(fetch, at_end=ended.set)

    async def get(self) -> Page[T] | None:
        """Return the page, or None if it could not be fetched or was requested in another event loop."""
        if self._loop is current_loop():
            await self._ended.wait()
        return self._pages[0] if self._pages else None

    async def end(self, error: Exception) -> None:
        """End the request, because the iteration has failed with this error."""
        await self._work.leave(error)


def pages_in_headers(fetch: Callable[[int, int | None], Awaitable[Response[list[T]]]]) -> FetchPage[T]:
    """Fetch numbered pages whose pagination is in the response headers.

    Args:
        fetch: fetches the items of one page, given its number and the page size.
    """

    async def fetch_page(position: Position, limit: int | None) -> Page[T]:
        assert isinstance(position, int)  # noqa: S101 - such a list has no cursors
        return _page_of_headers(await fetch(position, limit), position)

    return fetch_page


def _page_of_headers(response: Response[list[T]], requested: int) -> Page[T]:
    headers = response.headers
    text = headers.get("x-next-page", "").strip()
    pagination = Pagination(
        total_count=_number(headers.get("x-total-count")),
        page=_number(headers.get("x-page")) or requested,
        limit=_number(headers.get("x-limit")),
        prev_page=_number(headers.get("x-prev-page")),
        # Anything that is not a number becomes 0, which is before every page and so is rejected.
        next_page=None if text.lower() in {"", "null", "none"} else _number(text) or 0,
    )
    return Page(data=response.data, pagination=pagination)


# Iterator classes instead of async generators: leaving one early needs no cleanup, and several tasks may
# share one. While a task fetches a page, the others wait for it.


class _Pages(AsyncIterator[Page[T]]):
    def __init__(
        self,
        reader: _PageReader[T],
        start: Position,
        limit: int | None,
        prefetch: int,
        first: int | None,
        wanted: float,
    ) -> None:
        self._reader = reader
        self._limit = limit
        self._prefetch = prefetch
        self._first = first
        self._wanted = wanted
        self._position = start
        self._ended = False
        self._known_last: int | None = None
        self._seen: set[str] = set()
        self._ahead: dict[int, _Ahead[T]] = {}
        self._fetching = LoopLocal(_lock)

    async def __anext__(self) -> Page[T]:
        async with self._fetching.get():
            return await self._next()

    async def _next(self) -> Page[T]:
        if self._ended:
            raise StopAsyncIteration
        position = self._position
        if not isinstance(position, int):
            page = await self._reader.get(position, self._limit)
            self._check_new(page.pagination.next_cursor)
        else:
            page = await self._numbered(position)
            if page.pagination.next_page != position + 1:
                self._ahead.clear()  # prefetched in an order that the service does not follow
            self._known_last = self._last_page(page.pagination)
        self._position = page.pagination.next_position
        self._ended = self._position is None
        # The service's own page size goes with its page numbers.
        self._limit = page.pagination.limit or self._limit
        self._wanted -= len(page.data)
        if isinstance(self._position, int):
            # Requested now, so that they arrive while the caller uses this page.
            self._fetch_ahead(self._position, self._wanted)
        return page

    async def _numbered(self, position: int) -> Page[T]:
        self._fetch_ahead(position + 1, self._wanted - (self._limit or 0))
        ahead = self._ahead.get(position)
        page = await ahead.get() if ahead is not None else None
        self._ahead.pop(position, None)
        try:
            return await self._reader.get(position, self._limit) if page is None else page
        except Exception as error:
            while self._ahead:  # leave no requests in flight after an error
                _, later = self._ahead.popitem()
                await later.end(error)
            raise

    def _fetch_ahead(self, first: int, wanted: float) -> None:
        # Only pages that are known to exist and whose items are needed.
        count = self._prefetch
        if self._limit and wanted < count * self._limit:
            count = math.ceil(max(0.0, wanted) / self._limit)
        for number in range(first, min(first + count, (self._known_last or 0) + 1)):
            if number not in self._ahead:
                self._ahead[number] = _Ahead(self._reader, number, self._limit)

    def _check_new(self, cursor: str | None) -> None:
        if cursor is None:
            return
        if cursor in self._seen:
            error = PaginationError(
                "the service named an earlier page as the next one", operation=self._reader.operation
            )
            error.resume_cursor = cursor
            raise error
        self._seen.add(cursor)

    def _last_page(self, pagination: Pagination) -> int | None:
        if not pagination.total_count or not pagination.limit:
            return pagination.page
        return -(-pagination.total_count // pagination.limit) - 1 + (self._first or 0)


class _Items(AsyncIterator[T]):
    def __init__(self, pages: AsyncIterator[Page[T]], max_items: int | None) -> None:
        self._pages = pages
        self._left = max_items  # items to take from later pages; None for all
        self._items: Iterator[T] = iter(())
        self._fetching = LoopLocal(_lock)

    async def __anext__(self) -> T:
        for item in self._items:  # nothing else is done for most items
            return item
        return await self._of_next_page()

    async def _of_next_page(self) -> T:
        before = self._items
        while True:
            async with self._fetching.get():
                if self._items is before:
                    if self._left == 0:
                        raise StopAsyncIteration
                    data = (await anext(self._pages)).data[: self._left]
                    if self._left is not None:
                        self._left -= len(data)
                    self._items = iter(data)
            before = self._items
            for item in before:
                return item


def _lock() -> anyio.Lock:
    return anyio.Lock(fast_acquire=True)


def _number(text: str | None) -> int | None:
    """Parse a header as a non-negative integer; None for `null` and anything else."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
