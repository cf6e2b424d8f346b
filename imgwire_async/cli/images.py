"""Commands about images."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, cast

import typer

from imgwire_async import errors
from imgwire_async.cli.exits import ExitCode, exit_code
from imgwire_async.cli.output import (
    JsonFlag,
    beside,
    guarded,
    run,
    show_error,
    show_json,
    show_record,
    show_records,
)
from imgwire_async.cli.streams import complain, is_terminal, plain, say

if TYPE_CHECKING:
    from rich.progress import TaskID

    from imgwire_async.bodies.progress import UploadProgress
    from imgwire_async.imgwire.cdn import Preset, Transformations
    from imgwire_async.imgwire.client import AsyncImgwireClient
    from imgwire_async.models import Image

COLUMNS = ("id", "status", "original_filename", "mime_type", "width", "height", "size_bytes", "created_at")

STANDARD: Final = Path("-")
"""Stands for standard input and output; a file with this name is `./-`."""
_CHUNK: Final = 256 * 1024

Purpose = Annotated[str | None, typer.Option(help="What the image is for; free text.")]
Meta = Annotated[list[str] | None, typer.Option("--meta", help="Custom metadata, NAME=VALUE; repeatable.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the image is READY.")]
ImageIds = Annotated[list[str], typer.Argument(help="Ids of images.", metavar="ID...")]


class PresetName(StrEnum):
    """The service's presets, as choices of an option."""

    THUMBNAIL = "thumbnail"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


PresetOption = Annotated[PresetName | None, typer.Option(help="A preset of the service.")]
Changes = Annotated[
    list[str] | None,
    typer.Argument(help="Transformations, such as width=300 or crop=400:300.", metavar="[NAME=VALUE]..."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command()(upload)
    app.command("upload-url")(upload_url)
    app.command()(ls)
    app.command()(show)
    app.command()(url)
    app.command()(rm)
    app.command()(download)
    app.command()(token)


def upload(
    files: Annotated[
        list[Path], typer.Argument(help="Files to upload; - for standard input.", metavar="FILE...")
    ],
    file_name: Annotated[str | None, typer.Option(help="Name to store, for a single file.")] = None,
    mime_type: Annotated[
        str | None, typer.Option(help="Type to declare, for a single file. Default: detected.")
    ] = None,
    purpose: Purpose = None,
    meta: Meta = None,
    wait: Wait = False,
    as_json: JsonFlag = False,
) -> None:
    """Upload files, each as one image.

    Example: imgwire-async upload hero.jpg --purpose "marketing hero" --meta source=import --wait

    Example: convert hero.psd png:- | imgwire-async upload - --file-name hero.png
    """
    if len(files) > 1 and (file_name is not None or mime_type is not None):
        complain("Error: --file-name and --mime-type are for a single file.")
        raise typer.Exit(ExitCode.USAGE)
    if files.count(STANDARD) > 1:
        complain("Error: standard input can be uploaded only once.")
        raise typer.Exit(ExitCode.USAGE)
    metadata = cast("dict[str, str | int | float | bool]", _pairs(meta))
    failures: list[errors.ImgwireError] = []
    done: list[Image] = []

    async def work(imgwire: AsyncImgwireClient) -> None:
        import anyio
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
        )
        console = beside()
        limit = anyio.CapacityLimiter(8)
        with Progress(
            *columns,
            console=console,
            transient=True,
            disable=not console.is_terminal or console.is_dumb_terminal,
        ) as progress:
            bars: dict[Path, TaskID] = {}

            async def one(path: Path) -> None:
                def report(state: UploadProgress) -> None:
                    if path not in bars:
                        bars[path] = progress.add_task(plain(path.name), total=state.total)
                    progress.update(bars[path], completed=state.sent)

                async with limit:
                    try:
                        image = await imgwire.images.upload(
                            standard_input() if path == STANDARD else path,
                            file_name=file_name,
                            mime_type=mime_type,
                            purpose=purpose,
                            custom_metadata=metadata,
                            on_progress=report,
                        )
                        done.append(await imgwire.images.wait_until_ready(image.id) if wait else image)
                    except errors.ImgwireError as error:
                        failures.append(error)
                        show_error(error, as_json=as_json, about=str(path))

            async with anyio.create_task_group() as tasks:
                for path in files:
                    tasks.start_soon(one, path)
        if done:
            show_records([image.to_dict() for image in done], COLUMNS[:3], as_json=as_json)

    run(work, as_json=as_json)
    if failures:
        raise typer.Exit(exit_code(failures[0]))


def upload_url(
    source: Annotated[str, typer.Argument(help="Public URL of an image.", metavar="URL")],
    file_name: Annotated[str | None, typer.Option(help="Name to store.")] = None,
    purpose: Purpose = None,
    meta: Meta = None,
    wait: Wait = False,
    as_json: JsonFlag = False,
) -> None:
    """Let the service fetch an image from a URL.

    Example: imgwire-async upload-url https://assets.example.com/x.png --wait
    """
    metadata = cast("dict[str, str | int | float | bool]", _pairs(meta))

    async def work(imgwire: AsyncImgwireClient) -> None:
        with beside().status("Waiting for the service ..."):
            image = await imgwire.images.upload_via_url(
                source, file_name=file_name, purpose=purpose, custom_metadata=metadata, wait=wait
            )
        show_record(image.to_dict(), as_json=as_json)

    run(work, as_json=as_json)


def ls(
    limit: Annotated[int, typer.Option(min=1, help="How many images to list at most.")] = 25,
    page: Annotated[
        int, typer.Option(min=1, help="First page to list, of --limit images each (at most 100).")
    ] = 1,
    every: Annotated[bool, typer.Option("--all", help="List all images, starting at --page.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List images.

    Example: imgwire-async ls --all --json | jq -r .id
    """

    async def work(imgwire: AsyncImgwireClient) -> None:
        images = imgwire.images.list(page=page, limit=min(limit, 100), max_items=None if every else limit)
        if as_json:
            async for image in images:
                show_json(image.to_dict())
        else:
            show_records([image.to_dict() async for image in images], COLUMNS, as_json=False)

    run(work, as_json=as_json)


def show(image_id: Annotated[str, typer.Argument(metavar="ID")], as_json: JsonFlag = False) -> None:
    """Show all fields of one image.

    Example: imgwire-async show ID --json
    """

    async def work(imgwire: AsyncImgwireClient) -> None:
        show_record((await imgwire.images.retrieve(image_id)).to_dict(), as_json=as_json)

    run(work, as_json=as_json)


def url(
    image: Annotated[str, typer.Argument(help="Id of an image, or its CDN URL.", metavar="ID|URL")],
    changes: Changes = None,
    preset: PresetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Print the URL of an image, with a preset and transformations. A CDN URL needs no request.

    Example: imgwire-async url ID width=300 height=200 resizing_type=cover format=auto
    """
    transformations = cast("Transformations", _pairs(changes))
    name = cast("Preset | None", preset and preset.value)

    def show_url(base: str) -> None:
        from imgwire_async.imgwire.cdn import cdn_url

        made = cdn_url(base, name, **transformations)
        if as_json:
            show_json({"url": made})
        else:
            say(made)

    async def work(imgwire: AsyncImgwireClient) -> None:
        show_url((await imgwire.images.retrieve(image)).cdn_url)

    if "://" in image:
        guarded(lambda: show_url(image), as_json=as_json)
    else:
        run(work, as_json=as_json)


def rm(
    image_ids: ImageIds,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete images.

    A single unknown id is an error; among several, unknown ids are not reported.

    Example: imgwire-async rm ID1 ID2 --yes
    """
    if not yes:
        typer.confirm(
            f"Delete {len(image_ids)} image{'s' * (len(image_ids) > 1)} for good?", abort=True, err=True
        )

    async def work(imgwire: AsyncImgwireClient) -> None:
        images = imgwire.images
        answer = await (images.delete(image_ids[0]) if len(image_ids) == 1 else images.bulk_delete(image_ids))
        show_record(answer, as_json=as_json)

    run(work, as_json=as_json)


def download(
    image_id: Annotated[str, typer.Argument(metavar="ID")],
    changes: Changes = None,
    to: Annotated[
        str | None,
        typer.Option(
            help="File to write, or a folder to put the file in under the image's name; - for standard "
            "output. Default: the current folder."
        ),
    ] = None,
    preset: PresetOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Download an image, original or transformed.

    Example: imgwire-async download ID width=1600 format=webp --to hero.webp

    Example: imgwire-async download ID format=png --to - | pngquant - > hero.png
    """
    transformations = cast("Transformations", _pairs(changes))
    name = cast("Preset | None", preset and preset.value)

    if to == str(STANDARD) and is_terminal(sys.stdout):
        complain("Error: --to - would print the image on the terminal; redirect standard output.")
        raise typer.Exit(ExitCode.USAGE)

    async def work(imgwire: AsyncImgwireClient) -> None:
        if to == str(STANDARD):
            await _to_standard_output(
                imgwire.images.download(image_id, to=sys.stdout.buffer, preset=name, **transformations)
            )
            return
        with beside().status("Downloading ..."), _in_terms_of_options():
            file = await imgwire.images.download(
                image_id, to="." if to is None else to, overwrite=overwrite, preset=name, **transformations
            )
        record = {"path": str(file.path), "size": file.size, "content_type": file.content_type}
        show_record(record, as_json=as_json)

    run(work, as_json=as_json)


@contextmanager
def _in_terms_of_options() -> Iterator[None]:
    try:
        yield
    except errors.DownloadTargetError as error:
        if error.errno == errno.EEXIST:
            error.message = error.message.replace("pass overwrite=True", "use --overwrite")
        raise


async def _to_standard_output(download: Awaitable[object]) -> None:
    try:
        await download
    except errors.DownloadTargetError as error:
        if error.errno is None:
            raise
        # As when a command cannot print: a reader that has seen enough is no error.
        raise OSError(error.errno, os.strerror(error.errno)) from error


def standard_input() -> BinaryIO | AsyncIterator[bytes]:
    """Standard input as something to upload; waiting for a pipe or terminal can be interrupted."""
    import anyio
    from anyio import to_thread

    file = sys.stdin.buffer
    try:
        descriptor = file.fileno()
        is_stream = not stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:  # not a real one, or closed: reading it tells
        return file
    if not is_stream:
        return file

    async def chunks() -> AsyncIterator[bytes]:
        while True:
            with suppress(PermissionError):  # the null device and the like never make anybody wait
                await anyio.wait_readable(descriptor)
            chunk = await to_thread.run_sync(os.read, descriptor, _CHUNK)
            if not chunk:
                return
            yield chunk

    return chunks()


def token(as_json: JsonFlag = False) -> None:
    """Create a token with which a frontend can upload one image using a client key.

    Example: TOKEN=$(imgwire-async token)
    """

    async def work(imgwire: AsyncImgwireClient) -> None:
        made = await imgwire.images.create_upload_token()
        if as_json:
            show_json(made.to_dict())
        else:
            say(str(made.token))
            complain(f"Expires at {made.expires_at:%Y-%m-%d %H:%M:%S %Z}.")

    run(work, as_json=as_json)


def _pairs(arguments: list[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for argument in arguments or ():
        name, sign, value = argument.partition("=")
        if not (name and sign):
            complain(f"Error: expected NAME=VALUE, got {argument!r}.")
            raise typer.Exit(ExitCode.USAGE)
        pairs[name] = value
    return pairs
