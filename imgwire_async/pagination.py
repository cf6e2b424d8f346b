"""Lists: `await` gives one page, `async for` gives every item of every page.

The service pages by number and tells the next page in `X-Next-Page` (with `X-Total-Count`,
`X-Page`, `X-Limit` and `X-Prev-Page`, as its schema declares). A missing neighbour is spelled `null`, `none`
or not at all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import anyio

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


class Listing(Generic[T]):
    """A list that is fetched when it is used: `await` it for one page, iterate over it for all items.

    Items that are added or removed meanwhile can shift the pages, as with every list that is paged by
    number: an item may then appear twice or be passed over.

    An `ImgwireError` that ends an iteration carries `resume_page`, the number of the page that could not be
    fetched; every page before it has been given out.
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
        for name, value, least in (("page", page, 1), ("max_items", max_items, 0), ("prefetch", prefetch, 0)):
            if value is not None and value < least:
                raise InvalidArgumentError(
                    f"{name} must be at least {least}, got {value}", operation=operation
                )
        if limit is not None and not 1 <= limit <= 100:
            raise InvalidArgumentError(f"limit must be from 1 to 100, got {limit}", operation=operation)
        self._fetch = fetch
        self._operation = operation
        self._page = page
        self._limit = limit
        self._max_items = max_items
        self._prefetch = prefetch

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self._get(self._page, self._limit).__await__()

    async def __aiter__(self) -> AsyncIterator[T]:
        left = self._max_items
        if left == 0:
            return
        async for page in self.pages():
            for item in page.data:
                yield item
                if left is not None:
                    left -= 1
                    if left == 0:
                        return

    async def pages(self) -> AsyncIterator[Page[T]]:
        """Every page from the first requested one to the last.

        Raises:
            PaginationError: the service names a next page that is no number or does not lie ahead.
        """
        number: int | None = self._page
        limit = self._limit
        ahead: list[Page[T]] = []
        known_last = self._page
        while number is not None:
            if not ahead:
                ahead = await self._get_together(number, limit, known_last)
            page = ahead.pop(0)
            yield page
            following = page.pagination.next_page
            if ahead and following != number + 1:
                ahead = []  # read ahead along a chain that the service does not follow
            number = following
            # The service's own page size goes with its page numbers.
            limit = page.pagination.limit or limit
            known_last = _last_page(page.pagination)

    async def _get_together(self, number: int, limit: int | None, known_last: int) -> list[Page[T]]:
        """Page `number` and, at the same time, those of the next `prefetch` pages that surely exist."""
        last = min(number + self._prefetch, max(number, known_last))
        if last == number:
            return [await self._get(number, limit)]
        fetched: dict[int, Page[T]] = {}
        failed: dict[int, ImgwireError] = {}

        async def get(one: int) -> None:
            try:
                fetched[one] = await self._get(one, limit)
            except ImgwireError as error:
                failed[one] = error

        async with anyio.create_task_group() as tasks:
            for one in range(number, last + 1):
                tasks.start_soon(get, one)
        if number in failed:
            raise failed[number]
        # Pages behind one that failed are fetched again when their turn comes.
        return [fetched[one] for one in range(number, min(failed, default=last + 1))]

    async def _get(self, number: int, limit: int | None) -> Page[T]:
        try:
            response = await self._fetch(number, limit)
            return Page(data=response.data, pagination=self._pagination(response.headers, number))
        except ImgwireError as error:
            error.resume_page = number
            raise

    def _pagination(self, headers: Mapping[str, str], requested: int) -> Pagination:
        text = headers.get("x-next-page", "").strip()
        following = None if text.lower() in {"", "null", "none"} else _number(text) or 0
        if following is not None and following <= requested:
            raise PaginationError(
                f"the service names {text[:40]!r} as the page after page {requested}",
                operation=self._operation,
            )
        return Pagination(
            total_count=_number(headers.get("x-total-count")),
            page=_number(headers.get("x-page")) or requested,
            limit=_number(headers.get("x-limit")),
            prev_page=_number(headers.get("x-prev-page")),
            next_page=following,
        )


def _number(text: str | None) -> int | None:
    """A non-negative integer header; None for `null` and whatever else is not one."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _last_page(pagination: Pagination) -> int:
    if not pagination.total_count or not pagination.limit:
        return pagination.page
    return -(-pagination.total_count // pagination.limit)
