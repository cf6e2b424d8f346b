"""Lists of imgix: sources and reports by page number from 0, assets by cursor.

Pages may be incomplete; all known forms are accepted: no `meta`, no number, a cursor beside `meta`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

from imgwire_async.core.operation import Response
from imgwire_async.core.paging import Listing, Page, Pagination, Position
from imgwire_async.errors import InvalidArgumentError, PaginationError
from imgwire_async.imgix.lowlevel.models import Cursor, Meta, PageOfNumber
from imgwire_async.imgix.lowlevel.types import Unset

R = TypeVar("R")
T = TypeVar("T")

MOST: Final = 1000
"""Maximum items per page. imgix documents none; this is what other clients allow."""

_LONGEST_CURSOR: Final = 4096


class ListDocument(Protocol[R]):
    """A page as returned by the generated endpoints."""

    @property
    def data(self) -> list[R]:
        """The items."""
        ...

    @property
    def meta(self) -> Meta | Unset:
        """Metadata of the response, including the position of the page."""
        ...

    @property
    def cursor(self) -> Cursor | Unset | None:
        """The position of the page, in a form known from one client."""
        ...


def by_number(
    fetch: Callable[[int, int | None], Awaitable[Response[Any]]],
    record: Callable[[R], T],
    *,
    operation: str,
    page: int,
    limit: int | None,
    max_items: int | None,
    prefetch: int,
) -> Listing[T]:
    """A list by page number.

    Args:
        fetch: fetches a page by number and size.
        record: creates the record of an item.
        operation: name of the call, for errors.
        page: number of the first page.
        limit: items per page.
        max_items: end the iteration after this many items.
        prefetch: how many pages an iteration fetches ahead.
    """

    async def fetch_page(position: Position, size: int | None) -> Page[T]:
        assert isinstance(position, int)  # noqa: S101 - such a list has no cursors
        document: ListDocument[R] = (await fetch(position, size)).data
        return Page(data=[record(item) for item in document.data], pagination=_numbers(document, position))

    return Listing(
        fetch_page,
        operation=operation,
        page=page,
        limit=limit,
        max_items=max_items,
        prefetch=prefetch,
        first=0,
        most=MOST,
    )


def by_cursor(
    fetch: Callable[[str | None, int | None], Awaitable[Response[Any]]],
    record: Callable[[R], T],
    *,
    operation: str,
    cursor: str | None,
    limit: int | None,
    max_items: int | None,
) -> Listing[T]:
    """A list by cursor.

    Args:
        fetch: fetches a page by cursor and size.
        record: creates the record of an item.
        operation: name of the call, for errors.
        cursor: cursor of the first page, or None to start at the beginning.
        limit: items per page.
        max_items: end the iteration after this many items.

    Raises:
        InvalidArgumentError: the cursor is not text, or is not a valid cursor.
    """
    given: object = cursor
    if given is not None and not (isinstance(given, str) and 0 < len(given) <= _LONGEST_CURSOR):
        raise InvalidArgumentError(
            "cursor must be the next_cursor or resume_cursor of a list", operation=operation
        )

    async def fetch_page(position: Position, size: int | None) -> Page[T]:
        asked = position if isinstance(position, str) else None
        document: ListDocument[R] = (await fetch(asked, size)).data
        pagination = _cursors(document, asked, size, operation)
        return Page(data=[record(item) for item in document.data], pagination=pagination)

    return Listing(
        fetch_page,
        operation=operation,
        page=cursor,
        limit=limit,
        max_items=max_items,
        first=None,
        most=MOST,
    )


def _numbers(document: ListDocument[R], asked: int) -> Pagination:
    meta = _known(document.meta)
    place: PageOfNumber | None = None if meta is None else _known(meta.pagination)
    if place is None:
        return Pagination(total_count=None, page=asked, limit=None, prev_page=None, next_page=None)
    current = _known(place.current_page)
    page = asked if current is None else current
    following, more = _known(place.next_page), _known(place.has_next_page)
    if more is False:
        following = None
    elif more and following is None:
        following = page + 1
    return Pagination(
        total_count=_known(place.total_records),
        page=page,
        limit=_known(place.page_size) or None,
        prev_page=_known(place.previous_page),
        next_page=following,
    )


def _cursors(document: ListDocument[R], asked: str | None, size: int | None, operation: str) -> Pagination:
    meta = _known(document.meta)
    place: Cursor | None = (None if meta is None else _known(meta.cursor)) or _known(document.cursor)
    following = None if place is None else _known(place.next_) or None
    given = None if place is None else _known(place.has_more)
    more = following is not None if given is None else given
    if more and following is None:
        raise PaginationError("imgix reports more assets but no cursor for them", operation=operation)
    return Pagination(
        total_count=None if place is None else _count(_known(place.total_records)),
        page=None,
        limit=size,
        prev_page=None,
        next_page=None,
        cursor=asked,
        next_cursor=following if more else None,
    )


def _count(total: str | int | None) -> int | None:
    """A number of items, which imgix writes as a number or as digits."""
    if isinstance(total, str):
        return int(total) if total.isascii() and total.isdigit() and len(total) < 16 else None
    return total


def _known(value: Any) -> Any:  # noqa: ANN401 - the field's own type
    return None if isinstance(value, Unset) else value
