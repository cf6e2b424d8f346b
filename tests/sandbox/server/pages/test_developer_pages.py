"""The developer pages of both local services, and access to them."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from starlette.requests import Request

from imgwire_async.sandbox import Sandbox
from imgwire_async.sandbox.server.pages import developer
from imgwire_async.sandbox.server.pages.protection import is_trusted
from tests.sandbox.server.pages.support import Pages, rows, texts

FORMS = ("/gallery/upload", "/gallery/delete", "/developer/faults")
VIEWS = ("/developer/requests", "/developer/faults", "/developer/keys", "/developer/metrics")
FAULT = {"fault": "503", "operation": "health"}


def list_operation(pages: Pages) -> tuple[str, str]:
    """A path of the API, and the name of its operation."""
    if isinstance(pages.sandbox, Sandbox):
        return "/api/v1/images/", "images.list"
    return "/api/v1/sources", "sources.list"


def test_requests_are_listed_the_newest_first(pages: Pages) -> None:
    path, operation = list_operation(pages)
    pages.http.get("/health")
    answer = pages.http.get(path, params={"token": "secret"})

    listed = rows(pages.get("/developer/requests"))

    assert [row[1:3] for row in listed[1:]] == [[operation, "401"], ["health", "200"]]
    clock, *_, milliseconds, received, sent, request = listed[1]
    assert re.fullmatch(r"\d\d:\d\d:\d\d", clock)
    assert int(milliseconds) >= 0
    assert (received, int(sent), request) == ("0", len(answer.content), f"GET {path}")


def test_requests_can_be_filtered_and_come_in_pages(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(developer, "SHOWN", 2)
    path, operation = list_operation(pages)
    for _ in range(3):
        pages.http.get("/health")
    pages.http.get(path)

    def operations(query: str) -> list[str]:
        return [row[1] for row in rows(pages.get(f"/developer/requests?{query}"))[1:]]

    assert operations("") == [operation, "health"]
    assert operations("page=2") == ["health", "health"]
    assert operations("operation=health&page=2") == ["health"]
    assert operations("failed=on") == [operation]
    assert "No requests yet" in pages.get("/developer/requests?operation=nothing")


def test_faults_are_switched_on_and_off(pages: Pages) -> None:
    pages.send("/developer/faults", {**FAULT, "times": "1"})
    pages.send("/developer/faults", {"fault": "429", "operation": "*", "value": "7", "rate": "", "times": ""})
    pages.send("/developer/faults", {"fault": "slow", "operation": "health", "value": "500", "rate": "0.25"})

    statuses = [pages.http.get("/health") for _ in range(2)]
    assert [answer.status_code for answer in statuses] == [503, 429]
    assert statuses[1].headers["retry-after"] == "7"
    listed = rows(pages.get("/developer/faults"))[1:]
    assert [row[:4] for row in listed] == [
        ["health", "status=503", "is over", "1"],
        ["all", "status=429, retry_after=7", "always", "1"],
        ["health", "slow=500.0", "25 % of the requests", "0"],
    ]

    number = texts('name="number" value="([^"]*)"', pages.get("/developer/faults"))[1]
    pages.send("/developer/faults", {"action": "remove", "number": number})
    assert pages.http.get("/health").status_code == 200
    answer = pages.send("/developer/faults", {"action": "clear"})
    assert "No active faults." in answer.text
    assert pages.sandbox.faults.scripted() == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"fault": "fire"}, "unknown fault 'fire'"),
        ({"fault": "503", "operation": "burn"}, "unknown operation 'burn'"),
        ({"fault": "503", "rate": "2"}, "the share of requests must be above 0 and at most 1, got 2."),
        ({"fault": "503", "rate": "nan"}, "rate must be a number, got 'nan'."),
        ({"fault": "503", "rate": "0.5", "times": "2"}, "either a share of requests or a number of times."),
        ({"fault": "503", "times": "1.5"}, "times must be a whole number from 1, got 1.5."),
        ({"fault": "reset", "value": "3"}, "reset takes no value."),
        ({"fault": "slow", "value": "0"}, "slow must be a positive number of bytes per second"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value.values()),
)
def test_invalid_faults_are_rejected(pages: Pages, fields: dict[str, str], sentence: str) -> None:
    answer = pages.send("/developer/faults", fields)

    assert answer.status_code == 422
    (problem,) = texts('<p class="error" role="alert">([^<]*)</p>', answer.text)
    assert sentence[1:] in problem
    assert problem[0].isupper()
    for name in fields.keys() & {"value", "rate", "times"}:
        assert f'<input name="{name}" value="{fields[name]}"' in answer.text
    assert pages.sandbox.faults.scripted() == []


def test_the_exports_point_a_client_to_this_sandbox(pages: Pages) -> None:
    (exports,) = texts("<textarea[^>]*>([^<]*)</textarea>", pages.get("/developer/keys"))

    variables = dict(line.removeprefix("export ").split("=", 1) for line in exports.splitlines())

    assert variables == pages.sandbox.variables
    key = variables.get("IMGWIRE_API_KEY") or variables["IMGIX_API_KEY"]
    headers = {"authorization": f"Bearer {key}"}
    assert pages.http.get(list_operation(pages)[0], headers=headers).status_code == 200
    for path in ("/", *set(VIEWS) - {"/developer/keys"}):
        assert key not in pages.get(path)


def test_metrics_count_requests_and_what_is_stored(pages: Pages) -> None:
    for _ in range(3):
        pages.http.get("/health")
    pages.http.get(list_operation(pages)[0])

    listed = {row[0]: row[1:] for row in rows(pages.get("/developer/metrics"))}

    assert listed["health"][:2] == ["3", "0"]
    assert listed[list_operation(pages)[1]][:2] == ["1", "1"]
    assert listed["Uploads" if isinstance(pages.sandbox, Sandbox) else "Assets"][0] == "0"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"host": "evil.example", "origin": "http://evil.example"},
        {"host": "", "origin": "http://"},
        {"host": "localhost.evil.example", "origin": "http://localhost.evil.example"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
def test_forms_of_other_sites_change_nothing(pages: Pages, headers: dict[str, str]) -> None:
    for path in FORMS:
        assert pages.send(path, FAULT, **headers).status_code == 403, path

    assert pages.sandbox.faults.scripted() == []


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "", "sec-fetch-site": "same-origin"}], ids=["tool", "page"]
)
def test_forms_of_these_pages_and_of_tools_are_accepted(pages: Pages, headers: dict[str, str]) -> None:
    if "origin" in headers:
        headers = {**headers, "origin": pages.sandbox.base_url}

    assert pages.http.post("/developer/faults", data=FAULT, headers=headers).status_code == 200
    assert len(pages.sandbox.faults.scripted()) == 1


@pytest.mark.parametrize("path", VIEWS)
def test_the_view_is_not_shown_under_foreign_names(pages: Pages, path: str) -> None:
    answer = pages.http.get(path, headers={"host": "evil.example"})
    gallery = pages.http.get("/", headers={"host": "evil.example"})

    assert answer.status_code == 403
    assert not any(value in answer.text for value in pages.sandbox.variables.values())
    assert "/developer" not in gallery.text
    assert "<form" not in gallery.text


@pytest.mark.parametrize(
    ("client", "server", "host", "trusted"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1:8787", True),
        ("127.0.0.1", "127.0.0.1", "localhost:8787", True),
        ("127.0.0.1", "127.0.0.1", "imgwire.localhost", True),
        ("::1", "::1", "[::1]:8787", True),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1", "127.0.0.1", True),
        ("192.168.1.5", "192.168.1.5", "192.168.1.5:8787", True),
        ("192.168.1.6", "192.168.1.5", "192.168.1.5:8787", False),
        ("127.0.0.1", "127.0.0.1", "rebound.example", False),
        ("127.0.0.1", "127.0.0.1", "[::1", False),
        (None, None, "127.0.0.1", False),
    ],
)
def test_only_this_machine_is_trusted(
    client: str | None,
    server: str | None,
    host: str,
    trusted: bool,
) -> None:
    scope = {
        "type": "http",
        "client": client and (client, 1),
        "server": server and (server, 2),
        "headers": [(b"host", host.encode())],
    }

    assert is_trusted(Request(scope)) is trusted


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/developer/x", 404), ("PUT", "/", 405)])
def test_pages_that_do_not_exist_say_so(pages: Pages, method: str, path: str, status: int) -> None:
    answer = pages.http.request(method, path)

    assert (answer.status_code, answer.headers["content-type"][:9]) == (status, "text/html")


def luminance(color: str) -> float:
    digits = color.removeprefix("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_borders_and_text_have_contrast(scheme: int) -> None:
    style = files("imgwire_async.sandbox.server.pages").joinpath("style.css").read_text()
    block = style.split(":root {")[1 + scheme].partition("}")[0]
    colors = {name: luminance(value) for name, value in re.findall(r"--(\w+): (#\w+)", block)}

    def contrast(one: str, other: str) -> float:
        low, high = sorted((colors[one], colors[other]))
        return (high + 0.05) / (low + 0.05)

    for ground in ("page", "card", "check"):
        assert contrast("line", ground) >= 3
        assert contrast("accent", ground) >= 3
        for text in ("ink", "dim", "good", "busy", "bad"):
            assert contrast(text, ground) >= 4.5, (text, ground)
    assert contrast("accent", "card") >= 4.5
