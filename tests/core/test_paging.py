"""Lists: pages, items, prefetching, and headers with an invalid next page."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from imgwire_async.core.operation import Response
from imgwire_async.core.paging import Listing, Page, Pagination, Position, pages_in_headers
from imgwire_async.errors import (
    ImgwireError,
    InternalServerError,
    InvalidArgumentError,
    PaginationError,
)
from tests.bodies.running import BACKENDS, run
from tests.hangs import HANGS


class Service:
    """A list of numbers, paged like those of the service."""

    def __init__(self, total: int, *, none: str | None = "null", default_limit: int = 20) -> None:
        self.total = total
        self.none = none
        self.default_limit = default_limit
        self.asked: list[tuple[int, int | None]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.failing: dict[int, Exception] = {}
        self.headers: Callable[[int, dict[str, str]], dict[str, str]] = lambda _, headers: headers

    async def fetch(self, page: int, limit: int | None) -> Response[list[int]]:
        self.asked.append((page, limit))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        # Responses with later pages arrive first.
        for _ in range(max(1, 20 - page)):
            await anyio.lowlevel.checkpoint()
        self.in_flight -= 1
        if page in self.failing:
            raise self.failing[page]
        size = limit or self.default_limit
        start = (page - 1) * size
        more = start + size < self.total
        headers = {
            "x-total-count": str(self.total),
            "x-page": str(page),
            "x-limit": str(size),
            "x-prev-page": str(page - 1) if page > 1 else "null",
        }
        following = str(page + 1) if more else self.none
        if following is not None:
            headers["x-next-page"] = following
        return Response(
            data=list(range(start, min(start + size, self.total))),
            status=200,
            headers=self.headers(page, headers),
            request_id=None,
            attempts=1,
        )

    def list(self, **arguments: Any) -> Listing[int]:
        defaults: dict[str, Any] = {"page": 1, "limit": None, "max_items": None, "prefetch": 0}
        return Listing(pages_in_headers(self.fetch), operation="images.list", **(defaults | arguments))


async def collect(iterator: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in iterator]


async def test_awaiting_a_list_returns_one_page() -> None:
    service = Service(45)

    page = await service.list(page=2, limit=10)

    assert page.data == list(range(10, 20))
    assert page.pagination.total_count == 45
    assert page.pagination.page == 2
    assert page.pagination.limit == 10
    assert page.pagination.prev_page == 1
    assert page.pagination.next_page == 3
    assert service.asked == [(2, 10)]


async def test_iterating_yields_every_item_of_every_page() -> None:
    service = Service(45)

    assert await collect(aiter(service.list())) == list(range(45))
    # Page numbers depend on the page size, so later requests repeat the size that the service chose.
    assert service.asked == [(1, None), (2, 20), (3, 20)]


async def test_a_list_can_be_used_again() -> None:
    listing = Service(3).list()

    assert await collect(aiter(listing)) == await collect(aiter(listing)) == [0, 1, 2]


async def test_pages_can_be_iterated_from_any_page() -> None:
    pages = await collect(Service(45).list(page=2, limit=20).pages())

    assert [page.data for page in pages] == [list(range(20, 40)), list(range(40, 45))]


async def test_an_empty_list_has_one_empty_page() -> None:
    service = Service(0)

    assert await collect(aiter(service.list())) == []
    assert len(await collect(service.list().pages())) == 1


@pytest.mark.parametrize(("wanted", "pages"), [(0, 0), (1, 1), (20, 1), (21, 2), (1000, 3)])
async def test_max_items_ends_the_iteration_without_fetching_more(wanted: int, pages: int) -> None:
    service = Service(45)

    assert await collect(aiter(service.list(max_items=wanted))) == list(range(min(wanted, 45)))
    assert len(service.asked) == pages


@pytest.mark.parametrize("spelling", ["null", "NULL", "none", "None", "", "  ", None])
async def test_every_representation_of_no_next_page_ends_the_list(spelling: str | None) -> None:
    assert await collect(aiter(Service(25, none=spelling).list())) == list(range(25))


@pytest.mark.parametrize(
    "following", ["three", "-1", "0", "1", "2", "2.5", "٣", "0x3", "9" * 400, "3, 4", "nan", "undefined"]
)
async def test_an_invalid_next_page_is_an_error_that_says_where_to_resume(following: str) -> None:
    service = Service(100)
    service.headers = lambda page, headers: headers | ({"x-next-page": following} if page == 2 else {})
    seen: list[int] = []

    with pytest.raises(PaginationError) as caught:
        await append_all(seen, service.list())

    assert caught.value.resume_page == 2
    assert caught.value.operation == "images.list"
    assert seen == list(range(20))
    assert len(str(caught.value)) < 200


async def append_all(seen: list[Any], listing: Listing[Any]) -> None:
    async for item in listing:
        seen.append(item)  # noqa: PERF401 - what was seen before an error counts


async def test_informational_headers_may_be_missing_or_garbage() -> None:
    service = Service(45)
    service.headers = lambda page, headers: {  # noqa: ARG005
        "x-next-page": headers["x-next-page"],
        "x-total-count": "many",
        "x-limit": "-20",
    }

    pages = await collect(service.list(prefetch=3).pages())

    assert [item for page in pages for item in page.data] == list(range(45))
    assert pages[0].pagination.total_count is None
    assert pages[0].pagination.limit is None


@pytest.mark.parametrize("prefetch", [0, 1, 2, 5, 50])
async def test_an_error_says_where_to_resume_and_everything_before_it_was_yielded(prefetch: int) -> None:
    service = Service(100)
    service.failing[3] = InternalServerError("broke", status=500)
    seen: list[int] = []

    with pytest.raises(InternalServerError) as caught:
        await append_all(seen, service.list(prefetch=prefetch))

    assert caught.value.resume_page == 3
    assert seen == list(range(40))
    service.failing.clear()
    await append_all(seen, service.list(page=3, limit=20))
    assert seen == list(range(100))


@pytest.mark.parametrize("prefetch", [0, 3])
async def test_a_failed_iterator_can_continue(prefetch: int) -> None:
    service = Service(100)
    service.failing[3] = InternalServerError("broke", status=500)
    items = aiter(service.list(prefetch=prefetch))
    seen = [await anext(items) for _ in range(40)]
    with pytest.raises(InternalServerError):
        await anext(items)
    service.failing.clear()

    assert seen + await collect(items) == list(range(100))


@pytest.mark.parametrize("prefetch", [1, 3, 7, 100])
async def test_prefetching_keeps_the_order_and_stays_within_its_bound(prefetch: int) -> None:
    service = Service(205)

    assert await collect(aiter(service.list(prefetch=prefetch))) == list(range(205))

    assert len(service.asked) == 11
    assert service.most_in_flight == min(prefetch + 1, 10)


async def test_prefetching_requests_no_page_beyond_the_last() -> None:
    service = Service(30)

    await collect(aiter(service.list(prefetch=10)))

    assert sorted(page for page, _ in service.asked) == [1, 2]


@BACKENDS
def test_the_next_pages_are_fetched_while_the_caller_uses_a_page(backend: str) -> None:
    service = Service(1000)

    async def main() -> None:
        pages = service.list(prefetch=2).pages()
        await anext(pages)
        await anyio.wait_all_tasks_blocked()
        assert sorted(page for page, _ in service.asked) == [1, 2, 3]
        assert service.in_flight == 0  # all have arrived
        second = await anext(pages)
        assert second.data[0] == 20

    run(main, backend)


async def test_no_unneeded_page_is_prefetched() -> None:
    service = Service(1000)

    assert await collect(aiter(service.list(prefetch=5, max_items=35))) == list(range(35))

    assert sorted(page for page, _ in service.asked) == [1, 2]


@BACKENDS
def test_a_dropped_iterator_ends_its_prefetching(backend: str) -> None:
    ended: anyio.Event

    async def fetch(position: Position, limit: int | None) -> Page[int]:  # noqa: ARG001 - the interface
        if position == 2:
            try:
                await anyio.sleep_forever()
            finally:
                ended.set()
        return Page(
            data=[1],
            pagination=Pagination(total_count=9, page=1, limit=1, prev_page=None, next_page=2),
        )

    async def main() -> None:
        nonlocal ended
        ended = anyio.Event()
        listing = Listing(fetch, operation="x.list", page=1, limit=1, max_items=None, prefetch=1)
        async for _ in listing:
            await anyio.wait_all_tasks_blocked()
            break
        with anyio.fail_after(HANGS):
            await ended.wait()

    run(main, backend)


async def test_an_exception_of_the_caller_s_hook_passes_through_a_prefetch_unchanged() -> None:
    service = Service(100)
    service.failing[3] = KeyError("hook")

    with pytest.raises(KeyError):
        await append_all([], service.list(prefetch=4))


async def test_a_chain_that_skips_pages_is_followed_with_prefetching_as_well() -> None:
    service = Service(100)
    service.headers = lambda page, headers: headers | ({"x-next-page": "4"} if page == 2 else {})

    seen = await collect(aiter(service.list(prefetch=3)))

    assert seen == [*range(40), *range(60, 100)]


@pytest.mark.parametrize(
    "arguments",
    [
        {"page": 0},
        {"page": -1},
        {"page": None},
        {"page": "2"},
        {"limit": 0},
        {"limit": 101},
        {"limit": 1.5},
        {"limit": "20"},
        {"max_items": -1},
        {"max_items": float("nan")},
        {"prefetch": -1},
        {"prefetch": None},
        {"prefetch": 0.5},
    ],
    ids=str,
)
def test_numbers_out_of_range_are_rejected_before_any_request(arguments: dict[str, Any]) -> None:
    service = Service(1)

    with pytest.raises(InvalidArgumentError, match=next(iter(arguments))):
        service.list(**arguments)

    assert service.asked == []


@pytest.mark.parametrize("length", [30_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
async def test_a_long_list_needs_no_more_memory_than_its_pages(length: int) -> None:
    service = Service(length)

    async def fetch_records(page: int, limit: int | None) -> Response[list[bytes]]:
        numbers = await service.fetch(page, limit)
        # Records of a kilobyte: all of them together are at least 30 MB.
        data = [bytes(1000) for _ in numbers.data]
        return Response(data=data, status=200, headers=numbers.headers, request_id=None, attempts=1)

    records = Listing(
        pages_in_headers(fetch_records),
        operation="images.list",
        page=1,
        limit=100,
        max_items=None,
        prefetch=2,
    )
    count = 0
    tracemalloc.start()
    try:
        async for _ in records:
            count += 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == length
    assert peak < 8_000_000  # bytes: a few pages, and garbage that is not collected yet


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_iteration_that_is_left_early_leaves_no_task_behind(backend: str) -> None:
    async def scenario() -> None:
        service = Service(100)
        async for _ in service.list(prefetch=2):
            break
        async for _ in service.list(max_items=1):
            pass
        async for _ in service.list().pages():
            break

    anyio.run(scenario, backend=backend)


def test_resume_page_is_none_outside_of_an_iteration() -> None:
    assert ImgwireError("x").resume_page is None


def by_cursor(pages: dict[str | None, tuple[list[int], str | None]], **arguments: Any) -> Listing[int]:
    """A list with cursors: each page has its items and the cursor of the next page."""

    async def fetch(position: Position, limit: int | None) -> Page[int]:
        assert position is None or isinstance(position, str)
        if position == "broken":
            raise InternalServerError("broken", status=500)
        items, following = pages[position]
        pagination = Pagination(
            total_count=None,
            page=None,
            limit=limit,
            prev_page=None,
            next_page=None,
            cursor=position,
            next_cursor=following,
        )
        return Page(data=items, pagination=pagination)

    defaults: dict[str, Any] = {"page": None, "limit": None, "max_items": None, "first": None}
    return Listing(fetch, operation="assets.list", **(defaults | arguments))


CURSORS: dict[str | None, tuple[list[int], str | None]] = {
    None: ([1, 2], "a"),
    "a": ([3], "b"),
    "b": ([], "c"),
    "c": ([4], None),
}


async def test_cursors_are_followed_to_the_last_page() -> None:
    assert await collect(aiter(by_cursor(CURSORS))) == [1, 2, 3, 4]


async def test_a_list_can_start_at_a_cursor() -> None:
    assert await collect(aiter(by_cursor(CURSORS, page="a"))) == [3, 4]
    page = await by_cursor(CURSORS, page="a")
    assert (page.pagination.cursor, page.pagination.next_cursor) == ("a", "b")
    assert page.pagination.next_position == "b"


@pytest.mark.parametrize(
    "cycle", [{None: ([1], "a"), "a": ([2], "a")}, {None: ([1], "a"), "a": ([2], "b"), "b": ([3], "a")}]
)
async def test_a_cycle_of_cursors_ends_the_iteration(
    cycle: dict[str | None, tuple[list[int], str | None]],
) -> None:
    iterator = aiter(by_cursor(cycle))
    assert [await anext(iterator) for _ in range(len(cycle) - 1)] == list(range(1, len(cycle)))

    with pytest.raises(PaginationError):
        await anext(iterator)


async def test_an_error_says_at_which_cursor_to_resume() -> None:
    iterator = aiter(by_cursor({None: ([1], "broken")}))
    assert await anext(iterator) == 1

    with pytest.raises(InternalServerError) as caught:
        await anext(iterator)

    assert caught.value.resume_cursor == "broken"


async def test_pages_can_be_numbered_from_zero() -> None:
    asked = []

    async def fetch(position: Position, limit: int | None) -> Page[int]:
        assert isinstance(position, int)
        assert limit == 2
        asked.append(position)
        pagination = Pagination(
            total_count=5,
            page=position,
            limit=2,
            prev_page=None,
            next_page=position + 1 if position < 2 else None,
        )
        return Page(data=list(range(5))[2 * position : 2 * position + 2], pagination=pagination)

    listing = Listing(
        fetch, operation="sources.list", page=0, limit=2, max_items=None, prefetch=5, first=0, most=1000
    )

    assert await collect(aiter(listing)) == [0, 1, 2, 3, 4]
    assert sorted(asked) == [0, 1, 2]
