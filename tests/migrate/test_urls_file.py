"""The file of old and new URLs, as the `assets` of a translation."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.ingest.results.outputs import write_table
from imgwire_async.migrate import Asset, UrlMap, UrlRow, read_urls, translate_url
from imgwire_async.migrate.mapping import COLUMNS

NEW = "https://cdn.example.com/one"


def written(tmp_path: Path, text: str, name: str = "urls.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_csv_and_json_lines_are_equivalent(tmp_path: Path) -> None:
    rows = [
        ("https://shop.imgix.net/a%20b.jpg", NEW, "400", "300", "image/png"),
        ("//x.example/c", f"{NEW}2", "", "", ""),
    ]
    names = ("old_url", "cdn_url", "width", "height", "mime_type")
    csv = written(tmp_path, "\n".join(map(",".join, [names, *rows])))
    lines = (json.dumps(dict(zip(names, row, strict=True))) for row in rows)
    jsonl = written(tmp_path, "\n".join(lines), "urls.jsonl")

    assert (
        dict(read_urls(csv))
        == dict(read_urls(jsonl))
        == {
            "shop.imgix.net/a b.jpg": Asset(NEW, 400, 300, "image/png"),
            "x.example/c": Asset(f"{NEW}2"),
        }
    )
    assert len(read_urls(csv)) == 2
    assert read_urls(csv).hosts == {"shop.imgix.net", "x.example"}


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_a_file_written_by_a_job_can_be_read(tmp_path: Path, extension: str) -> None:
    row = dict.fromkeys(COLUMNS, "") | {
        "old_url": "https://shop.imgix.net/a.jpg",
        "cdn_url": NEW,
        "width": "400",
        "height": "300",
        "mime_type": "image/jpeg",
    }
    path = tmp_path / f"urls.{extension}"
    write_table(path, COLUMNS, [row])

    assert dict(read_urls(path)) == {"shop.imgix.net/a.jpg": Asset(NEW, 400, 300, "image/jpeg")}


def test_the_same_path_of_another_host_is_another_image_unless_it_is_an_alias(tmp_path: Path) -> None:
    path = written(tmp_path, f"old_url,cdn_url\nhttps://shop.imgix.net/a.jpg,{NEW}\n")

    other = translate_url("https://blog.imgix.net/a.jpg", assets=read_urls(path))
    alias = translate_url("https://blog.imgix.net/a.jpg", assets=read_urls(path, aliases=["Blog.imgix.net"]))

    assert other.url is None
    assert alias.url == NEW


def test_an_alias_does_not_choose_between_two_images(tmp_path: Path) -> None:
    rows = f"https://a.imgix.net/x,{NEW}1\nhttps://b.imgix.net/x,{NEW}2\nhttps://b.imgix.net/y,{NEW}3\n"
    urls = read_urls(written(tmp_path, f"old_url,cdn_url\n{rows}"), aliases=["img.example"])

    assert urls["b.imgix.net/x"].image == f"{NEW}2"
    assert urls["img.example/y"].image == f"{NEW}3"
    assert "img.example/x" not in urls
    assert len(urls) == len(list(urls)) == 3


def test_web_proxy_images_are_known_by_their_own_url(tmp_path: Path) -> None:
    old = "https://p.imgix.net/https%3A%2F%2Fo.example%2Fa.jpg%3Fv%3D1"

    urls = read_urls(written(tmp_path, f"old_url,cdn_url\n{old},{NEW}\n"))

    assert list(urls) == ["https://o.example/a.jpg?v=1"]
    assert translate_url(f"{old}?w=9", assets=urls).url == f"{NEW}?enlarge=true&width=9"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_numbers_that_a_data_frame_has_turned_into_floats_are_read(tmp_path: Path, suffix: str) -> None:
    names = ("old_url", "cdn_url", "width", "height", "exif_orientation")
    rows = [("//a.imgix.net/x", NEW, 640.0, 480.0, 6.0), ("//a.imgix.net/y", f"{NEW}2", None, 480.5, -1.0)]
    path = tmp_path / f"urls{suffix}"
    if suffix == ".parquet":
        parquet.write_table(pa.table([list(column) for column in zip(*rows, strict=True)], names), path)
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows))
    else:
        table = [names, *(("" if cell is None else str(cell) for cell in row) for row in rows)]
        path.write_text("\n".join(map(",".join, table)))

    assert list(read_urls(path).values()) == [
        Asset(NEW, 640, 480, None, 6),
        Asset(f"{NEW}2", None, None, None, "unknown"),
    ]


def test_an_image_that_is_not_ready_is_omitted(tmp_path: Path) -> None:
    assert not read_urls(written(tmp_path, "old_url,cdn_url\nhttps://a.imgix.net/x,\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("old_url\nhttps://a.imgix.net/x\n", "no column cdn_url"),
        (f"old_url,cdn_url\n,{NEW}\n", "row 2 has no old_url"),
        (f"old_url,cdn_url\nnot a url,{NEW}\n", "not the URL of a file"),
        (f"old_url,cdn_url\n//a.imgix.net/x,{NEW}1\n//a.imgix.net/x,{NEW}2\n", "stands for two images"),
    ],
)
def test_an_inconsistent_file_is_rejected(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        read_urls(written(tmp_path, text))


def test_a_packed_file_is_rejected_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "urls.csv"
    path.write_bytes(gzip.compress(f"old_url,cdn_url\n//a.imgix.net/x,{NEW}\n".encode()))

    with pytest.raises(InvalidArgumentError, match="compressed with gzip; unpack it first"):
        read_urls(path)


def test_a_file_that_does_not_exist_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="No such file"):
        read_urls(tmp_path / "none.csv")
    with pytest.raises(InvalidArgumentError, match="NUL"):
        read_urls("urls\0.csv")


UUIDS = "91cb22dd-1fad-43af-81a9-c506ff1212eb/cab300d8-beaf-4127-a992-607335e24546"


@pytest.mark.parametrize(
    "image",
    [
        *(f"https://cdn.example.com/e/{UUIDS}", f"https://cdn.example.com/{UUIDS}?preset=x", UUIDS.upper()),
        *("https://cdn.example.com/b\xfccher/\udcff.png", "https://cdn.example.com", "an-id", f"/{UUIDS}"),
    ],
)
def test_any_new_url_is_returned_unchanged(image: str) -> None:
    old = "https://shop.imgix.net/a.jpg"
    rows = [UrlRow(old, Asset(image, 4, 3, "image/png", 6)), UrlRow(f"{old}x", Asset(image))]

    urls = UrlMap(rows)

    assert list(urls.values()) == [row.asset for row in rows]
    with pytest.raises(InvalidArgumentError, match="two images"):
        UrlMap([*rows, UrlRow(old, Asset(f"{image}2"))])


def test_a_row_takes_less_than_250_bytes() -> None:
    def rows(count: int) -> Iterator[UrlRow]:
        for at in range(count):
            image = f"https://cdn.example.com/{UUIDS[:36]}/{UUIDS[:32]}{at:04}/{UUIDS[:32]}{at:04}"
            yield UrlRow(f"https://shop.imgix.net/photos/{at:06}.jpg", Asset(image, 4000, 3000, "image/jpeg"))

    UrlMap(rows(10))
    tracemalloc.start()
    urls = UrlMap(rows(2000))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(urls) == 2000
    assert size < 250 * 2000
