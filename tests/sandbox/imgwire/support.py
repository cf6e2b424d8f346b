"""Plain HTTP against a sandbox, and real photographs in every supported type."""

from __future__ import annotations

import hashlib
import http.client
import io
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import httpx
import pillow_heif
import pillow_jxl  # noqa: F401 - registers the format with Pillow
from PIL import Image

from imgwire_async.sandbox import Sandbox


def photograph(name: str = "rocket.jpg") -> bytes:
    return (files("skimage") / "data" / name).read_bytes()


def encode(format: str, size: tuple[int, int] = (120, 80), **options: Any) -> bytes:
    """A small version of a real photograph in a given format."""
    pillow_heif.register_heif_opener()
    image = Image.open(io.BytesIO(photograph("chelsea.png"))).convert("RGB").resize(size)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.save(buffer, format, **options)
    return buffer.getvalue()


PUBLIC = httpx.Client(
    # Creating a TLS context takes longer than a test; connections must not outlive their sandbox.
    verify=False,
    trust_env=False,
    timeout=60,
    limits=httpx.Limits(max_keepalive_connections=0),
)
"""Sends requests without a key."""


@dataclass
class Api:
    """Plain HTTP against one sandbox, with its server key."""

    sandbox: Sandbox
    http: httpx.Client

    def create(self, data: bytes | None = None, **body: Any) -> dict[str, Any]:
        payload: dict[str, Any] = {"file_name": "photo.jpg", **body}
        if data is not None:
            payload["content_length"] = len(data)
        response = self.http.post("/api/v1/images/standard_upload", json=payload)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def upload(self, data: bytes, **body: Any) -> dict[str, Any]:
        """Create, put, and wait until the image is READY or QUARANTINE."""
        created = self.create(data, **body)
        put = PUBLIC.put(
            created["upload_url"], content=data, headers={"Content-Type": created["image"]["mime_type"]}
        )
        assert put.status_code == 200, put.text
        return self.settled(created["image"]["id"])

    def retrieve(self, image_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get(f"/api/v1/images/{image_id}").json()
        return answer

    def settled(self, image_id: str) -> dict[str, Any]:
        image = self.retrieve(image_id)
        return (
            eventually(
                lambda: (image := self.retrieve(image_id))["status"] in {"READY", "QUARANTINE"} and image
            )
            or image
        )


def eventually(probe: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The result of `probe` once it is true."""
    end = time.monotonic() + seconds
    while not (found := probe()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)
    return found


def connect(sandbox: Sandbox) -> http.client.HTTPConnection:
    parts = urlsplit(sandbox.base_url)
    assert parts.hostname is not None
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def open_api(sandbox: Sandbox) -> Api:
    client = httpx.Client(
        base_url=sandbox.base_url,
        headers={"Authorization": f"Bearer {sandbox.server_key}"},
        trust_env=False,
        verify=False,
        timeout=60,
    )
    return Api(sandbox, client)
