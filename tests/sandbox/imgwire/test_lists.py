"""Lists and their five pagination headers."""

from __future__ import annotations

import pytest

from tests.sandbox.imgwire.support import Api

HEADERS = ("x-total-count", "x-page", "x-limit", "x-prev-page", "x-next-page")


@pytest.mark.parametrize(
    ("count", "query", "headers", "names"),
    [
        (0, "", ("0", "1", "20", "null", "null"), []),
        (5, "", ("5", "1", "20", "null", "null"), ["4", "3", "2", "1", "0"]),
        (5, "?limit=2", ("5", "1", "2", "null", "2"), ["4", "3"]),
        (5, "?limit=2&page=2", ("5", "2", "2", "1", "3"), ["2", "1"]),
        (5, "?limit=2&page=3", ("5", "3", "2", "2", "null"), ["0"]),
        (4, "?limit=2&page=2", ("4", "2", "2", "1", "null"), ["1", "0"]),
        (2, "?page=9", ("2", "9", "20", "8", "null"), []),
        (1, f"?page={10**30}", ("1", str(10**30), "20", str(10**30 - 1), "null"), []),
    ],
)
def test_images_come_newest_first_in_pages(
    api: Api, count: int, query: str, headers: tuple[str, ...], names: list[str]
) -> None:
    for number in range(count):
        api.create(file_name=f"{number}.png")

    response = api.http.get(f"/api/v1/images/{query}")

    assert tuple(response.headers[name] for name in HEADERS) == headers
    assert [image["original_filename"] for image in response.json()] == [f"{name}.png" for name in names]


@pytest.mark.parametrize("page", [1, 2, 10**30])
def test_cors_origins_come_in_pages_as_well(api: Api, page: int) -> None:
    for number in range(3):
        api.http.post("/api/v1/cors_origins/", json={"pattern": f"{number}.example.com"})

    response = api.http.get(f"/api/v1/cors_origins/?limit=2&page={page}")

    shown = {1: ["2.example.com", "1.example.com"], 2: ["0.example.com"]}.get(page, [])
    assert [origin["pattern"] for origin in response.json()] == shown
    assert response.headers["x-next-page"] == ("2" if page == 1 else "null")
