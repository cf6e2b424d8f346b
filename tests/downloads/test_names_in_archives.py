"""A name chosen by one uploader cannot break the archives of others."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgwire_async.downloads.names import LONGEST_NAME, LONGEST_PATH, Places, safe_name
from tests.downloads.test_extraction import extract


def archive_of(*names: str) -> bytes:
    """An archive in which each file contains the number of its entry."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, name in enumerate(names):
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            archive.writestr(info, b"" if name.endswith("/") else b"%d" % number)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("new\nline.jpg", "new_line.jpg"),
        ("null\0byte.jpg", "null_byte.jpg"),
        ("\x1b[2Jescape.jpg", "_[2Jescape.jpg"),
        ("\x85next.jpg", "_next.jpg"),
        ("line\u2028.jpg", "line_.jpg"),
        ("gnp.\u202eexe.jpg", "gnp._exe.jpg"),
        ("CON", "_CON"),
        ("nul.jpg", "_nul.jpg"),
        ("sub/Com1.tar.gz", "sub/_Com1.tar.gz"),
        ("LPT¹", "_LPT¹"),
        ("aux .jpg", "_aux .jpg"),
        ("prn...", "_prn"),
        ("conout$", "_conout$"),
        ("aux/photo.jpg", "_aux/photo.jpg"),
        ("dots.jpg...", "dots.jpg"),
        ("blanks.jpg  ", "blanks.jpg"),
        ("...", "_"),
        ("sub /. ./a.jpg", "sub/_/a.jpg"),
    ],
)
async def test_a_name_that_some_system_rejects_is_changed_and_reported(
    name: str, expected: str, tmp_path: Path
) -> None:
    paths = await extract(archive_of("good.jpg", name, "last.jpg"), tmp_path)

    assert [path.relative_to(tmp_path).as_posix() for path in paths] == ["good.jpg", expected, "last.jpg"]
    assert [path.read_bytes() for path in paths] == [b"0", b"1", b"2"]
    assert [(one.entry, one.path) for one in paths.renamed] == [(name, tmp_path / expected)]


@pytest.mark.parametrize(
    "name",
    [
        "photo.jpg",
        "12:30.png",
        "ümläut 写真.jpg",
        ".hidden",
        "a b.jpg",
        "family \U0001f468\u200d\U0001f469.png",
    ],
)
async def test_a_valid_name_is_kept(name: str, tmp_path: Path) -> None:
    paths = await extract(archive_of(name), tmp_path)

    assert paths == [tmp_path / name]
    assert paths.renamed == ()


def test_reserved_characters_are_replaced_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgwire_async.downloads.names.os.name", "nt")

    assert safe_name('a<b>c:d"e|f?g*.jpg') == "a_b_c_d_e_f_g_.jpg"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "name", ["x" * 300 + ".jpg", "ü" * 200 + ".jpg", "x" * 60_000, "写" * 100 + "." + "y" * 300]
)
async def test_a_name_that_is_too_long_is_cut_and_stays_unique(name: str, tmp_path: Path) -> None:
    paths = await extract(archive_of(name, "y" + name[1:], name), tmp_path)

    assert len({path.name for path in paths}) == 3
    assert all(len(os.fsencode(path.name)) <= LONGEST_NAME for path in paths)
    assert all(path.suffix == ".jpg" for path in paths) or ".jpg" not in name
    assert [path.read_bytes() for path in paths] == [b"0", b"1", b"2"]


async def test_a_path_that_is_too_deep_is_moved_to_the_top(tmp_path: Path) -> None:
    paths = await extract(archive_of("folder/" * 800 + "photo.jpg", "sub/photo.jpg"), tmp_path)

    assert paths[0].parent == tmp_path
    assert paths[0].name.startswith("photo~")
    assert paths[1] == tmp_path / "sub/photo.jpg"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("given_names", "expected"),
    [
        (("a.jpg", "a.jpg", "a.jpg"), ("a.jpg", "a (2).jpg", "a (3).jpg")),
        (("a.jpg", "a (2).jpg", "a.jpg"), ("a.jpg", "a (2).jpg", "a (3).jpg")),
        (("a.jpg", "./a.jpg"), ("a.jpg", "a (2).jpg")),
        (("a.jpg", "A.JPG"), ("a.jpg", "A (2).JPG")),
        (("straße.jpg", "STRASSE.jpg"), ("straße.jpg", "STRASSE (2).jpg")),
        (("\u00fc.jpg", "u\u0308.jpg"), ("\u00fc.jpg", "u\u0308 (2).jpg")),
        (("a.jpg", "a.jpg."), ("a.jpg", "a (2).jpg")),
        (("CON", "_con"), ("_CON", "_con (2)")),
        (("a", "a/b.jpg"), ("a", "a (2)/b.jpg")),
        (("a/b.jpg", "a"), ("a/b.jpg", "a (2)")),
        (("Sub/a.jpg", "sub/b.jpg", "sub/A.jpg"), ("Sub/a.jpg", "Sub/b.jpg", "Sub/A (2).jpg")),
        (("sub/", "sub"), ("sub",)),
        (("sub\\a.jpg", "sub/a.jpg"), ("sub/a.jpg", "sub/a (2).jpg")),
    ],
)
async def test_files_whose_names_collide_on_some_system_get_numbers(
    given_names: tuple[str, ...], expected: tuple[str, ...], tmp_path: Path
) -> None:
    paths = await extract(archive_of(*given_names), tmp_path)

    assert [path.relative_to(tmp_path).as_posix() for path in paths] == list(expected)
    files = [number for number, name in enumerate(given_names) if not name.endswith("/")]
    assert [path.read_bytes() for path in paths] == [b"%d" % number for number in files]


async def test_a_name_that_ends_like_a_folder_loses_no_content(tmp_path: Path) -> None:
    (path,) = await extract(archive_of("photo\\"), tmp_path)

    assert path == tmp_path / "photo"
    assert path.read_bytes() == b"0"


def test_many_files_of_one_name_do_not_take_quadratic_time() -> None:
    places = Places()

    claimed = {places.claim(["sub", "a.jpg"]) for _ in range(30_000)}

    assert len(claimed) == 30_000


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3), max_size=6))
def test_paths_are_unique_valid_and_deterministic(paths: list[list[str]]) -> None:
    first, second = Places(), Places()

    claimed = [first.claim(parts) for parts in paths]

    assert claimed == [second.claim(parts) for parts in paths]
    assert len({"/".join(place).casefold() for place in claimed}) == len(paths)
    for place in claimed:
        assert len("/".join(place).encode()) <= LONGEST_PATH + LONGEST_NAME
        assert all(part == safe_name(part) for part in place)
