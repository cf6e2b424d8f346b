"""Moves photographs from a local imgix to a local Imgwire, rewrites templates, and compares the pictures.

Started by `scripts/demo migrate`. Prints each command and runs it; its files are kept in `.demo/migration`.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import typer
from demo import WORKPLACE, photographs
from PIL import Image, ImageOps
from pillow_heif import register_heif_opener
from rich.console import Console

from imgwire_async.sandbox import ImgixSandbox, Sandbox

PHOTOGRAPHS = 60
URLS = 300
HOST = "https://shop.imgix.net"
SIDES = (720, 600)  # pixels of a photograph at most
LEFT_OPEN = 6
"""URLs that cannot be translated: some are completed by a template, some show files that no longer exist."""

# Parameters that shops use. The last four have no exact counterpart, the last one none at all.
PARAMETERS = (
    *("w=400", "w=800&auto=format", "w=400&h=300&fit=crop", "w=320&dpr=2&q=60", "w=600&fit=max&fm=webp"),
    *(
        "w=300&h=200&fit=fill&bg=fff",
        "rect=20,20,240,180&w=160",
        "h=240&flip=h",
        "w=240&h=240&fit=crop&crop=top",
    ),
    *("w=500&auto=format,compress", "w=200&h=200&fit=facearea", "w=480&sat=-40", "w=640&trim=auto"),
)
SUBJECTS = ("rocket", "galaxy", "portrait", "motorcycle", "cat", "coffee", "coins", "camera")
SEASONS = ("spring", "summer", "autumn", "winter")


def main() -> None:
    """Move photographs from a local imgix to a local Imgwire, from the survey to the verification."""
    console = Console() if sys.stdout.isatty() else Console(width=220)
    try:
        shown = photographs()
    except FileNotFoundError:
        console.print("The photographs are not installed. Run scripts/demo migrate.")
        raise typer.Exit(2) from None
    raise typer.Exit(0 if migrate(console, shown, WORKPLACE / "migration") else 1)


def migrate(
    console: Console, originals: Path, folder: Path, *, count: int = PHOTOGRAPHS, urls: int = URLS
) -> bool:
    """Run all steps in a folder, which is emptied before; whether all of them succeeded."""
    start = perf_counter()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with (
        ImgixSandbox(deployment_delay=0, indexing_delay=0) as imgix,
        Sandbox(folder / "imgwire") as imgwire,
    ):
        paths = fill(imgix, originals, count)
        written = write_templates(folder / "templates", paths, urls)
        write_log(folder / "access.log", written)
        console.print(f"{count} photographs at a local imgix, {urls} URLs in templates.")
        environment = os.environ | {
            "IMGIX_API_KEY": imgix.api_key,
            "IMGIX_API_BASE_URL": imgix.base_url,
            "IMGIX_RENDERING_BASE_URL": imgix.base_url,
            "IMGWIRE_API_KEY": imgwire.server_key,
            "IMGWIRE_API_BASE_URL": imgwire.base_url,
            "XDG_STATE_HOME": str(folder / "state"),  # the folder for the journal
        }
        succeeded = all(step(console, folder, environment, *one) for one in STEPS)
    console.print(f"\n[bold]Done in {perf_counter() - start:.0f} s[/bold]")
    for what, name in WRITTEN.items():
        if (folder / name).exists():
            console.print(f"{what}: {place(folder / name)}", soft_wrap=True)
    return succeeded


STEPS = (
    ("What is used: parameters in the access log", "survey access.log --html survey.html --top 5"),
    ("What would be moved", "run --dry-run --alt-text custom_fields.alt"),
    ("Moving", "run --alt-text custom_fields.alt --urls urls.csv --redirects nginx=redirects.conf"),
    ("What would be rewritten", "rewrite templates --urls urls.csv", "rewrite.diff"),
    ("Rewriting", "rewrite templates --urls urls.csv --write --no-diff"),
    (
        "Comparing the pictures of both",
        "verify --urls urls.csv --variants w=320&h=240&fit=crop,w=200&h=200&fit=facearea",
    ),
)
"""Title, command, and the file for what the command prints, if any."""
WRITTEN = {
    "Survey": "survey.html",
    "Old and new URLs": "urls.csv",
    "Redirects": "redirects.conf",
    "Changes of the templates": "rewrite.diff",
    "Report with all pictures": "verification/index.html",
}


def step(
    console: Console, folder: Path, environment: dict[str, str], title: str, command: str, to: str = ""
) -> bool:
    """Run one command in the folder; whether it succeeded."""
    arguments = ["migrate", *command.split()]
    line = " ".join(f"'{one}'" if "&" in one else one for one in ["imgwire-async", *arguments])
    console.print(f"\n[bold]{title}[/bold]")
    console.print(f"$ {line}{f' > {to}' if to else ''}", soft_wrap=True, markup=False, highlight=False)
    sys.stdout.flush()
    with (folder / to if to else Path(os.devnull)).open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "imgwire_async.cli", *arguments],
            cwd=folder,
            env=environment,
            stdout=file if to else None,
            stderr=sys.stdout.fileno(),
            check=False,
        )
    return done.returncode == 0


def place(path: Path) -> str:
    """A path relative to the folder from which the demo was started."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def fill(imgix: ImgixSandbox, originals: Path, count: int) -> list[str]:
    """Put photographs with metadata into a source of imgix; their paths."""
    register_heif_opener()
    source = imgix.add_source("shop")
    files = itertools.cycle(sorted(originals.iterdir()))
    paths = []
    for number, file in zip(range(count), files, strict=False):
        subject, season = SUBJECTS[number % len(SUBJECTS)], SEASONS[number % len(SEASONS)]
        extension = "png" if number % 10 == 9 else "jpg"
        path = f"/{season}/{subject}-{number:03}.{extension}"
        imgix.add_file(
            source,
            path,
            photograph(file, number, "PNG" if extension == "png" else "JPEG"),
            name=f"{subject.title()} {number}",
            description=f"A {subject} of the {season} collection",
            categories=[season, "demo"],
            tags={subject: 0.97, "studio": 0.61} if number % 3 == 0 else None,
            custom_fields={"alt": f"A {subject}", "sku": f"SKU-{number:05}", "price": number + 0.5},
        )
        paths.append(path)
    imgix.add_file(source, "/manual.pdf", b"%PDF-1.4\n%%EOF\n", name="A manual, which is not an image")
    return paths


def photograph(file: Path, number: int, format: str) -> bytes:
    """A part of a photograph that differs with its number."""
    with Image.open(file) as opened:
        picture = ImageOps.contain(opened.convert("RGB"), SIDES)
    cut = number // 11 * 9  # pixels on each side
    picture = picture.crop((cut, cut, picture.width - cut, picture.height - cut))
    if number % 2:
        picture = ImageOps.mirror(picture)
    target = io.BytesIO()
    picture.save(target, format, quality=88)
    return target.getvalue()


def write_templates(folder: Path, paths: list[str], count: int) -> list[str]:
    """Write templates of several kinds that contain this many URLs of imgix; the URLs."""
    folder.mkdir()
    urls = [
        f"{HOST}{path}?{parameters}"
        for path, parameters in itertools.islice(
            zip(itertools.cycle(paths), itertools.cycle(PARAMETERS), strict=False), count - LEFT_OPEN
        )
    ]
    parts = [urls[at::5] for at in range(5)]
    pages = {
        "index.html": "\n".join(images(parts[0])),
        "shop.css": "\n".join(f".tile-{at} {{ background: url({url}) }}" for at, url in enumerate(parts[1])),
        "products.json": json.dumps({"images": parts[2]}, indent=1).replace("/", "\\/"),
        "catalogue.md": "\n\n".join(f'![Photograph]({url} "Enlarge")' for url in parts[3]),
        "Gallery.jsx": "\n".join(f'<img src={{"{url}"}} alt="" />' for url in parts[4]),
        "product.html.erb": "\n".join(
            f'<img src="{HOST}{path}?w=<%= width %>">' for path in paths[: LEFT_OPEN // 2]
        ),
        "archive.html": "\n".join(
            f'<img src="{HOST}/gone/{at}.jpg?w=400">' for at in range(LEFT_OPEN - LEFT_OPEN // 2)
        ),
    }
    for name, text in pages.items():
        (folder / name).write_text(f"{text}\n", encoding="utf-8")
    return urls


def images(urls: list[str]) -> Iterator[str]:
    """HTML with the URLs: two of three in a `srcset`."""
    for at in range(0, len(urls), 3):
        first, *others = (url.replace("&", "&amp;") for url in urls[at : at + 3])
        srcset = ", ".join(f"{url} {density}x" for density, url in enumerate(others, 2))
        yield f'<img src="{first}" srcset="{srcset}" alt="">'


def write_log(file: Path, urls: list[str]) -> None:
    """Write an access log in which some URLs are requested more often than others."""
    requests = (url.removeprefix(HOST) for at, url in enumerate(urls) for _ in range(1 + 60 // (at + 1)))
    file.write_text(
        "".join(
            f'203.0.113.{at % 250} - - [28/Nov/2026:10:00:00 +0000] "GET {request} HTTP/1.1" 200 5120\n'
            for at, request in enumerate(requests)
        ),
        encoding="utf-8",
    )


if __name__ == "__main__":
    typer.run(main)
