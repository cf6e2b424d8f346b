"""A large tree is rewritten in bounded memory, and each file only once."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from imgwire_async.migrate import Asset, UrlTotals, rewrite_files

URLS = 10


@pytest.mark.parametrize("count", [100, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_second_run_over_a_large_tree_changes_nothing(tmp_path: Path, count: int) -> None:
    assets = {f"/photos/{at}.jpg": Asset(f"https://cdn.example.com/{at}", 4000, 3000) for at in range(1000)}
    for at in range(count):
        folder = tmp_path / str(at // 100)
        folder.mkdir(exist_ok=True)
        lines = (
            f'<img src="https://shop.imgix.net/photos/{(at * URLS + one) % 1000}.jpg?w={one + 2}&amp;q=6">\n'
            + "x" * 200
            for one in range(URLS)
        )
        (folder / f"{at}.html").write_text("\n".join(lines))

    totals = UrlTotals()
    tracemalloc.start()
    for file in rewrite_files([tmp_path], assets=assets, write=True):
        totals.add(file.urls)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    again = [
        file
        for file in rewrite_files([tmp_path], assets=assets, write=True)
        if file.changed or file.urls.urls
    ]

    assert (totals.exact, totals.replaced) == (count * URLS, count * URLS)
    assert again == []
    assert peak < 32 * 1024 * 1024
