"""A service invented for this test: everything another API needs for retries, limits and errors."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, ClassVar

import anyio
import pytest

from imgwire_async import InternalServerError, RateLimitError
from imgwire_async.bodies.memory import open_bytes
from imgwire_async.core.call import Core
from imgwire_async.core.clients.credentials import Credentials
from imgwire_async.core.clients.options import CallOptions
from imgwire_async.core.http.connections import Engine
from imgwire_async.core.logical_call import SharedState
from imgwire_async.core.operation import Operation, Replay, Request, Response
from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.core.paging import Listing, Page, Pagination, Position
from imgwire_async.core.responses import HttpResponse, error_document
from imgwire_async.core.retry import RetryBudget
from imgwire_async.core.service import Service
from imgwire_async.core.time import RealTime
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import CallContext, ImgwireError, status_error_class
from tests.raw_servers import RawServer, answer, in_turn, raw_server


class Shelf(Service):
    """A service with its own headers, media type, error bodies and limits."""

    name = "Shelf"
    key_variable = "SHELF_TOKEN"
    url_variable = "SHELF_URL"
    public_url = "https://api.shelf.example"
    headers: ClassVar[Mapping[str, str]] = {"X-Shelf-Version": "7"}
    rate_classes: ClassVar[Mapping[str, RateLimit | None]] = {"books": RateLimit(200.0), "covers": None}

    def error_for(self, response: HttpResponse, context: CallContext) -> ImgwireError:
        document = error_document(response.content)
        problem = document["problem"]["text"] if document else response.status
        error: ImgwireError = status_error_class(response.status)(
            f"{self.name}: {problem}", status=response.status, **context
        )
        return error


LIST = Operation(
    name="books.list",
    method="GET",
    path="/books",
    auth="token",
    replay=Replay.SAFE,
    rate_class="books",
    media_type="application/vnd.shelf+json",
)
COVER = Operation(
    name="books.cover",
    method="POST",
    path="/covers/{path}",
    auth="token",
    replay=Replay.UNSAFE,
    rate_class="covers",
    slashes=frozenset({"path"}),
)


def books(core: Core) -> Listing[str]:
    async def fetch(position: Position, limit: int | None) -> Page[str]:  # noqa: ARG001 - the interface
        query = {} if position is None else {"after": str(position)}
        response: Response[Any] = await core.call(Request(operation=LIST, query=query), lambda data: data)
        following = Pagination(
            total_count=None, page=None, limit=None, prev_page=None, next_page=None,
            next_cursor=response.data["after"],
        )  # fmt: skip
        return Page(data=response.data["books"], pagination=following)

    return Listing(fetch, operation="books.list", page=None, limit=None, max_items=None, first=None)


@asynccontextmanager
async def shelf(server: RawServer) -> AsyncIterator[Core]:
    limits = {name: limit for name, limit in Shelf.rate_classes.items() if limit is not None}
    time = RealTime()
    shared = SharedState(
        service=Shelf(),
        engine=Engine(),
        gate=Gate(10, rate_limits=limits, time=time),
        budget=RetryBudget(time.monotonic),
        time=time,
        rng=Unhurried(),
    )
    options = CallOptions(base_url=server.base_url)
    try:
        yield Core(options, Credentials(Secret("t0ken"), Shelf.key_variable), shared)
    finally:
        await shared.engine.aclose()


class Unhurried(random.Random):
    """Returns the minimum of every range, so that retries follow at once."""

    def uniform(self, a: float, b: float) -> float:  # noqa: ARG002 - the interface
        return a


@contextmanager
def answers(*script: tuple[int, object]) -> Iterator[RawServer]:
    with raw_server(
        in_turn(*(answer(status, json.dumps(body).encode()) for status, body in script))
    ) as server:
        yield server


async def test_its_lists_follow_cursors_through_failures() -> None:
    with answers(
        (503, {}),
        (200, {"books": ["a", "b"], "after": "b"}),
        (429, {}),
        (200, {"books": ["c"], "after": None}),
    ) as server:
        async with shelf(server) as core:
            assert [title async for title in books(core)] == ["a", "b", "c"]

    assert [head.split()[1] for head in server.heads] == [b"/books"] * 2 + [b"/books?after=b"] * 2
    assert b"x-shelf-version: 7" in server.heads[0].lower()
    assert b"accept: application/vnd.shelf+json" in server.heads[0].lower()
    assert b"authorization: bearer t0ken" in server.heads[0].lower()


async def test_its_errors_are_read_in_its_format() -> None:
    with answers((429, {"problem": {"text": "too many readers"}})) as server:
        async with shelf(server) as core:
            with pytest.raises(RateLimitError, match="Shelf: too many readers") as caught:
                await books(core)
    assert (caught.value.operation, caught.value.attempts) == ("books.list", 5)


async def test_its_bytes_are_sent_with_the_credential_and_only_once_when_they_may_have_arrived() -> None:
    sent: list[int] = []
    with answers((429, {}), (200, {}), (500, {})) as server:
        async with shelf(server) as core, open_bytes(b"cover" * 30_000) as body:
            request = Request(
                operation=COVER,
                path_parameters={"path": "a b/c?.png"},
                content=body,
                content_type="image/png",
            )
            response = await core.call(request, dict, on_sent=sent.append)
            with pytest.raises(InternalServerError):
                await core.call(request, dict)

    assert response.attempts == 2
    assert (sent[0], sent[-1]) == (0, 150_000)
    assert server.bodies == [b"cover" * 30_000] * 3
    assert server.heads[0].startswith(b"POST /covers/a%20b/c%3F.png HTTP/1.1")
    assert b"content-type: image/png" in server.heads[0].lower()
    assert b"authorization: bearer t0ken" in server.heads[0].lower()


@pytest.mark.parametrize("path", ["", "/", "..", "a/../b", "a//b", "a/.", "a/"])
async def test_no_path_escapes_the_base_url(path: str) -> None:
    with pytest.raises(ValueError, match="must not be"):
        _ = Request(operation=COVER, path_parameters={"path": path}).path


async def test_its_published_limit_applies_from_the_first_request() -> None:
    with answers((200, {"books": [], "after": None})) as server:
        async with shelf(server) as core:
            began = anyio.current_time()
            for _ in range(21):
                await books(core)
            assert anyio.current_time() - began >= 20 / 200
