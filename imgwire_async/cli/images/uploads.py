"""Commands that upload single images, or create tokens for uploads."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, cast

import typer

from imgwire_async import errors
from imgwire_async.cli.exits import exit_code
from imgwire_async.cli.output import (
    JsonFlag,
    beside,
    run,
    show_error,
    show_json,
    show_record,
    show_records,
    wrong_usage,
)
from imgwire_async.cli.parameters import (
    STANDARD,
    Longest,
    Meta,
    Purpose,
    Wait,
    longest_wait,
    name_value_pairs,
)
from imgwire_async.cli.progress import upload_bars
from imgwire_async.cli.streams import note, say

if TYPE_CHECKING:
    from imgwire_async.bodies.progress import ProgressHook
    from imgwire_async.imgwire.client import AsyncImgwireClient
    from imgwire_async.models import Image

COLUMNS: Final = ("id", "status", "original_filename", "cdn_url")
_SUBJECT: Final = "Upload"
_CHUNK: Final = 256 * 1024
_AT_ONCE: Final = 8
_URLS: Final = ("http:/", "https:/")  # like a path, which has no empty parts


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command(rich_help_panel=_SUBJECT)(upload)
    app.command("upload-url", rich_help_panel=_SUBJECT)(upload_url)
    app.command(rich_help_panel=_SUBJECT)(token)


def upload(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Files to upload; objects of cloud stores such as s3://bucket/key; - for standard input.",
            metavar="FILE...",
        ),
    ],
    file_name: Annotated[str | None, typer.Option(help="Name to store, for a single file.")] = None,
    mime_type: Annotated[
        str | None, typer.Option(help="Type to declare, for a single file. Default: detected.")
    ] = None,
    purpose: Purpose = None,
    meta: Meta = None,
    wait: Wait = False,
    timeout: Longest = None,
    as_json: JsonFlag = False,
) -> None:
    """Upload files, each as one image.

    Example: imgwire-async upload hero.jpg --purpose "marketing hero" --meta source=import --wait

    Example: imgwire-async upload s3://bucket/hero.jpg

    Example: convert hero.psd png:- | imgwire-async upload - --file-name hero.png
    """
    if len(files) > 1 and (file_name is not None or mime_type is not None):
        wrong_usage("--file-name and --mime-type are for a single file")
    if files.count(str(STANDARD)) > 1:
        wrong_usage("standard input can be uploaded only once")
    seconds = longest_wait(timeout, wait=wait)
    metadata = cast("dict[str, str | int | float | bool]", name_value_pairs(meta))
    failures: list[errors.ImgwireError] = []
    done: dict[int, Image] = {}

    async def work(imgwire: AsyncImgwireClient) -> None:
        import anyio

        limit = anyio.CapacityLimiter(_AT_ONCE)

        async def one(number: int, path: str, on_progress: ProgressHook | None) -> None:
            async with limit:
                try:
                    _check_is_for_upload(path)
                    image = done[number] = await imgwire.images.upload(
                        standard_input() if path == str(STANDARD) else path,
                        file_name=file_name,
                        mime_type=mime_type,
                        purpose=purpose,
                        custom_metadata=metadata,
                        on_progress=on_progress,
                    )
                    if wait:
                        done[number] = await imgwire.images.wait_until_ready(image.id, timeout=seconds)
                except errors.ImgwireError as error:
                    done.pop(number, None)
                    failures.append(error)
                    show_error(error, as_json=as_json, about=path)

        try:
            with upload_bars() as bar:
                async with anyio.create_task_group() as tasks:
                    for number, path in enumerate(files):
                        tasks.start_soon(one, number, path, bar(Path(path).name))
        finally:  # even after Ctrl-C, because these images are stored
            if done:
                show_records([image.to_dict() for image in done.values()], COLUMNS, as_json=as_json)

    run(work, as_json=as_json)
    if failures:
        raise typer.Exit(exit_code(failures[0]))


def _check_is_for_upload(name: str) -> None:
    from imgwire_async.stores.uris import is_object

    if is_object(name):
        return
    path = Path(name)
    name = str(path)
    if name.startswith(_URLS):
        raise errors.UploadSourceError(f"cannot upload {name!r}: it is a URL; use imgwire-async upload-url")
    if path.is_dir():
        raise errors.UploadSourceError(
            f"cannot upload {name!r}: it is a folder; use imgwire-async ingest {name}"
        )


def upload_url(
    url: Annotated[
        str, typer.Argument(help="Public URL of an image, or object such as s3://bucket/key.", metavar="URL")
    ],
    file_name: Annotated[str | None, typer.Option(help="Name to store.")] = None,
    purpose: Purpose = None,
    meta: Meta = None,
    wait: Wait = False,
    timeout: Longest = None,
    as_json: JsonFlag = False,
) -> None:
    """Upload an image from a URL that the service fetches.

    Without --wait, the command returns once the service has accepted the URL. The image is stored only when
    the service has fetched it; check with show ID.

    Example: imgwire-async upload-url https://assets.example.com/x.png --wait
    """
    seconds = longest_wait(timeout, wait=wait)
    metadata = cast("dict[str, str | int | float | bool]", name_value_pairs(meta))

    async def work(imgwire: AsyncImgwireClient) -> None:
        with beside().status("Waiting for the service ..."):
            image = await imgwire.images.upload_via_url(
                url,
                file_name=file_name,
                purpose=purpose,
                custom_metadata=metadata,
                wait=wait,
                timeout=seconds,
            )
        stored = image.status == "READY"
        record = {"outcome": "stored" if stored else "accepted", **image.to_dict()}
        show_record(record, as_json=as_json)
        if not stored:
            note(f"Accepted, but not stored yet. To see whether it is: imgwire-async show {image.id}")

    run(work, as_json=as_json)


def standard_input() -> BinaryIO | AsyncIterator[bytes]:
    """Standard input as an upload source; waiting for a pipe or terminal can be interrupted."""
    import anyio
    from anyio import to_thread

    file = sys.stdin.buffer
    try:
        descriptor = file.fileno()
        is_stream = not stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:  # not a real file, or closed: reading it raises the error
        return file
    if not is_stream:
        return file

    async def chunks() -> AsyncIterator[bytes]:
        while True:
            with suppress(PermissionError):  # the null device and similar files never block
                await anyio.wait_readable(descriptor)
            chunk = await to_thread.run_sync(os.read, descriptor, _CHUNK)
            if not chunk:
                return
            yield chunk

    return chunks()


def token(as_json: JsonFlag = False) -> None:
    """Create a token that lets a frontend with a client key upload one image.

    Example: TOKEN=$(imgwire-async token)
    """

    async def work(imgwire: AsyncImgwireClient) -> None:
        made = await imgwire.images.create_upload_token()
        if as_json:
            show_json(made.to_dict())
        else:
            say(str(made.token))
            note(f"Expires at {made.expires_at:%Y-%m-%d %H:%M:%S %Z}.")

    run(work, as_json=as_json)
