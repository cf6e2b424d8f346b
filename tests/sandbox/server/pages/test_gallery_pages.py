"""The gallery of both local services: upload, deletion, results next to originals, hostile names."""

from __future__ import annotations

from urllib.parse import urlencode

import httpx
import pytest

from imgwire_async.sandbox import ImgixSandbox, Sandbox
from tests.sandbox.imgwire.support import encode, open_api, photograph
from tests.sandbox.server.pages.support import Pages, rows, texts

EVIL = "<script>alert(1)<\\script>\" onerror='x'.png"


def test_uploaded_files_appear_and_can_be_deleted(pages: Pages) -> None:
    answer = pages.upload(("rocket.jpg", photograph()), ("cat.png", encode("PNG")))

    assert "Uploaded 2 images." in answer.text
    assert sorted(pages.names()) == ["cat.png", "rocket.jpg"]
    thumbnails = texts('<img src="([^"]*)"', pages.get())
    assert [pages.http.get(path).headers["content-type"][:6] for path in thumbnails] == ["image/"] * 2

    answer = pages.send("/gallery/delete", {"id": pages.id(pages.links()[0])})

    assert "Deleted 1 image." in answer.text
    assert len(pages.names()) == 1
    assert pages.send("/gallery/delete", {"id": "unknown"}).status_code == 404


def test_a_form_without_files_and_an_empty_file_are_rejected_with_a_sentence(pages: Pages) -> None:
    nothing, empty = pages.upload(("", b"")), pages.upload(("empty.png", b""))

    assert (nothing.status_code, "Choose at least one file." in nothing.text) == (422, True)
    assert (empty.status_code, "empty.png: The file is empty." in empty.text) == (422, True)
    assert pages.names() == []


def test_the_result_is_shown_beside_the_original(pages: Pages) -> None:
    pages.upload(("rocket.jpg", photograph()))
    form = (
        {"width": "300", "format": "webp"}
        if isinstance(pages.sandbox, Sandbox)
        else {"w": "300", "fm": "webp"}
    )

    text = pages.get(f"{pages.links()[0]}?{urlencode(form)}")

    (source,) = texts('<img src="([^"]*)"', text)
    picture = pages.http.get(source)
    kind, pixels, size = rows(text)[1:4]
    assert kind == ["Type", "image/jpeg", picture.headers["content-type"]]
    assert pixels == ["Pixels", "640 × 427", "300 × 200"]
    share = 100 * len(picture.content) / len(photograph())
    assert size == ["Bytes", "112,525", f"{len(picture.content):,} ({share:.0f} %)"]


def test_pages_and_their_pictures_bypass_faults_and_rate_limits(pages: Pages) -> None:
    pages.upload(("rocket.jpg", photograph()))
    pages.sandbox.requests.clear()
    pages.sandbox.faults.always("*", status=503)

    (thumbnail,) = texts('<img src="([^"]*)"', pages.get())

    assert pages.http.get(thumbnail).status_code == 200
    assert pages.http.get("/health").status_code == 503
    assert [request.operation for request in pages.sandbox.requests] == ["health"]


@pytest.mark.parametrize("path", ["/api/v1/images/", "/api/v1/sources", "/health", "/_store/x", "/_preview/"])
def test_the_bypass_of_authentication_reaches_pictures_only(pages: Pages, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert pages.http.request(method, f"/_preview{path}").status_code == 404


def test_names_and_metadata_are_escaped(pages: Pages) -> None:
    if isinstance(pages.sandbox, Sandbox):
        with open_api(pages.sandbox).http as http:
            body = {"file_name": EVIL, "purpose": EVIL, "custom_metadata": {EVIL: EVIL}}
            http.post("/api/v1/images/standard_upload", json=body).raise_for_status()
    else:
        source = pages.sandbox.add_source("shop", name=EVIL)
        pages.sandbox.add_file(
            source, EVIL, encode("PNG"), name=EVIL, tags=[EVIL], categories=[EVIL], custom_fields={EVIL: EVIL}
        )
    pages.http.get(f"/{EVIL}", headers={"user-agent": EVIL})
    query = urlencode(dict.fromkeys(("preset", "width", "w", "more", "auto", EVIL), f'"><script>{EVIL}=1'))
    (link,) = pages.links()

    texts_of_pages = [
        pages.get(path)
        for path in (
            "/",
            link,
            f"{link}?{query}",
            "/developer/requests",
            "/developer/metrics",
            f"/?status={query}",
        )
    ]
    texts_of_pages.append(pages.send("/developer/faults", {"fault": EVIL, "operation": EVIL}).text)

    for text in texts_of_pages:
        assert "<script" not in text
        assert "onerror='" not in text
    assert "alert(1)" in texts_of_pages[0]


def test_ten_thousand_images_come_in_pages(pages: Pages) -> None:
    runtime = pages.sandbox._running.runtime

    def fill() -> None:
        writer = runtime.database.writer
        if isinstance(pages.sandbox, Sandbox):
            fixed = "id, status, original_filename, mime_type, mime_type_given, extension, fingerprint"
            sql = (
                f"INSERT INTO images ({fixed}, custom_metadata, by_client_key, upload_expires_at, created_at,"
                " updated_at) VALUES (:name, iif(:waits, 'PENDING', 'READY'), :name, 'image/png', 1, 'png',"
                " '', '{}', 0, 0, 0, 0)"
            )
        else:
            sql = (
                "INSERT INTO assets (source_id, origin_path, attributes, date_created, date_modified,"
                " file_size, visible_at, examined_at, published) SELECT id, '/' || :name,"
                ' \'{"content_type": "image/png", "name": null, "description": null, "categories": null,'
                ' "tags": null, "custom_fields": {}}\', 0, 0, 9, 0, 0, NOT :waits FROM sources'
            )
        writer.execute("BEGIN")
        rows = [{"name": f"{number:05}", "waits": number < 100} for number in range(10_000)]
        writer.executemany(sql, rows)
        writer.execute("COMMIT")

    if isinstance(pages.sandbox, ImgixSandbox):
        pages.sandbox.add_source("shop")
    pages.sandbox._running.call(fill)

    first, last = pages.get(), pages.get("/?page=167")
    waiting = "PENDING" if isinstance(pages.sandbox, Sandbox) else "UNPUBLISHED"

    assert (first.count('class="card"'), last.count('class="card"')) == (60, 40)
    assert "All 10,000" in first
    assert f"{waiting} 100" in first
    assert "Page 167 of 167" in last
    assert pages.get(f"/?status={waiting}&page=2").count(f">{waiting}</span>") == 40


def test_delivered_files_cannot_act_as_pages_of_the_sandbox(both: dict[str, Sandbox | ImgixSandbox]) -> None:
    imgix = both["imgix"]
    assert isinstance(imgix, ImgixSandbox)
    source = imgix.add_source("pages")
    imgix.add_file(source, "/evil.html", b"<script>fetch('/developer/keys')</script>")

    for prefix in ("", "/_preview"):
        path = imgix.rendering_url("pages.imgix.net", "/evil.html").removeprefix(imgix.base_url)
        answer = httpx.get(f"{imgix.base_url}{prefix}{path}", trust_env=False)
        assert (answer.status_code, answer.headers["content-type"][:9]) == (200, "text/html")
        assert answer.headers["content-security-policy"] == "sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
    imgix.reset()


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(b"x", "multipart/form-data", 400), (b"x", "multipart/form-data; boundary=y", 400), (b"x=y", "", 422)],
)
def test_forms_that_cannot_be_read_are_rejected_at_once(
    pages: Pages, body: bytes, kind: str, status: int
) -> None:
    headers = {"origin": pages.sandbox.base_url, "content-type": kind}

    answer = pages.http.post("/gallery/upload", content=body, headers=headers)

    assert (answer.status_code, answer.headers["content-type"][:9]) == (status, "text/html")
    assert pages.http.post("/gallery/upload", content=iter([b"x"])).status_code == 411
