"""Surveys read logs in all common formats, count in bounded memory, and show no values."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
import tracemalloc
from pathlib import Path

import pytest

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.migrate import TrafficSurvey, survey_traffic
from imgwire_async.migrate.traffic import survey as module
from imgwire_async.migrate.traffic.logs import LoggedRequest, logged_requests
from imgwire_async.migrate.traffic.page import write_survey

TARGET = "/a.jpg?w=300&fit=crop&s=0123456789abcdef0123456789abcdef"
COMBINED = (
    '203.0.113.9 - - [01/Jan/2026:00:00:00 +0000] "{} {} HTTP/1.1" {} 1234 '
    '"https://example.com/?w=1" "Mozilla/5.0"'
)
CLOUDFRONT = (
    "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem "
    "sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie)\n"
    "2026-01-01\t00:00:00\tFRA2\t1\t203.0.113.9\tGET\td1.cloudfront.net\t/a.jpg\t200\t-\tMozilla\t"
    "w=300&fit=crop&txt=a%2520b\t-\n"
)


def surveyed(tmp_path: Path, content: str | bytes, **options: list[str]) -> TrafficSurvey:
    path = tmp_path / "access.log"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return survey_traffic([path], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        COMBINED.format("GET", TARGET, 200),
        f'203.0.113.9 - - [01/Jan/2026:00:00:00 +0000] "GET {TARGET} HTTP/1.0" 304 -',
        f'<134>2026-01-01T00:00:00Z cache-fra1 log[1]: 203.0.113.9 "-" "-" Thu GET 200 "GET {TARGET} HTTP/2"',
        json.dumps({"host": "img.example", "url": TARGET, "status": 200}),
        json.dumps({"request": {"method": "GET", "uri": TARGET}, "status": 200}),
        json.dumps({"request": f"GET {TARGET} HTTP/1.1"}),
        json.dumps({"ClientRequestURI": TARGET, "EdgeResponseStatus": 200, "ClientRequestMethod": "GET"}),
        json.dumps({"path": "/a.jpg", "query_string": "?w=300&fit=crop"}),
        "#Fields: cs-method cs-uri-stem cs-uri-query sc-status\nGET /a.jpg w=300&fit=crop 200",
        f"https://shop.imgix.net{TARGET}",
        f"//shop.imgix.net{TARGET}",
        TARGET,
        f"2026-01-01 served https://shop.imgix.net{TARGET} quickly",
    ],
)
def test_a_request_is_found_in_any_usual_log(tmp_path: Path, line: str) -> None:
    found = surveyed(tmp_path, f"{line}\n\n")

    assert (found.requests, found.unreadable) == (1, 0)
    assert [names for names, _ in found.combinations.ranked()] == [("fit", "w")]
    assert found.statuses == {"exact": 1}


def test_the_query_of_a_cloudfront_log_is_decoded_once_more(tmp_path: Path) -> None:
    found = surveyed(tmp_path, CLOUDFRONT)

    assert [names for names, _ in found.combinations.ranked()] == [("fit", "txt", "w")]
    assert not found.unknown.ranked()


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    assert surveyed(tmp_path, gzip.compress(f"{TARGET}\n{TARGET}\n".encode())).requests == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "text",
    [
        f"{TARGET}\n\n{TARGET}\n",
        f"{json.dumps({'url': TARGET})}\r\n{json.dumps({'url': TARGET})}",
        "#Fields: cs-method cs-uri-stem cs-uri-query\r\n" + "GET /a.jpg w=300&fit=crop\r\n" * 2,
    ],
)
def test_a_log_may_be_in_any_encoding_that_powershell_writes(
    tmp_path: Path, encoding: str, text: str
) -> None:
    for content in (text.encode(encoding), gzip.compress(text.encode(encoding))):
        found = surveyed(tmp_path, content)

        assert (found.requests, found.unreadable) == (2, 0)
        assert [names for names, _ in found.combinations.ranked()] == [("fit", "w")]


def test_a_long_log_in_utf_16_is_read_whole(tmp_path: Path) -> None:
    lines = [f"/{number}.jpg?w=300" for number in range(10_000)]

    assert surveyed(tmp_path, "\n".join(lines).encode("utf-16")).requests == 10_000


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (bz2.compress(b"/a.jpg"), "bzip2"),
        (lzma.compress(b"/a.jpg"), "xz"),
        (b"(\xb5/\xfd\0", "Zstandard"),
        (b"PK\3\4\0", "ZIP"),
        (gzip.compress(gzip.compress(b"/a.jpg")), "gzip"),
    ],
    ids=["bzip2", "xz", "zstd", "zip", "gzip-twice"],
)
def test_a_log_that_is_packed_in_another_way_is_an_error_that_says_how(
    tmp_path: Path, content: bytes, what: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=what):
        surveyed(tmp_path, content)


def test_gzip_with_a_damaged_byte_is_an_error_wherever_it_is(tmp_path: Path) -> None:
    whole = gzip.compress("".join(f"{TARGET}&seed={number}\n" for number in range(99)).encode(), mtime=0)
    path = tmp_path / "access.log.gz"
    for at in range(2, len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        try:
            list(logged_requests(path))
        except InvalidArgumentError as error:
            assert "cannot read" in str(error)  # noqa: PT017 - some bytes of the header do not matter


def test_damaged_gzip_and_missing_files_are_errors(tmp_path: Path) -> None:
    whole = gzip.compress(TARGET.encode() * 99)
    wrong_data, wrong_sum = (whole[:at] + b"\xff\xff\xff" + whole[at + 3 :] for at in (12, len(whole) - 7))
    for damaged in (whole[:40], wrong_data, wrong_sum):
        with pytest.raises(InvalidArgumentError, match="cannot read"):
            surveyed(tmp_path, damaged)
    with pytest.raises(InvalidArgumentError, match="No such file"):
        survey_traffic([tmp_path / "none.log"])
    with pytest.raises(InvalidArgumentError, match="NUL"):
        survey_traffic(["access\0.log"])


def test_requests_for_other_things_than_imgix_images_are_omitted(tmp_path: Path) -> None:
    lines = [
        *(COMBINED.format("POST", "/a", 200), COMBINED.format("GET", TARGET, 403), "nothing here", "{broken"),
        *("https://example.com/a.jpg?w=1", "https://img.example/a.jpg?w=1", "https://v.imgix.video/a?w=1"),
    ]

    found = surveyed(tmp_path, "\n".join(lines), hosts=["Img.example"])

    assert (found.requests, found.rejected, found.unreadable, found.other_hosts) == (2, 2, 2, 1)
    assert found.statuses == {"exact": 1, "unsupported": 1}


def test_a_custom_domain_may_be_written_in_unicode_or_in_its_dns_form(tmp_path: Path) -> None:
    for host in ("Bücher.example", "xn--bcher-kva.example"):
        found = surveyed(tmp_path, "https://xn--bcher-kva.example/a.jpg?w=1", hosts=[host])
        assert (found.requests, found.other_hosts) == (1, 0)


def test_names_are_canonical_and_each_status_is_counted(tmp_path: Path) -> None:
    queries = ["width=5&f=max", "w=5&fit=max&ixlib=js-1", "txt64=SGk", "trim=auto", "", "W=5&utm_source=x"]

    found = surveyed(tmp_path, "\n".join(f"/a.jpg?{query}" for query in queries))

    facts = found.to_dict()
    assert facts["statuses"] == {"exact": 4, "approximate": 1, "unsupported": 1, "malformed": 0}
    assert facts["combinations"] == [
        {"parameters": names, "requests": number, **dict.fromkeys(module.STATUSES, 0), status: number}
        for names, number, status in (
            *(([], 2, "exact"), (["fit", "w"], 2, "exact"), (["trim"], 1, "unsupported")),
            (["txt"], 1, "approximate"),
        )
    ]
    assert [row["name"] for row in facts["unknown"]] == ["W", "utm_source"]  # type: ignore[attr-defined]
    assert ("trim", "no trimming") in [found for found, _ in found.reasons.ranked()]


def test_every_image_counts_as_stored_and_of_known_size(tmp_path: Path) -> None:
    found = surveyed(tmp_path, "/a.jpg?w=0.5\n/a.jpg?mark=/logo.png&mark-w=40\n/a.jpg?ar=1:1&fit=crop\n")

    assert found.statuses == {"exact": 3}


def test_no_value_of_a_parameter_is_kept(tmp_path: Path) -> None:
    secret = "5ecre7" * 6
    lines = [
        f"/a?w=1&s={secret}",
        f"/a?{secret}",
        f"/a?{secret}=1",
        f"/a?crop={secret}&fit=crop&w=1&h=1",
        f"/a?auto={secret}",
    ]

    found = surveyed(tmp_path, "\n".join(lines))
    page = tmp_path / "page.html"
    write_survey(found, page)

    assert found.requests == 5
    assert secret not in json.dumps(found.to_dict())
    assert secret not in page.read_text()
    assert [name for name, _ in found.unknown.ranked()] == ["(other)"]


def test_the_page_has_charts_and_loads_nothing(tmp_path: Path) -> None:
    found = surveyed(tmp_path, "/a?w=1\n/a?blur=5&w=2\n/a?trim=auto\n")
    page = tmp_path / "page.html"

    write_survey(found, page)

    text = page.read_text()
    assert text.count("<svg") == 2
    assert "<title>blur: 1 approximate</title>" in text
    assert not re.search(r"<script|<link|https?://|url\(|@import", text)


def test_any_number_of_different_requests_is_counted_in_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 100)
    found = TrafficSurvey()
    found.combinations = module.BoundedCounter(50)
    found.unknown = module.BoundedCounter(50)
    tracemalloc.start()

    for number in range(3000):
        names = "&".join(
            f"{name}=1"
            for at, name in enumerate(("q", "px", "rot", "bri", "con", "sat", "hue"))
            if number >> at & 1
        )
        found.add(LoggedRequest(f"/a.jpg?w={number}&{names}&u{number}={'x' * 2000}"))
        found.add(LoggedRequest("/a.jpg?w=5&h=5"))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.requests == 6000
    assert len(found.combinations) <= 100
    assert len(found.unknown) <= 100
    assert found.combinations.ranked()[0] == (("h", "w"), {"exact": 3000})
    kept = sum(counts.total() for _, counts in found.combinations.ranked())
    assert kept + found.combinations.others.total() == 6000
    assert peak < 3_000_000


def test_an_endless_line_takes_no_memory(tmp_path: Path) -> None:
    found = surveyed(tmp_path, f"{TARGET}\n/b?{'x' * 300_000}\n{TARGET}\n")

    assert found.requests == 3
