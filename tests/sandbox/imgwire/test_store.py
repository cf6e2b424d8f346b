"""The presigned PUT."""

from __future__ import annotations

import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest

from tests.sandbox.imgwire.support import PUBLIC, Api, connect, encode, photograph

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture
def data() -> bytes:
    return photograph()


def code(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/xml"
    return response.text.partition("<Code>")[2].partition("</Code>")[0]


@pytest.mark.parametrize("content_type", ["image/png", "image/jpeg; charset=binary", "IMAGE/JPEG", ""])
def test_another_content_type_than_declared_is_403(api: Api, data: bytes, content_type: str) -> None:
    url = api.create(data)["upload_url"]

    response = PUBLIC.put(url, content=data, headers={"Content-Type": content_type})

    assert (response.status_code, code(response)) == (403, "SignatureDoesNotMatch")


def test_another_length_than_declared_is_403_and_the_record_stays_pending(api: Api, data: bytes) -> None:
    created = api.create(data)

    response = PUBLIC.put(created["upload_url"], content=data + b"x", headers=JPEG)

    assert (response.status_code, code(response)) == (403, "SignatureDoesNotMatch")
    assert api.retrieve(created["image"]["id"])["status"] == "PENDING"


def test_any_length_is_fine_where_none_was_declared(api: Api, data: bytes) -> None:
    url = api.create()["upload_url"]

    assert PUBLIC.put(url, content=data, headers=JPEG).status_code == 200


def test_chunked_bodies_are_411(api: Api, data: bytes) -> None:
    url = api.create(data)["upload_url"]

    response = PUBLIC.put(url, content=iter([data]), headers=JPEG)

    assert (response.status_code, code(response)) == (411, "MissingContentLength")


def test_an_api_key_sent_to_the_store_is_rejected(api: Api, data: bytes) -> None:
    url = api.create(data)["upload_url"]

    response = api.http.put(url, content=data, headers=JPEG)

    assert (response.status_code, code(response)) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"),
        lambda url: url.replace("expires=1", "expires=2"),
        lambda url: url.partition("?")[0],
        lambda url: url.replace("expires=", "expires=%C2%B2"),
        lambda url: url.replace("-", "0", 1),
    ],
)
def test_a_changed_url_is_403(api: Api, data: bytes, change: Callable[[str], str]) -> None:
    url = api.create(data)["upload_url"]

    assert PUBLIC.put(change(url), content=data, headers=JPEG).status_code == 403


def test_an_expired_url_is_403(start_api: Callable[..., Api], data: bytes) -> None:
    now = [1_800_000_000.0]
    api = start_api(clock=lambda: now[0])
    url = api.create(data)["upload_url"]
    now[0] += 901

    response = PUBLIC.put(url, content=data, headers=JPEG)

    assert (response.status_code, code(response)) == (403, "AccessDenied")


def test_the_same_bytes_may_be_sent_again(api: Api, data: bytes) -> None:
    created = api.create(data)

    answers = [PUBLIC.put(created["upload_url"], content=data, headers=JPEG).status_code for _ in range(2)]

    assert answers == [200, 200]
    assert api.settled(created["image"]["id"])["status"] == "READY"


def test_other_bytes_never_replace_stored_ones(api: Api, data: bytes) -> None:
    created = api.create(data)
    PUBLIC.put(created["upload_url"], content=data, headers=JPEG)

    other = PUBLIC.put(created["upload_url"], content=data[::-1], headers=JPEG)

    assert other.status_code == 403
    assert PUBLIC.get(api.settled(created["image"]["id"])["cdn_url"]).content == data


def test_repeated_puts_can_be_rejected(start_api: Callable[..., Api], data: bytes) -> None:
    api = start_api(repeated_put="refuse")
    url = api.create(data)["upload_url"]

    answers = [PUBLIC.put(url, content=data, headers=JPEG).status_code for _ in range(2)]

    assert answers == [200, 403]


def test_an_upload_of_a_deleted_record_is_404(api: Api, data: bytes) -> None:
    created = api.create(data)
    api.http.delete(f"/api/v1/images/{created['image']['id']}")

    assert PUBLIC.put(created["upload_url"], content=data, headers=JPEG).status_code == 404


def test_a_body_that_breaks_off_leaves_the_record_pending_and_no_file(
    start_api: Callable[..., Api], data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("sandbox")
    api = start_api(folder=folder)
    created = api.create(data)
    url = urlsplit(created["upload_url"])
    with socket.create_connection((url.hostname, url.port)) as connection:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
        connection.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data[:1000])

    again = PUBLIC.put(created["upload_url"], content=data, headers=JPEG)

    assert again.status_code == 200
    assert api.settled(created["image"]["id"])["status"] == "READY"
    assert list((folder / "incoming").iterdir()) == []


def test_a_rejection_reaches_a_client_that_is_still_sending(api: Api) -> None:
    """The response must not be lost in a reset, however much the client has left to send."""
    size = 8 * 1024 * 1024
    url = urlsplit(api.create(content_length=size)["upload_url"])
    connection = connect(api.sandbox)
    connection.request(
        "PUT", f"{url.path}?{url.query}", body=bytes(size), headers={"Content-Type": "image/png"}
    )

    response = connection.getresponse()

    assert response.status == 403
    assert b"SignatureDoesNotMatch" in response.read()
    connection.close()


def test_a_client_that_waits_for_continue_is_rejected_before_it_sends(api: Api, data: bytes) -> None:
    url = urlsplit(api.create(data)["upload_url"])
    with socket.create_connection((url.hostname, url.port), timeout=60) as connection:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
        connection.sendall(f"{head}Content-Length: {len(data)}\r\nExpect: 100-continue\r\n\r\n".encode())

        assert connection.recv(4096).startswith(b"HTTP/1.1 403")


def test_uploads_over_the_limit_are_rejected_even_when_undeclared(start_api: Callable[..., Api]) -> None:
    api = start_api(maximum_upload_bytes=1000)
    url = api.create(file_name="a.png")["upload_url"]

    response = PUBLIC.put(url, content=encode("PNG"), headers={"Content-Type": "image/png"})

    assert (response.status_code, code(response)) == (400, "EntityTooLarge")
