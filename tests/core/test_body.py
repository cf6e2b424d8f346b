"""The stream of a request body: every byte arrives once, and the length is always the declared one."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgwire_async.core import body
from imgwire_async.core.body import LARGEST_PIECE, PIECE_SIZE, CountedStream, SourceFailedError
from imgwire_async.errors import SourceChangedError, UploadSourceError


async def chunks_of(parts: list[bytes]) -> AsyncGenerator[bytes, None]:
    for part in parts:
        yield part


@given(st.lists(st.binary(max_size=300) | st.integers(0, 3 * PIECE_SIZE).map(bytes), max_size=8))
def test_any_content_in_any_chunks_arrives_unchanged_in_small_chunks(parts: list[bytes]) -> None:
    content = b"".join(parts)
    reported: list[int] = []
    ends: list[bool] = []

    async def scenario() -> list[memoryview]:
        stream = CountedStream(chunks_of(parts), len(content), reported.append)
        stream.on_progress = ends.append
        return [piece async for piece in stream]

    pieces = anyio.run(scenario)

    assert b"".join(pieces) == content
    assert all(0 < len(piece) <= LARGEST_PIECE for piece in pieces)
    assert reported == sorted(set(reported))
    assert reported[-1:] == ([len(content)] if content else [])
    assert ends.count(True) == (1 if content else 0)


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_a_small_body_in_any_chunks_is_read_whole(parts: list[bytes]) -> None:
    content = b"".join(parts)
    reported: list[int] = []

    async def scenario() -> bytes:
        stream = CountedStream(chunks_of(parts), len(content), reported.append)
        whole = await stream.read_whole()
        stream.tell_sent()
        return whole

    assert anyio.run(scenario) == content
    assert reported == [len(content)]


@pytest.mark.parametrize("announced", [5, 7])
async def test_a_small_body_of_another_size_than_declared_is_not_sent(announced: int) -> None:
    stream = CountedStream(chunks_of([b"abc", b"def"]), announced)

    with pytest.raises(SourceChangedError):
        await stream.read_whole()


async def test_bytes_are_counted_as_sent_only_when_the_next_chunk_is_requested() -> None:
    stream = CountedStream(chunks_of([b"abc", b"def"]), 6)

    await anext(stream)
    before = stream.sent
    await anext(stream)

    assert (before, stream.sent) == (0, 3)


async def test_a_started_stream_cannot_be_sent_again() -> None:
    stream = CountedStream(chunks_of([b"abc", b"def"]), 6)
    untouched = stream.started
    await anext(aiter(stream))

    assert (untouched, stream.started) == (False, True)
    with pytest.raises(SourceFailedError):
        aiter(stream)


async def test_chunks_grow_on_a_fast_connection_and_shrink_on_a_slow_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    stream = CountedStream(chunks_of([bytes(4 * LARGEST_PIECE)]), 4 * LARGEST_PIECE)

    sizes = []
    for seconds in (0.0, 0.0, 0.0, 0.0, 0.2, 0.0):
        sizes.append(len(await anext(stream)) // PIECE_SIZE)
        now += seconds

    assert sizes == [1, 2, 4, 8, 8, 1]


async def test_the_end_of_the_source_is_detected_before_the_last_chunk_is_sent() -> None:
    ended: list[bool] = []

    async def chunks() -> AsyncGenerator[bytes, None]:
        yield b"abc"
        yield b""
        ended.append(True)

    stream = CountedStream(chunks(), 3)

    assert (bytes(await anext(stream)), ended) == (b"abc", [True])
    assert await anext(stream, None) is None


@pytest.mark.parametrize("parts", [[b"abc", b"d"], [b"abc", b"", b"d"], [b"abcd"]])
async def test_the_last_chunk_of_a_source_with_more_bytes_than_declared_is_not_sent(
    parts: list[bytes],
) -> None:
    stream = CountedStream(chunks_of(parts), 3)

    with pytest.raises(SourceFailedError):
        await anext(stream)
    assert isinstance(stream.failure, SourceChangedError)


async def test_a_source_that_stays_open_after_its_last_byte_is_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body, "_ENDING", 0.001)

    async def chunks() -> AsyncGenerator[bytes, None]:
        yield b"abc"
        await anyio.sleep_forever()

    assert [piece async for piece in CountedStream(chunks(), 3)] == [b"abc"]


async def test_a_source_that_fails_after_its_last_byte_fails_the_request() -> None:
    async def chunks() -> AsyncGenerator[bytes, None]:
        yield b"abc"
        raise OSError("the disk is gone")

    stream = CountedStream(chunks(), 3)

    with pytest.raises(SourceFailedError):
        await anext(stream)
    assert isinstance(stream.failure, UploadSourceError)
