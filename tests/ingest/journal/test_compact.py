"""The size of a row on disk, and that compact rows lose nothing."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgwire_async.ingest.items import idempotency_key
from imgwire_async.ingest.journal import compact
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import Row, State

CDN = "https://cdn.imgwire.dev/0b7e3f0e-6e1c-4f9e-9a57-2f3c1f0f8a11/5d0c1c9e-8f43-4b1e-9f51-7f2d9a3b6c55"
URL = "https://images.example.com/catalog/0007/a.jpg"
IMAGE = "9f1c2f2c-33c1-4c0b-8f64-5a5e0c8d2f10"


def digest(number: int, size: int = 32) -> bytes:
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=size).digest()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
KEYS = st.one_of(
    TEXTS,
    st.builds(
        "/".join, st.lists(st.sampled_from(["", "a", "b", "c.jpg", "http:", "h", "-", "z"]), max_size=5)
    ),
    st.sampled_from([URL, URL + "?w=1/2", "s3://b/k", "s3://b/", "//", "{image}"]),
)
VERSIONS = st.one_of(
    st.none(),
    TEXTS,
    st.integers().map(str),
    st.sampled_from(["", "-0", "007", "9223372036854775808", "-9223372036854775808", "0" * 32, "A" * 32]),
    st.binary(min_size=16, max_size=16).map(bytes.hex),
)
IMAGES = st.one_of(
    st.none(),
    TEXTS,
    st.sampled_from([IMAGE, IMAGE.upper(), str(UUID(int=0)), UUID(IMAGE).hex]),
    st.uuids().map(str),
)
URLS = st.one_of(
    st.none(),
    TEXTS,
    st.sampled_from([f"{CDN}/{IMAGE}", "https://h/{image}", f"{IMAGE}{IMAGE}", f"https://h/{IMAGE}/a.jpg"]),
)
IDEMPOTENCY_KEYS = st.one_of(
    st.none(),
    TEXTS,
    st.builds(idempotency_key, st.just("spring"), TEXTS, st.binary(max_size=4)),
    st.sampled_from(["iw1-", "iw1-aaaaaaaa", "iw1-AAAAAAAA", "aaaaaaaa", "iw1-ä"]),
)
ROWS = st.builds(
    Row,
    key=KEYS,
    source=KEYS,
    state=st.sampled_from(State),
    run=st.integers(0, 3),
    size=st.none() | st.integers(0, 2**40),
    version=VERSIONS,
    sha256=st.none() | st.binary(max_size=32),
    idempotency_key=IDEMPOTENCY_KEYS,
    image_id=IMAGES,
    cdn_url=URLS,
    attempts=st.integers(0, 9),
    error_type=st.none() | TEXTS,
    error=st.none() | TEXTS,
    item=st.none() | TEXTS,
    parameters=st.none() | st.binary(max_size=16),
    note=st.none() | TEXTS,
)


@settings(max_examples=15)
@given(st.lists(st.lists(ROWS, max_size=8), max_size=4), st.sampled_from([1, 3, 16_384]))
def test_every_row_is_read_as_it_was_written_and_the_counts_are_those_of_the_rows(
    tmp_path_factory: pytest.TempPathFactory, writes: list[list[Row]], places: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    known: dict[str, Row] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compact, "PLACES", places)
        patch.setattr(compact, "_HOSTS", 1)
        with Journal(path, job="spring") as journal:
            for rows in writes:
                journal.write(rows)
                known |= {row.key: row for row in rows}
        with Journal(path) as journal:
            assert journal.find([*known, "unknown"]) == known
            assert [row.key for row in journal.rows(*State)] == sorted(known)
            for state in State:
                of_state = sorted(key for key, row in known.items() if row.state == state)
                assert [row.key for row in journal.rows(state)] == of_state
            assert journal.count() == Counter(row.state for row in known.values())
    with closing(sqlite3.connect(path)) as reader:
        keys = reader.execute("SELECT key FROM items ORDER BY key").fetchall()
        assert keys == [(key,) for key in sorted(known)] or any("\0" in key for key in known)


KINDS = {
    "URLs": lambda number: Row(
        f"https://images.example.com/catalog/{number // 500:04}/sku-{number:09}-front.jpg", "", "", 1
    ),
    "URLs, each in a folder of its own": lambda number: Row(
        f"https://images.example.com/{UUID(bytes=digest(number, 16))}/original.jpg", "", "", 1
    ),
    "objects": lambda number: Row(
        f"s3://media-archive/catalog/{number // 500:04}/sku-{number:09}-front.jpg",
        *("", "", 1, 60_000 + number, digest(number, 16).hex(), digest(number)),
    ),
    "files": lambda number: Row(
        f"{number // 500:04}/sku-{number:09}-front.jpg",
        *("", "", 1, 60_000 + number, str(1_790_000_000_123_456_789 + number), digest(number)),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_takes_at_most_130_bytes(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact, "PLACES", 100)  # in proportion to 16,384 for a million items
    count = 6_000
    with Journal(tmp_path / "j", job="spring") as journal:
        empty = tmp_path.joinpath("j").stat().st_size
        rows = list(map(KINDS[kind], range(count)))
        for row in rows:
            row.source = row.key if "://" in row.key else f"/srv/photos/{row.key}"
            content = row.sha256 or row.source.encode()
            row.idempotency_key = idempotency_key("spring", row.key, content)
        for state, start in product((State.KEYED, State.STORED), range(0, count, 500)):
            for number, row in enumerate(rows[start : start + 500], start):
                row.state = state
                if state is State.STORED:
                    row.image_id = str(UUID(bytes=digest(-1 - number & 0xFFFF_FFFF, 16)))
                    row.cdn_url = f"{CDN}/{row.image_id}"
            journal.write(rows[start : start + 500])
        assert journal.find([rows[-1].key]) == {rows[-1].key: rows[-1]}
    assert (tmp_path.joinpath("j").stat().st_size - empty) / count <= 130


def test_a_failed_write_leaves_nothing_that_later_rows_refer_to(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        lost = Row("lost/a", "lost/a", State.STORED, 1, size=3, cdn_url=f"{CDN}/{IMAGE}", parameters=b"p")
        broken = replace(lost, key="lost/b", run=2**70)
        with pytest.raises(OverflowError):
            journal.write([lost, broken])
        kept = replace(lost, key="kept/c", source="kept/c")
        journal.write([kept])
        assert journal.find(["lost/a", "kept/c"]) == {"kept/c": kept}
    with Journal(tmp_path / "j") as journal:
        assert list(journal.rows(*State)) == [kept]
        assert journal.count() == {"stored": 1}


def test_the_rows_can_be_read_with_other_tools(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.write(
            [
                Row(URL, URL, State.STORED, 1, image_id=IMAGE, version="ab" * 16, attempts=1),
                Row("b", "/x/b", State.FAILED, 1, 7, "5", error_type="E", error="why", item="{}", note="n"),
                Row("c", "/y/z", State.KEYED, 1),
            ]
        )
    with closing(sqlite3.connect(tmp_path / "j")) as reader:
        columns = "key, source, state, size, version, image_id, error_type, error, item, note"
        rows = reader.execute(f"SELECT {columns} FROM items ORDER BY key").fetchall()
    assert rows == [
        ("b", "/x/b", "failed", 7, "5", None, "E", "why", "{}", "n"),
        ("c", "/y/z", "keyed", *(None,) * 7),
        (URL, URL, "stored", None, "ab" * 16, IMAGE, *(None,) * 4),
    ]


def test_only_a_job_that_looks_for_equal_content_pays_for_the_index(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.write([Row("a", "a", State.STORED, 1, sha256=digest(1))])
        found = journal.find_content(digest(1))
        journal.index_content()
        assert found == journal.find_content(digest(1)) == journal.find(["a"])["a"]
        plan = journal._reader.execute(
            "EXPLAIN QUERY PLAN SELECT 1 FROM compact_items "
            "WHERE sha256 IS NOT NULL AND substr(sha256, 1, 8) = substr(?, 1, 8) AND sha256 = ?",
            (digest(1), digest(1)),
        ).fetchall()
        assert "items_by_content" in str(plan)
