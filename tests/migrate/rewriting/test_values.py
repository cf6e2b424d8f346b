"""Values of databases and cells of CSV files are rewritten; everything else is unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgwire_async.migrate import Asset, UrlMap, UrlRow, UrlTotals, rewrite_files, rewrite_values

OLD = "https://shop.imgix.net/a.jpg"
NEW = "https://cdn.example.com/one"
ASSETS = {"/a.jpg": NEW, "/it's (1).jpg": f"{NEW}2"}
QUERY = "?enlarge=true&width=6"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"{OLD}?w=6", f"{NEW}{QUERY}"),
        (f" {OLD}?w=6\r", f" {NEW}{QUERY}\r"),
        ("//shop.imgix.net/a.jpg", "//cdn.example.com/one"),
        ("https://shop.imgix.net/it's%20(1).jpg", f"{NEW}2"),
        (f"{OLD}?w=6&amp;fm=png", f"{NEW}?enlarge=true&amp;format=png&amp;width=6"),
        (f"{OLD},{OLD}", f"{NEW},{NEW}"),
        (f"{OLD}?w=6,{OLD}?w=6", f"{NEW}{QUERY},{NEW}{QUERY}"),
        (f"{OLD}?w=6|{OLD}?w=6", f"{NEW}{QUERY}|{NEW}{QUERY}"),
        (f"{OLD}?w=6#top", f"{NEW}{QUERY}#top"),
        (f"{OLD}?w=WIDTH", f"{OLD}?w=WIDTH"),
        (f"{OLD} 1x, {OLD} 2x", f"{NEW} 1x, {NEW} 2x"),
        (f"<p>{OLD}</p>", f"<p>{NEW}</p>"),
        (f"{OLD}?w=$w", f"{OLD}?w=$w"),
        ("", ""),
        ("/a.jpg", "/a.jpg"),
    ],
)
def test_a_value_is_rewritten(old: str, new: str) -> None:
    assert list(rewrite_values([old], assets=ASSETS)) == [new]


@pytest.mark.parametrize("host", ["bilder.ex\xe4mple.de", "bilder.xn--exmple-cua.de", "Bilder.Ex\xe4mple.de"])
def test_a_host_is_found_in_both_of_its_spellings(host: str, tmp_path: Path) -> None:
    known = UrlMap([UrlRow("https://bilder.xn--exmple-cua.de/a.jpg", Asset(NEW))])
    path = tmp_path / "a.txt"
    path.write_text(f"https://{host}/a.jpg?w=6", encoding="utf-8")

    assert list(rewrite_values([path.read_text(encoding="utf-8")], assets=known)) == [f"{NEW}{QUERY}"]
    list(rewrite_files([path], assets=known, write=True))
    assert path.read_text() == f"{NEW}{QUERY}"


def test_values_are_counted() -> None:
    totals = UrlTotals()

    list(
        rewrite_values(
            [f"{OLD}?w=6", "x", f"{OLD}?trim=auto", "//a.imgix.net/b"], assets=ASSETS, totals=totals
        )
    )

    assert (totals.urls, totals.exact, totals.unsupported, totals.unknown_asset) == (3, 1, 1, 1)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_only_the_column_changes_and_quotes_are_kept(tmp_path: Path, delimiter: str) -> None:
    rows = [
        ("id", "image_url", "text"),
        ("1", f"{OLD}?w=6", OLD),
        ('"2"', f'"{OLD}"', f'"{OLD}\r\nwith ""quotes"", and lines"'),
        ("", f'"<a href=""{OLD}"">"', ""),
        ("3", "", "x"),
        (f'"{OLD}\n"', f"{OLD}?rect=0,0,5,5" if delimiter != "," else OLD, 'a"b'),
    ]
    path = tmp_path / "products.csv"
    path.write_bytes("\r\n".join(map(delimiter.join, rows)).encode())

    list(rewrite_files([path], assets=ASSETS, column="image_url", write=True))

    expected = [
        rows[0],
        *(
            (one, two.replace(f"{OLD}?w=6", NEW + QUERY).replace(OLD, NEW), three)
            for one, two, three in rows[1:]
        ),
    ]
    text = "\r\n".join(map(delimiter.join, expected)).replace("?rect=0,0,5,5", "?crop=0%3A0%3A5%3A5")
    assert path.read_bytes() == text.encode()


@pytest.mark.parametrize(
    "text",
    [
        f"\n\r\nid,image_url\n1,{OLD}\n",
        f"sep=;\r\nid;image_url\r\n1;{OLD}\r\n",
        f'\ufeff"image_url","id"\n"{OLD}","1"\n',
        f"id,Image_URL \n1,{OLD}\n",
        f'"id, of the shop","image_url"\n1,{OLD}\n',
        f'id,"a;b;c;d",image_url\n1,2,{OLD}\n',
        f'id,"a\nnote",image_url\n1,2,{OLD}\n',
        f'id,name,image_url\n1, "one, two" ,{OLD}\n',
        f'id,name,image_url\n1,\t"one\ntwo",{OLD}\n',
        f'id, "image_url"\n1, "{OLD}" \n',
        f'id,name,image_url\n1,5" TV,{OLD}\n',
        f'id,name,image_url\n1,"5 TV,{OLD}\n',
    ],
)
def test_the_column_is_found_in_any_csv_that_a_manifest_may_be(tmp_path: Path, text: str) -> None:
    path = tmp_path / "products.csv"
    path.write_bytes(text.encode())

    (file,) = rewrite_files([path], assets=ASSETS, column="image_url", write=True)

    assert file.error is None
    assert path.read_bytes() == text.replace(OLD, NEW).encode()


def test_a_quoted_name_of_a_column_may_contain_quotes(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_text(f'id,"the ""big"" one"\n1,{OLD}\n')

    (file,) = rewrite_files([path], assets=ASSETS, column='the "big" one', write=True)

    assert (file.error, file.urls.replaced) == (None, 1)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("a,b,a", "line 1 has more than one column 'a'"),
        ('a,"b', "line 1 opens a quote at character 3 that is never closed"),
    ],
)
def test_a_header_that_is_not_clear_is_an_error(tmp_path: Path, header: str, problem: str) -> None:
    path = tmp_path / "products.csv"
    path.write_text(f"{header}\n{OLD},{OLD},{OLD}\n")

    (file,) = rewrite_files([path], assets=ASSETS, column="a", write=True)

    assert file.error == problem


def test_a_column_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"a,b\n{OLD},{OLD}\n")

    (file,) = rewrite_files([path], assets=ASSETS, column="c", write=True)

    assert file.error == "no column 'c'; the header has a, b"
