"""Damaged files and folders of a sandbox are reported in plain words, at the start and in responses."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from imgwire_async.sandbox import Sandbox
from imgwire_async.sandbox.imgwire.storage import fetching, processing, store
from tests.sandbox.imgwire.support import PUBLIC, Api, photograph

Damage = Callable[[Path], None]

NO_IMAGE = "00000000-0000-4000-8000-000000000000"


def replaced(name: str, content: bytes | None) -> Damage:
    """Replace a file of a stopped sandbox by a file with this content, or by a folder if None."""

    def damage(folder: Path) -> None:
        for path in folder.glob(f"{name}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        (folder / name).mkdir() if content is None else (folder / name).write_bytes(content)

    return damage


def overwritten_pages(folder: Path) -> None:
    path = folder / "imgwire.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))


def statement(sql: str, *values: str) -> Damage:
    def damage(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "imgwire.sqlite")) as database, database:
            database.execute(sql, values)

    return damage


IDENTITY = "UPDATE identity SET document = ?"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (replaced("imgwire.sqlite", b"x" * 5000), "imgwire.sqlite.* is not a sandbox's database"),
        (replaced("imgwire.sqlite", None), "imgwire.sqlite.* is not a sandbox's database"),
        (overwritten_pages, "imgwire.sqlite.*(malformed|damaged)"),
        (statement("DROP INDEX images_unfinished"), None),
        (statement("ALTER TABLE images DROP COLUMN mime_type_given"), "images belongs to another version"),
        (statement("ALTER TABLE deliveries ADD COLUMN day TEXT"), "deliveries belongs to another version"),
        (statement(IDENTITY, "{"), "the keys in it are damaged"),
        (statement(IDENTITY, "[]"), "the keys in it are damaged"),
        (statement(IDENTITY, "{}"), "the keys in it are damaged"),
        (statement("UPDATE identity SET document = json_set(document, '$.server_key', 7)"), "the keys in it"),
        (
            statement("UPDATE identity SET document = json_set(document, '$.server_key', '')"),
            "the keys in it",
        ),
        (replaced("lock.sqlite", b"x" * 5000), "lock.sqlite cannot be used"),
        (replaced("lock.sqlite", None), "lock.sqlite cannot be used"),
        (replaced("originals", b"x"), "it is not a folder: .*originals"),
        (replaced("incoming", b"x"), "it is not a folder: .*incoming"),
        (shutil.rmtree, None),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_a_damaged_folder_is_named_at_the_start(tmp_path: Path, damage: Damage, words: str | None) -> None:
    folder = tmp_path / "kept"
    with Sandbox(folder):
        pass
    damage(folder)

    if words is None:  # everything that is lost can be created again
        with Sandbox(folder) as sandbox:
            assert sandbox.server_key
        return
    with pytest.raises(OSError, match=words):
        Sandbox(folder).start()
    # Opened files have been closed again: the repaired folder can be used at once.
    shutil.rmtree(folder)
    with Sandbox(folder):
        pass


def test_a_folder_below_a_file_is_named_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    for folder in (tmp_path / "file", tmp_path / "file" / "kept"):
        with pytest.raises(OSError, match=r"it is not a folder: .*file"):
            Sandbox(folder).start()


def test_a_port_in_use_is_named_at_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} is in use") as refused:
            Sandbox(port=port).start()

    assert refused.value.errno == errno.EADDRINUSE


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Api]:
    """A sandbox that a test may damage, in the folder `tmp_path / "kept"`."""
    with (
        Sandbox(tmp_path / "kept") as sandbox,
        httpx.Client(
            base_url=sandbox.base_url,
            headers={"authorization": f"Bearer {sandbox.server_key}"},
            trust_env=False,
            timeout=60,
        ) as http,
    ):
        yield Api(sandbox, http)


REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/api/v1/images/", {}),
    ("GET", f"/api/v1/images/{NO_IMAGE}", {}),
    ("DELETE", f"/api/v1/images/{NO_IMAGE}", {}),
    ("POST", "/api/v1/images/standard_upload", {"json": {"file_name": "a.jpg"}}),
    ("POST", "/api/v1/images/upload_via_url", {"json": {"url": "http://localhost/a.jpg"}}),
    ("POST", "/api/v1/images/token", {}),
    ("POST", "/api/v1/images/bulk_delete", {"json": {"image_ids": [NO_IMAGE]}}),
    ("GET", "/api/v1/cors_origins/", {}),
    ("GET", "/api/v1/custom_domain/", {}),
    ("GET", f"/api/v1/images/{NO_IMAGE}", {"headers": {"origin": "https://shop.example"}}),
    ("OPTIONS", "/api/v1/images/standard_upload", {"headers": {"origin": "https://shop.example"}}),
]


def is_plain(response: httpx.Response) -> bool:
    """Check that an error is one sentence in the service's format, without paths and lines of code."""
    body = response.json()
    detail = body["detail"]
    return (
        response.status_code == 500
        and set(body) == {"detail", "error_type"}
        and body["error_type"] == "InternalServerError"
        and detail.endswith(".")
        and not any(word in detail for word in ("Traceback", "Error(", "/", "\n"))
    )


@pytest.mark.parametrize(
    ("method", "path", "options"), REQUESTS, ids=lambda value: value if isinstance(value, str) else None
)
def test_a_database_that_breaks_while_in_use_causes_a_plain_500(
    kept: Api, tmp_path: Path, method: str, path: str, options: dict[str, Any]
) -> None:
    with closing(sqlite3.connect(tmp_path / "kept" / "imgwire.sqlite")) as database, database:
        for table in ("images", "upload_tokens", "cors_origins", "custom_domain"):
            database.execute(f"DROP TABLE {table}")

    response = kept.http.request(method, path, **options)

    assert is_plain(response), response.text
    assert "database" in response.json()["detail"]
    assert kept.http.get("/health").status_code == 200


def test_a_damaged_record_causes_a_plain_500(kept: Api, tmp_path: Path) -> None:
    image = kept.create()["image"]
    with closing(sqlite3.connect(tmp_path / "kept" / "imgwire.sqlite")) as database, database:
        database.execute("UPDATE images SET custom_metadata = '{'")

    response = kept.http.get(f"/api/v1/images/{image['id']}")

    assert is_plain(response), response.text


def settled(api: Api, image_id: str) -> str:
    """The status of an image once it is neither PENDING nor PROCESSING."""
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        status = str(api.http.get(f"/api/v1/images/{image_id}").json()["status"])
        if status not in {"PENDING", "PROCESSING"}:
            return status
        time.sleep(0.01)
    return "never settled"


def test_a_removed_folder_causes_a_plain_500(kept: Api, tmp_path: Path) -> None:
    data = photograph()
    created = kept.create(data)
    shutil.rmtree(tmp_path / "kept" / "incoming")

    refused = PUBLIC.put(created["upload_url"], content=data, headers={"content-type": "image/jpeg"})

    assert refused.status_code == 500
    assert "<Code>InternalError</Code>" in refused.text
    assert "folder cannot be used" in refused.text
    assert str(tmp_path) not in refused.text


def test_a_full_disk_causes_a_plain_500_and_later_uploads_succeed(
    kept: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = photograph()
    url = kept.create(data)["upload_url"]

    async def full(*_: object) -> tuple[int, str]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(store, "write_to_file", full)
        refused = PUBLIC.put(url, content=data, headers={"content-type": "image/jpeg"})
    stored = PUBLIC.put(url, content=data, headers={"content-type": "image/jpeg"})

    assert refused.status_code == 500
    assert "No space left on device" in refused.text
    assert stored.status_code == 200


def test_a_missing_original_causes_a_plain_500(kept: Api, tmp_path: Path) -> None:
    data = photograph()
    created = kept.create(data)
    PUBLIC.put(created["upload_url"], content=data, headers={"content-type": "image/jpeg"})
    assert settled(kept, created["image"]["id"]) == "READY"
    shutil.rmtree(tmp_path / "kept" / "originals")

    original = PUBLIC.get(created["image"]["cdn_url"])
    variant = PUBLIC.get(created["image"]["cdn_url"] + "?width=20")

    assert is_plain(original)
    assert "folder" in original.json()["detail"]
    assert variant.status_code == 500
    assert variant.json()["error_type"] == "TransformationFailedError"


@pytest.mark.parametrize(
    "host",
    [
        "xn--",
        "xn--a",
        "xn--0",
        "a..b",
        ".example",
        "%00",
        f"{'a' * 64}.example",
        f"{'ü' * 60}.example",
        "\u00ad",
    ],
    ids=lambda host: ascii(host)[:12],
)
def test_an_image_of_an_unknown_host_ends_in_quarantine(
    api: Api, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "imgwire_async.sandbox"):
        response = api.http.post("/api/v1/images/upload_via_url", json={"url": f"http://{host}/a.jpg"})
        assert response.status_code == 200

        image_id = response.json()["id"]
        assert settled(api, image_id) == "QUARANTINE"

    assert f"Image {image_id} is quarantined" in caplog.text


def test_a_redirect_to_an_unknown_host_ends_in_quarantine(api: Api) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = f"http://127.0.0.1:{server.getsockname()[1]}/a.jpg"
        image_id = api.http.post("/api/v1/images/upload_via_url", json={"url": source}).json()["id"]
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://xn--/\r\nContent-Length: 0\r\n\r\n")

            assert settled(api, image_id) == "QUARANTINE"


@pytest.mark.parametrize("error", [ZeroDivisionError("ours"), RecursionError(), MemoryError()], ids=repr)
@pytest.mark.parametrize("step", ["fetching", "processing"])
def test_any_failure_in_the_background_ends_in_quarantine_and_in_the_log(
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: str,
    error: Exception,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(*((fetching, "_download") if step == "fetching" else (processing, "_inspect")), fail)
    if step == "fetching":
        image = api.http.post("/api/v1/images/upload_via_url", json={"url": "http://localhost/a.jpg"}).json()
    else:
        data = photograph()
        created = api.create(data)
        image = created["image"]
        PUBLIC.put(created["upload_url"], content=data, headers={"content-type": "image/jpeg"})

    assert settled(api, image["id"]) == "QUARANTINE"
    assert f"image {image['id']} failed: {error!r}" in caplog.text


def test_an_archive_that_cannot_be_packed_is_marked_as_failed(kept: Api, tmp_path: Path) -> None:
    data = photograph()
    created = kept.create(data)
    PUBLIC.put(created["upload_url"], content=data, headers={"content-type": "image/jpeg"})
    assert settled(kept, created["image"]["id"]) == "READY"
    shutil.rmtree(tmp_path / "kept" / "incoming")

    job = kept.http.post("/api/v1/images/downloads", json={"image_ids": [created["image"]["id"]]}).json()

    give_up = time.monotonic() + 60
    while job["status"] in {"PENDING", "PROCESSING"} and time.monotonic() < give_up:
        time.sleep(0.01)
        job = kept.http.get(f"/api/v1/images/downloads/{job['id']}").json()
    assert job["status"] == "FAILED"
