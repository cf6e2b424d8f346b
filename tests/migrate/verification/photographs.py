"""Ten photographs of different shapes, orientations and transparency, in both local services."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import httpx
from PIL import Image, ImageDraw

from imgwire_async.migrate import Asset
from imgwire_async.sandbox import ImgixSandbox, Sandbox
from tests.clients import client_of

DATA = Path(str(files("skimage") / "data"))
ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Photograph:
    """A picture as a file, with the facts that a list shows about it."""

    name: str
    data: bytes
    mime_type: str
    width: int
    height: int
    exif: int | None = None


def _file(image: Image.Image, name: str, format: str, exif: int | None = None) -> Photograph:
    target = io.BytesIO()
    options: dict[str, object] = {"quality": 92} if format != "PNG" else {}
    if exif is not None:
        tags = Image.Exif()
        tags[ORIENTATION] = exif
        options["exif"] = tags
    image.save(target, format, **options)
    width, height = image.size if (exif or 1) < 5 else image.size[::-1]
    return Photograph(name, target.getvalue(), f"image/{format.lower()}", width, height, exif)


def _cut_out(image: Image.Image) -> Image.Image:
    """The picture inside a soft ellipse on a transparent canvas."""
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).ellipse((10, 10, image.width - 10, image.height - 10), fill=255)
    small = mask.resize((image.width // 8, image.height // 8)).resize(image.size, Image.Resampling.BICUBIC)
    image = image.convert("RGBA")
    image.putalpha(small)
    return image


def photographs() -> list[Photograph]:
    """All ten photographs."""
    astronaut = Image.open(DATA / "astronaut.png").convert("RGB")
    cat = Image.open(DATA / "chelsea.png").convert("RGB")
    coffee = Image.open(DATA / "coffee.png").convert("RGB")
    rocket = Image.open(DATA / "rocket.jpg").convert("RGB")
    return [
        _file(coffee, "landscape.jpg", "JPEG"),
        _file(rocket.crop((150, 0, 450, 427)), "portrait.jpg", "JPEG"),
        _file(astronaut, "square.png", "PNG"),
        _file(coffee.crop((0, 150, 600, 250)), "panorama.jpg", "JPEG"),
        _file(astronaut.crop((180, 0, 290, 500)), "tower.webp", "WEBP"),
        _file(cat.resize((97, 61)), "small.png", "PNG"),
        _file(coffee.resize((401, 267)).transpose(Image.Transpose.ROTATE_90), "turned.jpg", "JPEG", exif=6),
        _file(cat, "upside-down.jpg", "JPEG", exif=3),
        _file(_cut_out(cat), "cut-out.png", "PNG"),
        _file(_cut_out(astronaut.resize((333, 512))), "cut-out.webp", "WEBP"),
    ]


class BothServices:
    """The photographs as files of an imgix source and as images of Imgwire."""

    def __init__(self, imgix: ImgixSandbox, imgwire: Sandbox, names: Collection[str] = ()) -> None:
        self.imgix = imgix
        self._http = httpx.Client(trust_env=False, timeout=60)
        found = photographs()
        self.photographs = {one.name: one for one in found if not names or one.name in names}
        source = imgix.add_source("shop")
        for photograph in self.photographs.values():
            imgix.add_file(source, f"/{photograph.name}", photograph.data)
        urls = asyncio.run(self._stored(imgwire))
        self.assets = {
            f"shop.imgix.net/{one.name}": Asset(
                urls[one.name], one.width, one.height, one.mime_type, one.exif
            )
            for one in self.photographs.values()
        }

    async def _stored(self, imgwire: Sandbox) -> dict[str, str]:
        found = {}
        async with client_of(imgwire) as client:
            for one in self.photographs.values():
                image = await client.images.upload(one.data, file_name=one.name, wait=True)
                found[one.name] = str(image.cdn_url)
        return found

    def fetched(self, url: str) -> bytes:
        """The picture at a URL of either service, which must have rendered every parameter."""
        response = self._http.get(url)
        assert response.status_code == 200, (url, response.text)
        unknown = [name for name in response.headers if name.endswith("not-rendered")]
        assert not unknown, (url, [response.headers[name] for name in unknown])
        return response.content

    def old_url(self, name: str, query: str) -> str:
        """The URL at which the local imgix renders a photograph."""
        return self.imgix.rendering_url("shop.imgix.net", f"/{name}", query)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
