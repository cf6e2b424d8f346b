"""Names of exported files: safe on every system, unique, and the same in every run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgwire_async import Image
from imgwire_async.errors import JournalError
from imgwire_async.imgwire.export.names import NameRegister, NameTemplate

RECORD: dict[str, Any] = {
    "id": str(UUID(int=1)),
    "can_upload": False,
    "cdn_url": "https://cdn.example.com/1",
    "created_at": datetime(2026, 3, 4, tzinfo=UTC).isoformat(),
    "custom_metadata": {},
    "deleted_at": None,
    "environment_id": None,
    "exif_data": {},
    "extension": "png",
    "hash_sha256": None,
    "height": 1,
    "idempotency_key": None,
    "is_directly_deliverable": True,
    "mime_type": "image/png",
    "original_filename": "hero.png",
    "processed_metadata_at": None,
    "purpose": None,
    "size_bytes": 1,
    "status": "READY",
    "updated_at": datetime(2026, 3, 4, tzinfo=UTC).isoformat(),
    "upload_token_id": None,
    "width": 1,
}


def image(number: int, name: str = "hero.png", **fields: Any) -> Image:
    changed = {"id": str(UUID(int=number << 96)), "original_filename": name} | fields
    return Image.from_dict(RECORD | changed)


def database() -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(":memory:", isolation_level=None))


def names(images: list[Image], template: str = "{file_name}", *reserved: str) -> list[str]:
    with database() as connection:
        given = NameRegister(connection, 1, reserved).give(images, NameTemplate(template))
    return [name for _, name in given]


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{file_name}", "hero.png"),
        ("{stem}-{id}{suffix}", f"hero-{UUID(int=1 << 96)}.png"),
        ("{year}/{month}/{day}/{file_name}", "2026/03/04/hero.png"),
        ("{purpose}/{mime_type}{suffix}", "a_b/image_png.png"),
        (".hidden/{file_name}", "_hidden/hero.png"),
    ],
)
def test_templates(template: str, name: str) -> None:
    assert names([image(1, purpose="a/b")], template) == [name]


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\secret\\con.png", "_con.png"),
        ("a\x00b\x1f\u202e.png", "a_b__.png"),
        ('<>:"|?*.png', "_______.png"),
        (".bashrc", "bashrc.png"),
        ("hero.png. ", "hero.png"),
    ],
)
def test_an_untrusted_name_becomes_one_that_every_system_accepts(given_name: str, name: str) -> None:
    assert names([image(1, given_name)]) == [name]


def test_a_purpose_that_looks_like_a_path_becomes_an_ordinary_folder() -> None:
    assert names([image(1, purpose="..")], "{purpose}/{file_name}") == ["_/hero.png"]


def test_names_that_differ_in_case_or_composition_only_are_the_same() -> None:
    same = [image(1, "É.png"), image(2, "E\u0301.PNG"), image(3, "é.png")]
    assert names(same) == ["É.png", "E\u0301~00000002.PNG", "é~00000003.png"]


def test_a_file_never_gets_the_path_of_a_folder() -> None:
    first, second = image(1, "a.png", purpose="x"), image(2, "x", purpose="b.png")
    template = "{purpose}"
    deep = names([first], "{purpose}/{file_name}")
    assert deep == ["x/a.png"]

    with database() as connection:
        both = NameRegister(connection, 1, [])
        (given_first,) = both.give([first], NameTemplate("{purpose}/{file_name}"))
        (given_second,) = both.give([image(3, purpose="X")], NameTemplate(template))
        (given_third,) = both.give([second], NameTemplate("{purpose}/{file_name}"))
        assert [given_first[1], given_second[1], given_third[1]] == ["x/a.png", "X~00000003", "b.png/x.png"]

        (below_a_file,) = both.give([image(4, purpose="x~00000003")], NameTemplate("{purpose}/{file_name}"))
        assert below_a_file[1] == f"{UUID(int=4 << 96)}.png"


def test_a_name_that_looks_like_a_numbered_one_is_not_assigned_twice() -> None:
    marked = f"hero~{UUID(int=2 << 96)}.png"
    found = names([image(9, "hero~00000002.png"), image(8, marked), image(1), image(2)])
    assert found == ["hero~00000002.png", marked, "hero.png", f"{UUID(int=2 << 96)}.png"]


def test_reserved_names_are_never_assigned() -> None:
    assert names([image(1, "manifest.png")], "{stem}.jsonl", "Manifest.jsonl") == ["manifest~00000001.jsonl"]


def test_a_name_stays_the_same_in_a_later_run_whatever_the_order() -> None:
    with database() as connection:
        first = NameRegister(connection, 1, []).give([image(1), image(2)], NameTemplate("{file_name}"))
        later = NameRegister(connection, 2, [])
        again = later.give([image(3), image(2), image(1)], NameTemplate("{file_name}"))

        assert {str(one.id): name for one, name in again}.items() > {
            str(one.id): name for one, name in first
        }.items()
        assert later.give([image(1), image(3)], NameTemplate("{file_name}")) == []  # seen in this run


def test_a_journal_that_cannot_store_names_is_an_error_of_the_journal() -> None:
    with database() as connection:
        connection.execute("PRAGMA query_only=1")
        with pytest.raises(JournalError, match="cannot record the names of the images"):
            NameRegister(connection, 1, [])


@given(
    st.lists(st.text(max_size=300), min_size=1, max_size=6),
    st.sampled_from(["{file_name}", "{purpose}/{stem}"]),
)
def test_no_name_leaves_the_target_and_none_is_assigned_twice(texts: list[str], template: str) -> None:
    given_names = names([image(n, text, purpose=text) for n, text in enumerate(texts, 1)], template)

    assert len({name.casefold() for name in given_names}) == len(texts)
    for name in given_names:
        for part in name.split("/"):
            assert part not in {"", ".", ".."}
            assert len(part.encode()) <= 255
            assert not any(character in '<>:"|?*\\' or ord(character) < 32 for character in part)
