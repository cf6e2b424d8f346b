"""The example service as a real process, and misbehaving clients."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from PIL import Image

from imgwire_async.examples.gallery.sessions import COOKIE
from imgwire_async.sandbox import Sandbox
from tests.integrations.service_process import idle, running_service, sign_in


@pytest.fixture(scope="module")
def large_png() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((2000, 1500), 100).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def eventually(check: Callable[[], bool], *, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def status_of(http: httpx.Client, image_id: str) -> str:
    return str(http.get(f"/images/{image_id}").json()["status"])


def send_half(http: httpx.Client, target: str, content: bytes, extra: str = "") -> socket.socket:
    """Send only the first half of a request."""
    return send(http, target, len(content), content[: len(content) // 2], extra)


def whole_request(http: httpx.Client, target: str, content: bytes, content_type: str) -> socket.socket:
    """Send a complete request without reading the response."""
    return send(http, target, len(content), content, f"Content-Type: {content_type}\r\n")


def send(http: httpx.Client, target: str, declared: int, content: bytes, extra: str = "") -> socket.socket:
    """Send a request with the cookie of `http` on a new connection; returns the connection."""
    host, port = http.base_url.host, http.base_url.port
    connection = socket.create_connection((host, port or 80))
    extra += f"Cookie: {COOKIE}={http.cookies[COOKIE]}\r\n"
    head = f"{target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {declared}\r\n{extra}\r\n"
    connection.sendall(head.encode() + content)
    return connection


def test_a_form_upload_becomes_an_image_in_the_list(http: httpx.Client, photo: Path) -> None:
    answer = http.post("/images", files={"file": ("rocket.jpg", photo.read_bytes())})

    image_id = answer.json()["id"]
    eventually(lambda: status_of(http, image_id) == "READY")
    listed = http.get("/images").json()
    assert [image["id"] for image in listed] == [image_id]
    delivered = httpx.get(listed[0]["url"], trust_env=False, timeout=60)
    assert delivered.headers["content-type"].startswith("image/")


def test_a_raw_body_is_passed_on_with_its_length(
    http: httpx.Client, sandbox: Sandbox, large_png: bytes
) -> None:
    answer = http.put("/images/noise.png", content=large_png)

    eventually(lambda: status_of(http, answer.json()["id"]) == "READY")
    (put,) = sandbox.requests.of("store.put")
    assert put.headers["content-length"] == str(len(large_png))
    assert "transfer-encoding" not in put.headers


def test_a_body_of_unknown_length_is_rejected(http: httpx.Client, large_png: bytes) -> None:
    assert http.put("/images/noise.png", content=iter([large_png])).status_code == 411


@pytest.mark.parametrize("known_length", [True, False])
def test_a_body_over_the_limit_is_rejected(http: httpx.Client, sandbox: Sandbox, known_length: bool) -> None:
    content = bytes(21 * 1024 * 1024)
    form = httpx.Request("POST", "http://x", files={"file": ("big.png", content)})
    body = form.read()

    answer = http.post(
        "/images",
        content=body if known_length else iter([body]),
        headers={"content-type": form.headers["content-type"]},
    )

    assert answer.status_code == 413
    assert list(sandbox.requests) == []


def test_a_file_that_is_not_an_image_is_rejected(http: httpx.Client, sandbox: Sandbox) -> None:
    answer = http.post("/images", files={"file": ("notes.txt", b"Hello")})

    assert (answer.status_code, list(sandbox.requests)) == (415, [])


def test_an_empty_file_is_rejected(http: httpx.Client) -> None:
    assert http.put("/images/empty.png", content=b"").status_code == 422


def test_an_unknown_image_is_404(http: httpx.Client) -> None:
    answer = http.get("/images/00000000-0000-4000-8000-000000000000")

    assert (answer.status_code, answer.json()) == (404, {"detail": "The image does not exist."})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/upload-token"),
        ("POST", "/images"),
        ("PUT", "/images/a.png"),
        ("DELETE", "/images/00000000-0000-4000-8000-000000000000"),
    ],
)
def test_only_those_who_are_signed_in_may_write(
    service: str, sandbox: Sandbox, method: str, path: str
) -> None:
    answer = httpx.request(method, f"{service}{path}", files={"file": ("a.png", b"x")}, trust_env=False)

    assert (answer.status_code, answer.json()) == (401, {"detail": "Sign in first."})
    assert list(sandbox.requests) == []


@pytest.mark.parametrize("target", ["POST /images", "PUT /images/a.png"])
def test_no_body_is_received_from_callers_who_are_not_signed_in(service: str, target: str) -> None:
    form = "Content-Type: multipart/form-data; boundary=x\r\n"
    head = f"{target} HTTP/1.1\r\nHost: x\r\n{form}Content-Length: 1000000\r\n\r\n"
    url = httpx.URL(service)

    with socket.create_connection((url.host, url.port or 80), timeout=30) as connection:
        connection.sendall(head.encode())

        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


def test_every_route_that_writes_requires_a_session_and_documents_it(service: str) -> None:
    schema = httpx.get(f"{service}/openapi.json", trust_env=False).json()

    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if method != "get" and path != "/session" and path != "/upload-token":
                reference = operation["responses"]["401"]["content"]["application/json"]["schema"]["$ref"]
                assert reference == "#/components/schemas/Problem", (method, path)
    assert "413" in schema["paths"]["/images"]["post"]["responses"]
    assert schema["paths"]["/images"]["get"]["responses"]["200"]["content"]["application/json"]["schema"] == {
        "items": {"$ref": "#/components/schemas/Picture"},
        "type": "array",
        "title": "Response Pictures Images Get",
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/session"),
        ("DELETE", "/session"),
        ("POST", "/upload-token"),
        ("POST", "/images"),
        ("PUT", "/images/a.png"),
        ("DELETE", "/images/00000000-0000-4000-8000-000000000000"),
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_no_page_of_another_origin_writes_with_the_cookie_of_who_is_signed_in(
    http: httpx.Client, sandbox: Sandbox, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = http.request(method, path, headers=headers, files={"file": ("a.png", b"x")})

    assert (answer.status_code, answer.json()) == (403, {"detail": "This request came from another page."})
    assert list(sandbox.requests) == []
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": ""}]
)
def test_own_pages_and_programs_may_write(http: httpx.Client, headers: dict[str, str]) -> None:
    own = {"Origin": str(http.base_url).rstrip("/")} if "Origin" in headers else headers

    assert http.post("/upload-token", headers=own).status_code == 200


def test_pages_of_other_origins_may_read(http: httpx.Client) -> None:
    assert http.get("/images", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_a_session_ends_on_sign_out(http: httpx.Client) -> None:
    assert list(http.post("/upload-token").json()) == ["uploadToken"]
    assert http.delete("/session").status_code == 204
    assert http.post("/upload-token").status_code == 401
    assert http.post("/session", data={"password": "wrong"}).status_code == 401
    sign_in(http)
    assert http.post("/upload-token").status_code == 200


def test_an_image_can_be_described_and_deleted(http: httpx.Client, photo: Path) -> None:
    made = http.put("/images/rocket.jpg?description=A+rocket", content=photo.read_bytes()).json()
    eventually(lambda: status_of(http, made["id"]) == "READY")

    assert http.get(f"/images/{made['id']}").json()["description"] == "A rocket"
    assert http.delete(f"/images/{made['id']}").status_code == 204
    assert http.get("/images").json() == []


def test_an_image_in_quarantine_is_shown_with_the_reason(http: httpx.Client, photo: Path) -> None:
    made = http.put("/images/cut.jpg", content=photo.read_bytes()[:2000]).json()
    eventually(lambda: status_of(http, made["id"]) == "QUARANTINE")

    assert "damaged" in http.get("/images").json()[0]["problem"]


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("target", ["PUT /images/noise.png", "POST /images"])
def test_a_client_that_disconnects_halfway_leaves_no_running_work_and_no_image(
    http: httpx.Client, sandbox: Sandbox, large_png: bytes, target: str, reset: bool
) -> None:
    form = httpx.Request("POST", "http://x", files={"file": ("noise.png", large_png)})
    raw = target.startswith("PUT")
    tasks = idle(http)
    connection = send_half(
        http,
        target,
        large_png if raw else form.read(),
        "" if raw else f"Content-Type: {form.headers['content-type']}\r\n",
    )
    if raw:
        eventually(lambda: any(put.bytes_received for put in sandbox.requests.of("store.put")))
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()

    eventually(lambda: bool(http.get("/tasks").json() == tasks))
    assert [image["status"] for image in http.get("/images").json()] == (["PENDING"] if raw else [])


def test_a_client_that_disconnects_ends_the_upload_of_its_form_file(
    http: httpx.Client, sandbox: Sandbox, large_png: bytes
) -> None:
    form = httpx.Request("POST", "http://x", files={"file": ("noise.png", large_png)})
    tasks = idle(http)
    sandbox.faults.once("store.put", slow=500_000)
    with whole_request(http, "POST /images", form.read(), form.headers["content-type"]):
        eventually(lambda: any(put.bytes_received for put in sandbox.requests.of("store.put")))

    eventually(lambda: bool(http.get("/tasks").json() == tasks))
    eventually(lambda: all(put.status is not None for put in sandbox.requests.of("store.put")))
    (put,) = sandbox.requests.of("store.put")
    assert 0 < put.bytes_received < len(large_png)
    assert [image["status"] for image in http.get("/images").json()] == ["PENDING"]


def test_a_client_that_disconnects_ends_the_calls_made_for_it(http: httpx.Client, sandbox: Sandbox) -> None:
    tasks = idle(http)
    sandbox.faults.once("images.list", stall=60)
    connection = send_half(http, "GET /images", b"")
    eventually(lambda: http.get("/tasks").json()[1] == 1)

    connection.close()

    eventually(lambda: bool(http.get("/tasks").json() == tasks))


def test_several_workers_have_a_client_each(
    shared_sandbox: Sandbox, sandbox: Sandbox, tmp_path: Path, photo: Path
) -> None:
    with (
        running_service(shared_sandbox, tmp_path, workers=2) as base_url,
        httpx.Client(base_url=base_url, trust_env=False, timeout=60, headers={"connection": "close"}) as http,
    ):
        sign_in(http)  # with one worker, for both

        def both_have_uploaded() -> bool:  # each on a connection of its own, so that both workers get some
            assert http.put("/images/a.jpg", content=photo.read_bytes()).status_code == 201
            return len({request.client_port for request in sandbox.requests.of("images.create")}) > 1

        eventually(both_have_uploaded)
