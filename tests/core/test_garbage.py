"""A successful call leaves no reference cycles, which only the garbage collector can free."""

from __future__ import annotations

import gc
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from imgwire_async import AsyncImgwireClient
from tests.bodies.source_kinds import async_pieces, in_pieces
from tests.bodies.test_kept_connections import CONTENT, create_and_store
from tests.clients import client_of
from tests.lowlevel.support import ID, IMAGE
from tests.raw_servers import Connection, answer, raw_server

Call: TypeAlias = Callable[[AsyncImgwireClient, Path], Awaitable[object]]


async def iterate(imgwire: AsyncImgwireClient) -> None:
    async for _ in imgwire.images.list(limit=2):
        pass


CALLS: dict[str, Call] = {
    "retrieve": lambda imgwire, _: imgwire.images.retrieve(ID),
    "retrieve with a deadline": lambda imgwire, _: imgwire.with_options(deadline=30).images.retrieve(ID),
    "delete": lambda imgwire, _: imgwire.images.delete(ID),
    "a page of a list": lambda imgwire, _: imgwire.images.list(),
    "a whole list": lambda imgwire, _: iterate(imgwire),
    "request": lambda imgwire, _: imgwire.request("GET", f"/api/v1/images/{ID}"),
    "upload of a path": lambda imgwire, path: imgwire.images.upload(path),
    "upload of bytes": lambda imgwire, _: imgwire.images.upload(CONTENT),
    "upload of few bytes": lambda imgwire, _: imgwire.images.upload(CONTENT[:5000]),
    "upload of a generator": lambda imgwire, _: imgwire.images.upload(in_pieces(CONTENT), size=len(CONTENT)),
    "upload of an async generator": lambda imgwire, _: imgwire.images.upload(
        async_pieces(CONTENT), size=len(CONTENT)
    ),
}


def serve(connection: Connection) -> None:
    """Respond to reads with a record or two pages of records, and to other requests like a store."""
    record: dict[str, Any] = IMAGE
    while head := connection.read_head():
        line = head.partition(b"\r\n")[0]
        if not line.startswith((b"GET", b"DELETE")):
            connection.unread = head + b"\r\n\r\n" + connection.unread
            create_and_store(connection, once=True)
        elif b"/images/?" in line:
            following = "X-Next-Page: 2" if b"page=1" in line else "X-Next-Page: null"
            connection.send(answer(200, json.dumps([record, record]).encode(), following))
        else:
            connection.send(answer(200, json.dumps(record).encode()))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_successful_call_leaves_nothing_to_the_garbage_collector(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(CONTENT)
    with raw_server(serve) as server:
        async with client_of(server) as imgwire:
            await call(imgwire, path)  # creates everything that is created only once
            await call(imgwire, path)
            gc.collect()
            gc.disable()
            try:
                for _ in range(3):
                    await call(imgwire, path)
                assert gc.collect() == 0
            finally:
                gc.enable()
