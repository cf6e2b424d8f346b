"""Uploads every file of a folder to a local Imgwire and shows the result in a gallery.

Started by `scripts/demo`, which installs what this needs. On a terminal the gallery stays open until Ctrl-C.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
import threading
from pathlib import Path
from typing import Annotated

import anyio
import pyvips
import typer
from PIL import Image as PillowImage
from pillow_heif import register_heif_opener
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from imgwire_async import AsyncImgwireClient, Failed, Image, ImgwireError, Stored
from imgwire_async.sandbox import Sandbox

CONCURRENCY = 8
PORT = 8787  # that of `imgwire-async sandbox`, so that the printed URLs can be opened again later
ROOT = Path(__file__).resolve().parent.parent
WORKPLACE = ROOT / ".demo"
UNPACKED = ROOT / ".demo" / "scikit-image"
"""Where `scripts/setup demo` leaves scikit-image; only its photographs are used."""
ROOM_FOR_URLS = 140
"""Minimum terminal width at which the table has a column of CDN URLs."""

# Photographs that scikit-image ships, and the file that each is stored as.
PHOTOGRAPHS = {
    "rocket.jpg": "rocket.jpg",
    "hubble_deep_field.jpg": "hubble deep field.jpg",
    "retina.jpg": "retina.jpg",
    "astronaut.png": "astronaut.png",
    "motorcycle_left.png": "motorcycle left.png",
    "motorcycle_right.png": "motorcycle right.tiff",
    "chelsea.png": "chelsea.webp",
    "coffee.png": "coffee.avif",
    "coins.png": "coins.heic",
    "camera.png": "camera.bmp",
    "no_time_for_that_tiny.gif": "no time for that.gif",
}


def main(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder with images; default: some photographs.")
    ] = None,
) -> None:
    """Upload every file of a folder to a local Imgwire."""
    # Output to anything but a terminal may be read by a program, so nothing is cut off.
    console = Console() if sys.stdout.isatty() else Console(width=220)
    try:
        folder = folder or photographs()
    except FileNotFoundError:
        console.print("The photographs are not installed. Run scripts/demo, or pass a folder with images.")
        raise typer.Exit(2) from None
    if not folder.is_dir():
        console.print(f"{escape(str(folder))} is not a folder.")
        raise typer.Exit(2)
    # Pipes and dangling links are tried as well, so that they are reported like every other failed file.
    everything = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    paths = sorted(path for path in everything if not path.name.startswith("."))
    if not paths:
        console.print(f"{escape(str(folder))} holds no files.")
        raise typer.Exit(2)
    if hidden := len(everything) - len(paths):
        console.print(f"Skipping {hidden} hidden file{'s' if hidden > 1 else ''}.")
    stored = WORKPLACE / "sandbox"
    shutil.rmtree(stored, ignore_errors=True)
    try:
        with Sandbox(stored, port=free_port()) as sandbox:
            results, seconds = anyio.run(upload_all, paths, sandbox, console)
            show(console, folder, results, seconds)
            if sys.stdout.isatty():
                keep_open(console, sandbox)
    except ImgwireError as error:  # of the whole job, for example because the disk is full
        console.print(f"[red]{type(error).__name__}[/red]: {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if all(isinstance(result, Image) for result in results.values()) else 1)


async def upload_all(
    paths: list[Path], sandbox: Sandbox, console: Console
) -> tuple[dict[Path, Image | ImgwireError], float]:
    """Store the files as a bulk job, and wait until the service has processed them."""
    progress = Progress(
        TextColumn("Uploading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    results: dict[Path, Image | ImgwireError] = {}
    async with (
        AsyncImgwireClient(api_key=sandbox.server_key, base_url=sandbox.base_url) as imgwire,
        # The files instead of the folder, because a job over a folder skips files that are not images.
        imgwire.ingest(paths, concurrency=CONCURRENCY, wait_ready=True, purpose="demo") as job,
    ):
        with progress:
            bar = progress.add_task("", total=len(paths))
            async for outcome in job:
                progress.advance(bar)
                assert isinstance(outcome, Stored | Failed)
                assert outcome.item is not None
                assert isinstance(outcome.item.source, Path)
                results[outcome.item.source] = outcome.image if isinstance(outcome, Stored) else outcome.error
    return results, job.report.seconds


def keep_open(console: Console, sandbox: Sandbox) -> None:
    """Keep the gallery open until Ctrl-C."""
    console.print(f"Gallery: [bold]{sandbox.base_url}/[/bold] (Ctrl-C to stop)")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("\nStopped.")


def free_port() -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            return 0
    return PORT


def show(console: Console, folder: Path, results: dict[Path, Image | ImgwireError], seconds: float) -> None:
    table = Table(title=f"Images of {escape(str(folder))}", title_justify="left")
    for heading in ("name", "type"):
        table.add_column(heading)
    for heading in ("pixels", "bytes"):
        table.add_column(heading, justify="right")
    table.add_column("status")
    if console.width >= ROOM_FOR_URLS:
        table.add_column("CDN URL", overflow="fold")
    problems = []
    count = size = 0
    for path, result in sorted(results.items()):
        name = escape(shown(path.relative_to(folder)))
        if isinstance(result, Image):
            count += 1
            size += result.size_bytes
            pixels = f"{result.width} × {result.height}"
            row = [name, result.mime_type, pixels, f"{result.size_bytes:,}", result.status, result.cdn_url]
        else:
            row = [name, "", "", size_of(path), "[red]FAILED[/red]", ""]
            problems.append(f"[red]{name}[/red]: {type(result).__name__}: {escape(result.message)}")
        table.add_row(*row[: len(table.columns)])
    console.print(table)
    for problem in problems:
        console.print(problem, soft_wrap=True)
    console.print(
        f"{count} of {len(results)} images, {size:,} bytes, {seconds:.1f} s, {count / seconds:.1f} images/s"
    )
    if not sys.stdout.isatty():
        console.print(f"To see them: .venv/bin/imgwire-async sandbox --folder {WORKPLACE.name}/sandbox")


def shown(path: Path) -> str:
    """The path in printable form: without invalid UTF-8, line breaks and control characters."""
    text = os.fsencode(path).decode(errors="replace")
    return text if text.isprintable() else repr(text)[1:-1]


def size_of(path: Path) -> str:
    try:
        return f"{path.stat().st_size:,}"
    except OSError:
        return ""


def photographs() -> Path:
    """A folder with real photographs in eight formats, made on first use."""
    folder = WORKPLACE / "photographs"
    if folder.is_dir():
        return folder
    package = importlib.util.find_spec("skimage")
    shipped = (Path(package.origin).parent if package and package.origin else UNPACKED / "skimage") / "data"
    register_heif_opener()
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for source, target in PHOTOGRAPHS.items():
        convert(shipped / source, unfinished / target)
    unfinished.rename(folder)
    shutil.rmtree(UNPACKED, ignore_errors=True)
    return folder


def convert(original: Path, target: Path) -> None:
    if target.suffix == original.suffix:
        shutil.copyfile(original, target)
    elif target.suffix in {".heic", ".bmp"}:  # which the binary pyvips cannot write
        with PillowImage.open(original) as photograph:
            photograph.save(target)
    else:
        pyvips.Image.new_from_file(str(original)).write_to_file(str(target))


if __name__ == "__main__":
    typer.run(main)
