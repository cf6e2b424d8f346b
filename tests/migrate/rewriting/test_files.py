"""Files keep every byte that is not part of a replaced URL, and only permitted files are changed."""

from __future__ import annotations

import codecs
import json
import os
import stat
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from imgwire_async.ingest.results.outputs import write_table, write_text
from imgwire_async.migrate import Compared, RewrittenFile, UrlTotals, read_urls, rewrite_files
from imgwire_async.migrate.asset_items import AssetNote
from imgwire_async.migrate.mapping import COLUMNS, MappedUrl
from imgwire_async.migrate.redirects import RedirectKind, redirect_lines
from imgwire_async.migrate.rewriting import pieces
from imgwire_async.migrate.verification.page import write_page

OLD = "https://shop.imgix.net/a.jpg"
NEW = "https://cdn.example.com/one"
ASSETS = {"/a.jpg": NEW, "/é.jpg": f"{NEW}2"}
QUERY = "?enlarge=true&width=6"


def rewrite(*paths: Path, **options: Any) -> list[RewrittenFile]:
    given: dict[str, Any] = {"assets": ASSETS, "write": True} | options
    return list(rewrite_files(paths, **given))


def total(files: list[RewrittenFile]) -> UrlTotals:
    totals = UrlTotals()
    for file in files:
        totals.add(file.urls)
    return totals


@pytest.mark.parametrize(
    ("codec", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("latin-1", b""),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b""),
        ("utf-32-le", codecs.BOM_UTF32_LE),
    ],
)
def test_encoding_and_line_endings_are_kept(tmp_path: Path, codec: str, mark: bytes) -> None:
    text = 'caf\u00e9\r\n<img src="{}">\n\r{}2 \u00ff\r'
    path = tmp_path / "a.html"
    path.write_bytes(
        mark
        + text.format(f"{OLD}?w=6", "https://shop.imgix.net/\u00e9.jpg").replace("2", "", 1).encode(codec)
    )

    rewrite(path)

    assert path.read_bytes() == mark + text.format(f"{NEW}{QUERY}", f"{NEW}2").replace("22", "2").encode(
        codec
    )


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (
            "a.html",
            f'<img srcset="{OLD}?w=6&amp;s=0123 6w, {OLD} 2x">',
            f'<img srcset="{NEW}?enlarge=true&amp;width=6 6w, {NEW} 2x">',
        ),
        ("a.jsx", f"<Img src={{'{OLD}?w=6'}}/>", f"<Img src={{'{NEW}{QUERY}'}}/>"),
        ("a.vue", f"<img :src=\"'{OLD}?w=6'\">", f"<img :src=\"'{NEW}{QUERY}'\">"),
        ("a.md", f"![x]({OLD}?w=6)", f"![x]({NEW}{QUERY})"),
        ("a.css", f"a{{b:url({OLD}?w=6)}}", f"a{{b:url({NEW}{QUERY})}}"),
        (
            "a.json",
            r'{"a":"https:\/\/shop.imgix.net\/a.jpg?w=6\u0026s=1"}',
            r'{"a":"https:\/\/cdn.example.com\/one?enlarge=true\u0026width=6"}',
        ),
        ("a.yaml", f"a: {OLD}?w=6\n", f"a: {NEW}{QUERY}\n"),
        ("a.sql", f"INSERT INTO t VALUES ('{OLD}?w=6','x');", f"INSERT INTO t VALUES ('{NEW}{QUERY}','x');"),
        ("a.py", f'URL = "{OLD}?w=6"\n', f'URL = "{NEW}{QUERY}"\n'),
        ("a.erb", f'<%= image_tag "{OLD}?w=6" %>', f'<%= image_tag "{NEW}{QUERY}" %>'),
        ("a.rb", f'"{OLD}?w=#{{w}}"', f'"{OLD}?w=#{{w}}"'),
        ("Makefile", f"x:\n\tcurl {OLD}\n", f"x:\n\tcurl {NEW}\n"),
    ],
)
def test_all_kinds_of_text_files_are_rewritten(tmp_path: Path, name: str, old: str, new: str) -> None:
    path = tmp_path / name
    path.write_text(old)

    (file,) = rewrite(tmp_path)

    assert path.read_text() == new
    assert file.changed == (old != new)
    assert not any(again.changed for again in rewrite(tmp_path))


def test_nothing_is_written_without_being_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(OLD)

    (file,) = rewrite(path, write=False)

    assert (file.changed, file.urls.exact, path.read_text()) == (True, 1, OLD)
    assert list(tmp_path.iterdir()) == [path]


def test_binary_files_are_left_unchanged(tmp_path: Path) -> None:
    contents = {
        "photo.jpg": OLD.encode(),
        "data": b"\0\1" + OLD.encode(),
        "late": OLD.encode() + b"\n" * 9000 + b"\0" + OLD.encode(),
        "manual": b"%PDF-1.7\n" + OLD.encode(),
        "noise": OLD.encode() + bytes(range(1, 9)) * 20,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)

    files = rewrite(tmp_path)

    assert {file.skipped for file in files} == {"a binary file"}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == contents


def test_vendored_folders_and_links_are_left_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "site"
    outside = tmp_path / "outside.html"
    left = [inside / name / "deep" / "a.html" for name in ("node_modules", ".git", "vendor", "sub/.venv")]
    for path in (outside, inside / "a.html", *left):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(OLD)
    (inside / "link.html").symlink_to(outside)
    (inside / "folder").symlink_to(tmp_path)
    os.mkfifo(inside / "pipe")

    files = rewrite(inside)

    assert [file.path for file in files if file.changed] == [inside / "a.html"]
    assert {path.read_text() for path in (outside, *left)} == {OLD}
    # With `*` the shell passes all of them.
    assert [file.skipped is None for file in rewrite(*sorted(inside.iterdir()))].count(True) == 1
    monkeypatch.chdir(inside)
    assert [file.skipped for file in rewrite(Path("vendor/deep/a.html"))] == ["in the vendored folder vendor"]


def test_permissions_are_kept_and_a_hard_link_is_not_changed(tmp_path: Path) -> None:
    path, other = tmp_path / "in" / "a.sh", tmp_path / "b.sh"
    path.parent.mkdir()
    path.write_text(OLD)
    path.chmod(0o751)
    other.hardlink_to(path)

    rewrite(path.parent)

    assert stat.S_IMODE(path.stat().st_mode) == 0o751
    assert (path.read_text(), other.read_text()) == (NEW, OLD)


def test_a_file_that_changes_during_the_run_is_left_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(OLD)

    (file,) = rewrite(path, show=lambda _: path.write_text(f"{OLD} and more"))

    assert file.error is not None
    assert "changed while" in file.error
    assert path.read_text() == f"{OLD} and more"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_of_urls_itself_is_left_unchanged(tmp_path: Path) -> None:
    urls = tmp_path / "urls.csv"
    urls.write_text(f"old_url,cdn_url\n{OLD},{NEW}\n")
    (tmp_path / "a.html").write_text(OLD)

    files = rewrite(tmp_path, assets=read_urls(urls))

    assert [file.skipped for file in files] == [None, "the file of URLs itself"]
    assert OLD in urls.read_text()


def test_files_that_jobs_have_written_are_left_unchanged(tmp_path: Path) -> None:
    note = AssetNote(source_id="1", origin_path="/a.jpg", hosts=("shop.imgix.net",))
    url = MappedUrl(note=note, old_url=OLD, image_id="2", cdn_url=NEW)
    write_table(tmp_path / "urls.jsonl", COLUMNS, [url.row()])
    rules: dict[RedirectKind, str] = {
        "nginx": "r.conf",
        "caddy": "r.caddy",
        "cloudflare": "r.json",
        "next": "r.mjs",
    }
    for kind, name in rules.items():
        write_text(tmp_path / name, redirect_lines(kind, lambda: iter([url])))
    compared = Compared("1", OLD, NEW, "w=1", ("w",), "exact")
    (tmp_path / "results.jsonl").write_text(json.dumps(asdict(compared)) + "\n")
    write_page(tmp_path / "index.html", [compared], shown=1, mean=1.5, worst=4.0, pictures="pictures")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "a.html").write_text(OLD)

    files = rewrite(tmp_path)

    assert [file.path.name for file in files if file.changed] == ["a.html"]
    assert {path: path.read_bytes() for path in before} == before


def test_a_custom_domain_of_the_file_of_urls_is_found(tmp_path: Path) -> None:
    (tmp_path / "urls.csv").write_text(f"old_url,cdn_url\nhttps://img.example/a.jpg,{NEW}\n")
    path = tmp_path / "a.html"
    path.write_text("https://img.example/a.jpg?w=6 https://IMG.example/b.jpg")

    (file, _) = rewrite(path.parent, assets=read_urls(tmp_path / "urls.csv"))

    assert path.read_text() == f"{NEW}{QUERY} https://IMG.example/b.jpg"
    assert (file.urls.exact, dict(file.urls.unknown_hosts)) == (1, {"img.example": 1})


def test_every_url_is_counted_under_its_status_with_reasons(tmp_path: Path) -> None:
    queries = ("?w=6", "?blur=9", "?trim=auto&blur=9", "?w=${w}")
    (tmp_path / "a.js").write_text("\n".join(f"`{OLD}{query}`" for query in queries) + " //x.imgix.net/b.jpg")

    totals = total(rewrite(tmp_path))

    numbers = ("exact", "approximate", "unsupported", "unknown_asset", "malformed", "replaced", "urls")
    assert [getattr(totals, name) for name in numbers] == [1, 1, 1, 1, 1, 2, 5]
    assert [found.name for found in totals.approximate_reasons] == ["blur"]
    assert [found.name for found in totals.unsupported_reasons] == ["trim"]
    assert dict(totals.unknown_hosts) == {"x.imgix.net": 1}


def test_serialized_php_is_left_unchanged_because_its_lengths_would_be_wrong(tmp_path: Path) -> None:
    value = f'a:2:{{s:1:"u";s:{len(OLD)}:"{OLD}";s:1:"h";s:{len(OLD) + 7}:"<p>{OLD}</p>";}}'
    dump = f"('{value}', '{value.replace(chr(34), chr(92) + chr(34))}', '{OLD}')"
    (tmp_path / "a.sql").write_text(dump)

    totals = total(rewrite(tmp_path))

    assert (tmp_path / "a.sql").read_text() == dump.removesuffix(f"'{OLD}')") + f"'{NEW}')"
    assert (totals.exact, totals.unsupported, totals.replaced) == (1, 4, 1)


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
def test_the_size_of_chunks_makes_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(pieces, "SIZE", size * 4)
    lines = [f"{OLD}?w=6" if at % 9 == 4 else f"line {at} \u0a0d" for at in range(60)]
    for codec in ("utf-8", "utf-16"):
        (tmp_path / codec).write_text("\n".join(lines), codec)
    shown: list[str] = []

    rewrite(tmp_path, show=shown.append)

    expected = "\n".join(lines).replace(f"{OLD}?w=6", NEW + QUERY)
    assert {(tmp_path / codec).read_text(codec) for codec in ("utf-8", "utf-16")} == {expected}
    assert "".join(shown).count("@@\n") == 14


def test_a_very_long_line_is_split_where_no_url_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "SIZE", 64)
    monkeypatch.setattr(pieces, "LONGEST_LINE", 200)
    path = tmp_path / "a.json"
    path.write_text(f'{{"a":"{OLD}?w=6"}},' * 50)
    shown: list[str] = []

    (file,) = rewrite(path, show=shown.append)

    assert path.read_text() == f'{{"a":"{NEW}{QUERY}"}},' * 50
    assert file.urls.exact == 50
    assert shown == ["# The rest of the file is left out: a line is too long for a diff.\n"]


def test_git_can_apply_the_diff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {
        "many.html": "".join(f"{OLD}\r\n" if at in {0, 3, 12, 30, 31} else f"{at}\n" for at in range(36)),
        "last.html": f"a\n{OLD}",
        "first.html": f"{OLD}\na\nb\nc\nd\ne",
    }
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text.encode())
    shown: list[str] = []
    monkeypatch.chdir(tmp_path)
    rewrite(Path(), write=False, show=shown.append)

    subprocess.run(["git", "apply", "-"], input="".join(shown).encode(), cwd=tmp_path, check=True)

    for name, text in texts.items():
        assert (tmp_path / name).read_bytes() == text.replace(OLD, NEW).encode()


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    (file,) = rewrite(tmp_path / "none.html")

    assert file.error == "cannot be read: No such file or directory"
    [file] = rewrite(tmp_path / "no\0ne")
    assert file.error == "cannot be read: embedded null byte"


def test_overlapping_paths_are_read_once(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(OLD)

    assert len(rewrite(tmp_path, path, path)) == 1


WRITER = """
import os, signal, sys
from imgwire_async.migrate import rewrite_files
from imgwire_async.migrate.rewriting import temporaries

temporaries.Temporary.replace = lambda self, target: {end}
list(rewrite_files([sys.argv[1]], assets={{"/a.jpg": "https://cdn.example.com/one"}}, write=True))
"""


@pytest.mark.parametrize("named", [False, True])
def test_leftovers_of_a_killed_run_are_removed_by_the_next_one_that_writes(
    tmp_path: Path, named: bool
) -> None:
    path = tmp_path / "a.html"
    path.write_text(OLD)
    killed = WRITER.format(end="os.kill(os.getpid(), signal.SIGKILL)")
    assert subprocess.run([sys.executable, "-c", killed, str(path)], check=False).returncode == -9
    assert (len(list(tmp_path.iterdir())), path.read_text()) == (2, OLD)

    rewrite(tmp_path, write=False)
    assert len(list(tmp_path.iterdir())) == 2
    rewrite(path if named else tmp_path)

    assert (list(tmp_path.iterdir()), path.read_text()) == ([path], NEW)


def test_the_temporary_file_of_a_running_process_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(OLD)
    waiting = WRITER.format(end="(print(flush=True), input(), os.replace(self.path, target))")
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", waiting, str(path)], stdin=pipe, stdout=pipe) as other:
        assert other.stdout is not None
        other.stdout.readline()
        rewrite(tmp_path, assets={})
        temporary = [found for found in tmp_path.iterdir() if found != path]
        other.communicate(b"\n")

    assert len(temporary) == 1
    assert (other.returncode, list(tmp_path.iterdir()), path.read_text()) == (0, [path], NEW)
