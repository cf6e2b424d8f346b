"""Pictures for tests of the CDN, and helpers to fetch their transformed versions."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from PIL import Image

from tests.sandbox.imgwire.support import PUBLIC, Api

Color = tuple[int, ...]
RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def quarters(width: int = 80, height: int = 60) -> Image.Image:
    """A picture of four quarters: red and green above, blue and white below."""
    image = Image.new("RGB", (width, height))
    for color, x, y in ((RED, 0, 0), (GREEN, 1, 0), (BLUE, 0, 1), (WHITE, 1, 1)):
        image.paste(color, (x * width // 2, y * height // 2, (x + 1) * width // 2, (y + 1) * height // 2))
    return image


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def animation() -> bytes:
    frames = [Image.new("RGB", (40, 30), color) for color in (RED, GREEN, BLUE)]
    return encoded(
        frames[0], "GIF", save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=0
    )


@dataclass
class Stored:
    """An image in the sandbox."""

    image: dict[str, Any]

    def get(
        self, query: str | dict[str, Any] = "", *, preset: str = "", accept: str = "*/*", **headers: str
    ) -> httpx.Response:
        text = query if isinstance(query, str) else urlencode(query)
        url = f"{self.image['cdn_url']}{preset}{'?' if text else ''}{text}"
        return PUBLIC.get(url, headers={"Accept": accept, **headers}, timeout=30)

    def picture(self, query: str | dict[str, Any] = "", **options: Any) -> Image.Image:
        response = self.get(query, **options)
        assert response.status_code == 200, response.text
        picture = Image.open(io.BytesIO(response.content))
        picture.load()
        return picture

    def pixels(self, query: str | dict[str, Any]) -> Image.Image:
        """Encode the picture as a PNG, so that compression changes no colour."""
        text = query if isinstance(query, str) else urlencode(query)
        return self.picture(f"{text}&format=png")


def store(api: Api, image: Image.Image | bytes, file_name: str = "picture.png") -> Stored:
    data = image if isinstance(image, bytes) else encoded(image)
    stored = api.upload(data, file_name=file_name)
    assert stored["status"] == "READY"
    return Stored(stored)


def at(image: Image.Image, x: int, y: int) -> Color:
    found = image.getpixel((x, y))
    assert isinstance(found, tuple)
    return found


def close(found: Color, expected: Color, tolerance: int = 4) -> bool:
    pairs = zip(found, expected, strict=True)
    return all(abs(a - b) <= tolerance for a, b in pairs)
