"""Helpers for tests of the local imgix: a plain HTTP client and pictures."""

from __future__ import annotations

import io
from types import TracebackType
from typing import Any, Self

import httpx
from PIL import Image

from imgwire_async.sandbox import ImgixSandbox

NOW = 1_900_000_000.0
"""The start of virtual clocks in these tests, in seconds since the epoch."""


class Imgix:
    """A local imgix and a plain HTTP client without the SDK."""

    def __init__(self, sandbox: ImgixSandbox) -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(
            base_url=f"{sandbox.base_url}/api/v1/",
            headers={"authorization": f"Bearer {sandbox.api_key}"},
            trust_env=False,
            verify=False,  # all URLs are http; each client would read the certificates anew
            timeout=60,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.http.close()

    def create(self, subdomain: str = "shop", **deployment: Any) -> httpx.Response:
        given = {
            "type": "webfolder",
            "webfolder_base_url": "https://example.com/images/",
            "imgix_subdomains": [subdomain],
            **deployment,
        }
        return self.http.post("sources", json=document("sources", {"name": subdomain, "deployment": given}))

    def rendered(
        self, path: str, query: str = "", host: str = "shop.imgix.net", **options: Any
    ) -> httpx.Response:
        url = self.sandbox.rendering_url(host, path, query)
        # A large picture may take a busy machine more than the five seconds of httpx.
        return httpx.get(url, trust_env=False, verify=False, **({"timeout": 60.0} | options))


def document(kind: str, attributes: dict[str, Any], id: str | None = None) -> dict[str, Any]:
    data: dict[str, Any] = {"type": kind, "attributes": attributes}
    return {"data": data if id is None else {**data, "id": id}}


def picture(width: int = 300, height: int = 200, format: str = "PNG", **options: Any) -> bytes:
    """A picture of red, green, blue and grey quarters."""
    image = Image.new("RGB", (width, height), (200, 40, 40))
    image.paste((40, 200, 40), (width // 2, 0, width, height // 2))
    image.paste((40, 40, 200), (0, height // 2, width // 2, height))
    image.paste((128, 128, 128), (width // 2, height // 2, width, height))
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()
