"""Lists with paging information in the response headers, as everywhere in Imgwire."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable
from typing import ClassVar, Generic, TypeAlias, TypeVar

from imgwire_async.core.call import Core
from imgwire_async.core.operation import Response
from imgwire_async.core.paging import Listing, Page, pages_in_headers

__all__ = ["Listed"]

T = TypeVar("T")
PageResponse: TypeAlias = Awaitable[Response[list[T]]]
"""The response with one page, once awaited."""


class Listed(ABC, Generic[T]):
    """Operations that list records; inherited by `Images` and `CorsOrigins`.

    Args:
        core: makes the requests.
    """

    _resource: ClassVar[str]

    def __init__(self, core: Core) -> None:
        self._core = core

    @abstractmethod
    def _page(self, number: int, size: int | None) -> PageResponse[T]:
        """Request one page."""

    def list(
        self,
        *,
        page: int = 1,
        limit: int | None = None,
        max_items: int | None = None,
        prefetch: int = 0,
    ) -> Listing[T]:
        """List records: `await` gives one `Page`, `async for` gives every record of every page.

        Args:
            page: number of the first page, counted from 1.
            limit: records per page, from 1 to 100; the service's default is 20.
            max_items: end the iteration after this many records.
            prefetch: how many pages an iteration fetches ahead, concurrently with the page it needs.

        Raises:
            InvalidArgumentError: a number is out of range.
        """
        return Listing(
            pages_in_headers(self._page),
            operation=f"{self._resource}.list",
            page=page,
            limit=limit,
            max_items=max_items,
            prefetch=prefetch,
        )

    def list_pages(
        self, *, page: int = 1, limit: int | None = None, prefetch: int = 0
    ) -> AsyncIterator[Page[T]]:
        """Iterate over all pages from `page` on. Takes the same arguments as `list`."""
        return self.list(page=page, limit=limit, prefetch=prefetch).pages()

    def list_all(self, *, limit: int | None = None, prefetch: int = 0) -> AsyncIterator[T]:
        """Iterate over all records. Same as iterating over `list`; the vendor's SDKs use this name."""
        return aiter(self.list(limit=limit, prefetch=prefetch))
