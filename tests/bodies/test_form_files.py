"""Files of web forms are stored under the name that the browser sent, in every framework."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp.web_request import FileField
from multidict import CIMultiDict, CIMultiDictProxy
from starlette.datastructures import UploadFile
from werkzeug.datastructures import FileStorage
from werkzeug.formparser import MultiPartParser

from imgwire_async import AsyncImgwireClient

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00".ljust(600_000, b"\0")


def of_a_request(size: int) -> FileStorage:
    """A file as Flask parses it from a form, in memory or on disk."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="avatar"; filename="me.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + JPEG[:size] + b"\r\n--b--\r\n"
    )
    _, files = MultiPartParser().parse(io.BytesIO(body), b"b", len(body))
    return files["avatar"]


class DjangoFile:
    """Like Django's `UploadedFile`: `name` is the name of the file."""

    def __init__(self) -> None:
        self.file = io.BytesIO(JPEG)
        self.name = "me.jpg"
        self.field_name = "avatar"
        self.read, self.seek, self.tell = self.file.read, self.file.seek, self.file.tell


class BottleFile:
    """Like Bottle's `FileUpload`: `name` is the name of the field."""

    name = "avatar"
    filename = "me.jpg"

    def __init__(self) -> None:
        self.file = io.BytesIO(JPEG)


class FalconPart:
    """Like Falcon's `BodyPart`, which cannot seek: `name` is the name of the field."""

    name = "avatar"
    filename = "C:\\photos\\me.jpg"

    def __init__(self) -> None:
        left = io.BytesIO(JPEG)

        class Stream:
            def read(self, size: int = -1) -> bytes:
                return left.read(size)

        self.stream = Stream()


MAKERS: dict[str, Callable[[], Any]] = {
    "Werkzeug": lambda: FileStorage(io.BytesIO(JPEG), filename="me.jpg", name="avatar"),
    "Werkzeug, with folders": lambda: FileStorage(io.BytesIO(JPEG), "C:\\photos\\me.jpg", "avatar"),
    "Flask, small": lambda: of_a_request(1000),
    "Flask, on disk": lambda: of_a_request(600_000),
    "Starlette": lambda: UploadFile(io.BytesIO(JPEG), filename="me.jpg"),
    "aiohttp": lambda: FileField(
        "avatar", "me.jpg", io.BytesIO(JPEG), "image/jpeg", CIMultiDictProxy(CIMultiDict[str]())
    ),
    "Django": DjangoFile,
    "Bottle": BottleFile,
    "Falcon": FalconPart,
}


@pytest.mark.parametrize("framework", MAKERS)
async def test_the_name_is_that_of_the_file_and_not_of_the_field(
    client: AsyncImgwireClient, framework: str
) -> None:
    file = MAKERS[framework]()

    image = await client.images.upload(file)
    if isinstance(file, FileStorage):
        file.close()

    assert image.original_filename == "me.jpg"


@pytest.mark.parametrize("filename", [None, ""])
async def test_a_file_without_a_name_is_not_named_after_its_field(
    client: AsyncImgwireClient, filename: str | None
) -> None:
    file = FileStorage(io.BytesIO(JPEG), filename=filename, name="avatar")

    assert (await client.images.upload(file)).original_filename == "image.jpg"


async def test_many_files_of_a_form_can_be_uploaded_at_once(client: AsyncImgwireClient) -> None:
    items = [FileStorage(io.BytesIO(JPEG), f"{number}.jpg", "photos") for number in range(5)]

    async with client.images.upload_many(items) as outcomes:
        names = {outcome.image.original_filename async for outcome in outcomes if outcome.image}

    assert names == {f"{number}.jpg" for number in range(5)}
