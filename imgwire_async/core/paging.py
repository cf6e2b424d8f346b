"""Lists: `await` gives one page, `async for` gives every item of every page.

The service pages by number and tells the next page in `X-Next-Page` (with `X-Total-Count`,
`X-Page`, `X-Limit` and `X-Prev-Page`, as its schema declares). A missing neighbour is spelled `null`, `none`
or not at all.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import anyio

from imgwire_async.core.concurrency.loops import LoopLocal
from imgwire_async.core.concurrency.tasks import JoinedTasks
from imgwire_async.core.numbers import whole
from imgwire_async.core.operation import Response
from imgwire_async.errors import ImgwireError, InvalidArgumentError, PaginationError

T = TypeVar("T")

FetchPage = Callable[[int, int | None], Awaitable[Response[list[T]]]]
"""Gets one page, given its number from 1 and the page size (None for the service's default)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pagination:
    """Where a page stands in its list. A number that the service did not send is None."""

    total_count: int | None
    page: int
    limit: int | None
    prev_page: int | None
    next_page: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list."""

    data: list[T]
    pagination: Pagination


class Listing(Coroutine[Any, Any, Page[T]]):
    """A list that is fetched when it is used: `await` it for one page, iterate over it for all items.

    It is a coroutine of one page, so it can be passed to `asyncio.create_task` and `asyncio.gather`. Unlike
    other coroutines it may be left unused, and awaited again for the page as it is then.

    Items that are added or removed meanwhile can shift the pages, as with every list that is paged by
    number: an item may then appear twice or be passed over.

    An `ImgwireError` that ends an iteration carries `resume_page`, the number of the page that could not be
    fetched; every page before it has been given out. The same iterator can go on: it asks again.

    Several tasks may share one iterator, such as `aiter(imgwire.images.list())`; each item is given once.
    """

    def __init__(
        self,
        fetch: FetchPage[T],
        *,
        operation: str,
        page: int,
        limit: int | None,
        max_items: int | None,
        prefetch: int,
    ) -> None:
        try:
            page = whole("page", page, least=1)
            prefetch = whole("prefetch", prefetch, least=0)
            if limit is not None:
                limit = whole("limit", limit, least=1, most=100)
            if max_items is not None:
                max_items = whole("max_items", max_items, least=0)
        except ValueError as error:
            raise InvalidArgumentError(str(error), operation=operation) from None
        self._reader = _PageReader(fetch, operation)
        self._page = page
        self._limit = limit
        self._max_items = max_items
        self._prefetch = prefetch
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
            self._running = None  # it has ended, one way or the other
            raise

    def close(self) -> None:
        """End the coroutine if it is running; called by event loops."""
        running, self._running = self._running, None
        if running is not None:
            running.close()

    def __aiter__(self) -> AsyncIterator[T]:
        return _Items(self.pages(), self._max_items)

    def pages(self) -> AsyncIterator[Page[T]]:
        """Every page from the first requested one to the last.

        Raises:
            PaginationError: while iterating, the service names a next page that is no number or does not
                lie ahead.
        """
        return _Pages(self._reader, self._page, self._limit, self._prefetch)


class _PageReader(Generic[T]):
    def __init__(self, fetch: FetchPage[T], operation: str) -> None:
        self._fetch = fetch
        self._operation = operation

    async def get(self, number: int, limit: int | None) -> Page[T]:
        try:
            response = await self._fetch(number, limit)
            return Page(data=response.data, pagination=self._pagination(response.headers, number))
        except ImgwireError as error:
            error.resume_page = number
            raise

    async def get_together(self, numbers: range, limit: int | None) -> list[Page[T]]:
        """Several pages at the same time, up to the first one that cannot be had."""
        if len(numbers) == 1:
            return [await self.get(numbers[0], limit)]
        results: dict[int, Page[T] | Exception] = {}

        async def get(number: int) -> None:
            try:
                results[number] = await self.get(number, limit)
            except Exception as error:  # noqa: BLE001 - raised below, or again when its turn comes
                results[number] = error

        async with JoinedTasks() as tasks:
            for number in numbers:
                tasks.start_soon(get, number)
        pages: list[Page[T]] = []
        for number in numbers:
            result = results[number]
            if isinstance(result, Exception):
                if not pages:
                    raise result
                break  # fetched again when its turn comes
            pages.append(result)
        return pages

    def _pagination(self, headers: Mapping[str, str], requested: int) -> Pagination:
        text = headers.get("x-next-page", "").strip()
        following = None if text.lower() in {"", "null", "none"} else _number(text) or 0
        if following is not None and following <= requested:
            raise PaginationError(
                f"the service names {following or 'no number'} as the page after page {requested}",
                operation=self._operation,
            )
        return Pagination(
            total_count=_number(headers.get("x-total-count")),
            page=_number(headers.get("x-page")) or requested,
            limit=_number(headers.get("x-limit")),
            prev_page=_number(headers.get("x-prev-page")),
            next_page=following,
        )


# Iterators of their own, not async generators: one that is left early has nothing to clean up, and several
# tasks may share one. While a task fetches a page, the others wait for it.


class _Pages(AsyncIterator[Page[T]]):
    def __init__(self, reader: _PageReader[T], page: int, limit: int | None, prefetch: int) -> None:
        self._reader = reader
        self._limit = limit
        self._prefetch = prefetch
        self._number: int | None = page
        self._known_last = page
        self._ahead: list[Page[T]] = []
        self._fetching = LoopLocal(_lock)

    async def __anext__(self) -> Page[T]:
        async with self._fetching.get():
            return await self._next()

    async def _next(self) -> Page[T]:
        number = self._number
        if number is None:
            raise StopAsyncIteration
        if not self._ahead:
            # Only pages that surely exist are fetched ahead.
            last = min(number + self._prefetch, max(number, self._known_last))
            self._ahead = await self._reader.get_together(range(number, last + 1), self._limit)
        page = self._ahead.pop(0)
        self._number = page.pagination.next_page
        if self._number != number + 1:
            self._ahead = []  # read along a chain that the service does not follow
        # The service's own page size goes with its page numbers.
        self._limit = page.pagination.limit or self._limit
        self._known_last = _last_page(page.pagination)
        return page


class _Items(AsyncIterator[T]):
    def __init__(self, pages: AsyncIterator[Page[T]], max_items: int | None) -> None:
        self._pages = pages
        self._left = math.inf if max_items is None else max_items
        self._items: Iterator[T] = iter(())
        self._fetching = LoopLocal(_lock)

    async def __anext__(self) -> T:
        while self._left:
            before = self._items
            for item in before:
                self._left -= 1
                return item
            async with self._fetching.get():
                if self._items is before:
                    self._items = iter((await anext(self._pages)).data)
        raise StopAsyncIteration


def _lock() -> anyio.Lock:
    return anyio.Lock(fast_acquire=True)


def _number(text: str | None) -> int | None:
    """A non-negative integer header; None for `null` and whatever else is not one."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _last_page(pagination: Pagination) -> int:
    if not pagination.total_count or not pagination.limit:
        return pagination.page
    return -(-pagination.total_count // pagination.limit)
