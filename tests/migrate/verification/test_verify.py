"""A verification compares real pictures of both local services, resumes, and writes a report."""

from __future__ import annotations

import asyncio
import csv
import json
import math
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import pyvips
from anyio import to_thread
from typer.testing import CliRunner

from imgwire_async.cli.app import app
from imgwire_async.errors import InvalidArgumentError, UnexpectedCancellationError
from imgwire_async.migrate import Asset, Compared, UrlRow, VerificationReport, verify_urls
from imgwire_async.migrate.verification import comparing
from imgwire_async.migrate.verification.delivery import imgix_address
from imgwire_async.migrate.verification.pairs import sampled, variants_of
from imgwire_async.migrate.verification.results import Results
from imgwire_async.sandbox import ImgixSandbox, Sandbox
from tests.hangs import HANGS
from tests.migrate.verification.photographs import BothServices

FEW = ("small.png", "cut-out.webp")


@pytest.fixture(scope="module")
def both() -> Iterator[BothServices]:
    with Sandbox() as imgwire, ImgixSandbox(deployment_delay=0, indexing_delay=0, session_delay=0) as imgix:
        services = BothServices(imgix, imgwire, FEW)
        yield services
        services.close()


@pytest.fixture
def urls(both: BothServices, tmp_path: Path) -> Path:
    path = tmp_path / "urls.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("old_url", "cdn_url", "width", "height", "mime_type"))
        for key, asset in both.assets.items():
            table.writerow((f"https://{key}", asset.image, asset.width, asset.height, asset.mime_type))
    return path


async def verify(both: BothServices, urls: Path, **options: Any) -> VerificationReport:
    given: dict[str, Any] = {"rendering_base_url": both.imgix.base_url, **options}
    return await verify_urls(urls, urls.parent / "report", **given)


def results(urls: Path) -> list[dict[str, Any]]:
    return list(map(json.loads, (urls.parent / "report" / "results.jsonl").read_text().splitlines()))


async def test_exact_translations_must_agree_and_others_are_shown(both: BothServices, urls: Path) -> None:
    found = await verify(both, urls, variants=["w=60&h=60&fit=crop", "w=90&blur=60", "w=90&trim=auto", ""])

    assert dict(found.counts) == {"agrees": 4, "approximate": 2, "unsupported": 2}
    assert found.is_within_tolerance
    blurred = next(one for one in results(urls) if "blur" in one["variant"])
    assert (blurred["parameters"], blurred["old_size"]) == (["w", "blur"], [90, blurred["old_size"][1]])
    assert "blur: " in blurred["findings"][0]


async def test_lossy_formats_are_compared_by_size_and_their_pixels_as_png(
    both: BothServices, urls: Path
) -> None:
    found = await verify(both, urls, variants=["w=90&fm=jpg&q=1"])

    assert found.is_within_tolerance
    assert {(one["old_type"], one["new_type"], one["mean"] < 1) for one in results(urls)} == {
        ("image/jpeg", "image/jpeg", True)
    }


async def test_a_url_with_a_lone_surrogate_fails_alone(both: BothServices, urls: Path) -> None:
    rows = [{"old_url": "https://shop.imgix.net/\ud800.png", "cdn_url": "http://127.0.0.1:1/x"}]
    listed = urls.with_suffix(".jsonl")
    listed.write_text("".join(json.dumps(row) + "\n" for row in rows))

    found = await verify(both, listed)

    assert dict(found.counts) == {"failed": 1}
    assert "\\ud800.png" in found.page.read_text()


async def test_a_difference_is_out_of_tolerance(both: BothServices, urls: Path) -> None:
    text = await to_thread.run_sync(urls.read_text)
    small, cut_out = (both.assets[f"shop.imgix.net/{name}"].image for name in FEW)
    swapped = text.replace(small, "?").replace(cut_out, small).replace("?", cut_out)
    await to_thread.run_sync(urls.write_text, swapped)

    found = await verify(both, urls, variants=["w=50&h=50&fit=scale", "w=50"])

    assert dict(found.counts) == {"differs": 4}
    assert not found.is_within_tolerance
    page = found.page.read_text()
    assert "the sizes differ" in page
    assert "the pixels differ" in page


async def test_an_image_that_cannot_be_fetched_is_a_failure_and_is_retried(
    both: BothServices, urls: Path
) -> None:
    good = await to_thread.run_sync(urls.read_text)
    missing = f"https://shop.imgix.net/missing.jpg,{both.assets['shop.imgix.net/small.png'].image},,,\n"
    await to_thread.run_sync(urls.write_text, good + missing)
    compared: list[Compared] = []

    first = await verify(both, urls, variants=["w=50"])
    second = await verify(both, urls, variants=["w=50"], on_compared=compared.append)

    assert dict(first.counts) == dict(second.counts) == {"agrees": 2, "failed": 1}
    assert not first.is_within_tolerance
    assert second.reused == 2
    assert [one.old_url for one in compared] == ["https://shop.imgix.net/missing.jpg?w=50"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize(
    ("raised", "expected"),
    [(asyncio.CancelledError(), UnexpectedCancellationError), (KeyError("x"), KeyError)],
    ids=["cancelled", "failed"],
)
def test_a_run_whose_hook_fails_ends_with_that_error(
    both: BothServices,
    urls: Path,
    backend: str,
    concurrency: int,
    raised: BaseException,
    expected: type[BaseException],
) -> None:
    first = True

    def hook(_: Compared) -> None:
        nonlocal first
        if first:
            first = False
            raise raised

    async def main() -> None:
        with anyio.fail_after(HANGS):
            widths = [f"w={width}" for width in range(10, 90, 10)]
            await verify(both, urls, variants=widths, concurrency=concurrency, on_compared=hook)

    with pytest.raises(expected):
        anyio.run(main, backend=backend)
    assert not (urls.parent / "report" / "index.html").exists()


async def test_a_report_covers_the_comparisons_of_its_run(both: BothServices, urls: Path) -> None:
    await verify(both, urls, variants=["w=50"])

    found = await verify(both, urls, variants=["w=40"])

    assert (dict(found.counts), found.reused, len(results(urls))) == ({"agrees": 2}, 0, 4)


async def test_comparisons_with_another_imgix_are_made_again(both: BothServices, urls: Path) -> None:
    await verify(both, urls, variants=["w=50"])
    with ImgixSandbox(deployment_delay=0) as empty:
        other = await verify(both, urls, variants=["w=50"], rendering_base_url=empty.base_url)
    assert (dict(other.counts), other.reused) == ({"failed": 2}, 0)

    same = await verify(both, urls, variants=["w=50"], rendering_base_url=f"{both.imgix.base_url}/")
    assert (dict(same.counts), same.reused) == ({"agrees": 2}, 2)


async def test_results_half_written_by_a_killed_process_are_compared_again(
    both: BothServices, urls: Path
) -> None:
    await verify(both, urls, variants=["w=50"])
    file = urls.parent / "report" / "results.jsonl"
    file.write_bytes(file.read_bytes()[:-9])

    found = await verify(both, urls, variants=["w=50"])

    assert (dict(found.counts), found.reused, len(results(urls))) == ({"agrees": 2}, 1, 2)


async def test_the_report_works_offline_and_without_scripts(both: BothServices, urls: Path) -> None:
    found = await verify(both, urls, variants=["w=60", "w=60&px=9", "flip=h"], shown=4)

    page = found.page.read_text()
    pictures = re.findall(r'<img src="([^"]+)"', page)
    assert len(pictures) == 12
    assert all((found.page.parent / picture).is_file() for picture in pictures)
    assert len(list((found.page.parent / "pictures").iterdir())) == 12
    assert not re.search(r"<script|<link|@import|url\(|onload|src=\"http", page)
    # Which of the equal pairs are among the four shown depends on their ids.
    names = re.findall(r'id="parameter-([^"]+)"', page)
    assert names in (["flip", "px", "w"], ["px", "w"], ["flip", "px"])
    assert "body:has(#parameter-px:checked) article:not(.p-px){display:none}" in page
    verdicts = re.findall(r'<article class="(\w+)', page)
    assert verdicts == ["approximate"] * 2 + ["agrees"] * 2
    means = [float(mean) for mean in re.findall(r"Mean difference ([\d.]+)", page)]
    assert means[:2] == sorted(means[:2], reverse=True)


@pytest.mark.parametrize(
    "options",
    [
        *({"rate": wrong} for wrong in (0, True, "3", math.nan, math.inf)),
        *({"sample": wrong} for wrong in (0, 2.5, True, "3", math.nan)),
        *({"concurrency": wrong} for wrong in (0, 2.5, True, "3", None, 10**9)),
        *({"shown": wrong} for wrong in (0, 2.5, True, "3", None)),
        *({"mean_tolerance": wrong} for wrong in (-1, True, "3", None, math.nan)),
        *({"worst_tolerance": wrong} for wrong in (-1, True, "3", None, math.nan)),
        *({"variants": wrong} for wrong in (["w=\n1"], "w=640", [3], None)),
    ],
    ids=str,
)
async def test_what_cannot_be_used_is_rejected(
    both: BothServices, urls: Path, options: dict[str, Any]
) -> None:
    (name,) = options
    asked = len(both.imgix.requests)
    with pytest.raises(InvalidArgumentError, match=name.removesuffix("s")):
        await verify(both, urls, **options)
    assert len(both.imgix.requests) == asked


@pytest.mark.parametrize("foreign", ["index.html", "results.jsonl", "folder/", "file"])
async def test_a_report_replaces_nothing_else(both: BothServices, urls: Path, foreign: str) -> None:
    folder = urls.parent / "report"
    asked = len(both.imgix.requests)
    if foreign == "file":
        folder.write_text("mine")
    elif foreign == "folder/":
        (folder / "index.html").mkdir(parents=True)
    else:
        folder.mkdir()
        (folder / foreign).write_text("mine\n")

    with pytest.raises(InvalidArgumentError, match="report must be a folder"):
        await verify(both, urls)

    assert len(both.imgix.requests) == asked
    if foreign != "folder/":
        assert (folder if foreign == "file" else folder / foreign).read_text().strip() == "mine"


async def test_pictures_that_belong_to_no_report_are_kept(both: BothServices, urls: Path) -> None:
    mine = urls.parent / "report" / "pictures" / "hero-old.webp"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")

    for _ in range(2):
        await verify(both, urls, variants=["w=50"], shown=1)

    assert mine.read_bytes() == b"mine"
    assert len(list(mine.parent.iterdir())) == 4


def test_a_disk_that_fills_up_is_reported_with_the_file(tmp_path: Path) -> None:
    kept = Results(tmp_path / "results.jsonl")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        with pytest.raises(OSError, match="too large") as raised:
            kept.add(Compared("1", "https://old", "https://new", "w=1", ("w",), "exact"))
        with pytest.raises(OSError, match="too large"):
            kept.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.filename == str(tmp_path / "results.jsonl")


async def test_the_secret_of_a_source_is_written_nowhere(both: BothServices, urls: Path) -> None:
    found = await verify(both, urls, variants=["w=50"], token="verysecret")

    assert dict(found.counts) == {"agrees": 2}
    for path in found.page.parent.rglob("*.[hj]*"):
        assert "verysecret" not in path.read_text()
        assert "&s=" not in path.read_text()


def test_a_url_of_imgix_is_signed_and_can_point_to_another_host() -> None:
    url = "https://shop.imgix.net/a.jpg"

    assert imgix_address(url, None, None) == url
    assert (
        imgix_address(f"{url}?w=5", "http://127.0.0.1:8/", None)
        == "http://127.0.0.1:8/~/shop.imgix.net/a.jpg?w=5"
    )
    assert re.fullmatch(re.escape(url) + r"\?w=5&s=[0-9a-f]{32}", imgix_address(f"{url}?w=5", None, "t"))
    assert imgix_address("//shop.imgix.net/a.jpg", None, None) == url


def test_variants_are_separated_by_commas_that_their_values_may_contain() -> None:
    assert variants_of(["w=320,w=640&h=640&fit=crop", "rect=0,0,50,50,w=9", "w=320"]) == [
        *("w=320", "w=640&h=640&fit=crop", "rect=0,0,50,50", "w=9"),
    ]


def test_a_sample_is_the_same_for_any_order_of_the_same_images() -> None:
    rows = [UrlRow(f"https://a.imgix.net/{at}", Asset(f"https://c.example/{at}")) for at in range(50)]

    first = sampled(rows, 5)

    assert len({row.old_url for row in first}) == 5
    assert sampled(reversed(rows), 5) == first


@pytest.mark.parametrize("code", [0, 1])
def test_the_exit_code_of_the_command_shows_if_anything_is_out_of_tolerance(
    both: BothServices, urls: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setenv("IMGIX_RENDERING_BASE_URL", both.imgix.base_url)
    monkeypatch.chdir(urls.parent)
    if code:
        text = urls.read_text()
        urls.write_text(text.replace("/small.png,", "/missing.png,"))
    command = ["migrate", "verify", "--urls", "urls.csv", "--variants", "w=33,flip=h", "--all"]

    result = CliRunner().invoke(app, [*command, "--json"])

    facts = json.loads(result.stdout)
    assert (result.exit_code, facts["pairs"], facts["failed"], facts["page"]) == (
        *(code, 4, 2 * code),
        "verification/index.html",
    )


def test_without_the_extra_the_command_names_what_to_install(urls: Path) -> None:
    code = "import sys; sys.modules['pyvips'] = None; from imgwire_async.cli import main; main()"

    run = subprocess.run(
        [sys.executable, "-c", code, "migrate", "verify", "--urls", str(urls)],
        capture_output=True,
        text=True,
        check=False,
        cwd=urls.parent,
    )

    assert run.returncode == 2
    assert "pip install 'imgwire-async[migrate]'" in run.stderr


@pytest.mark.parametrize("sample", [100, None])
@pytest.mark.parametrize("content", [None, "no columns\n1\n"])
async def test_a_file_of_urls_that_cannot_be_read_leaves_no_folder_behind(
    tmp_path: Path, content: str | None, sample: int | None
) -> None:
    if content is not None:
        (tmp_path / "urls.csv").write_text(content)

    with pytest.raises(InvalidArgumentError, match="cannot read"):
        await verify_urls(tmp_path / "urls.csv", tmp_path / "report", sample=sample)

    assert not (tmp_path / "report").exists()


def test_a_picture_with_billions_of_pixels_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "_MOST_PIXELS", 15)
    picture = pyvips.Image.black(4, 4).pngsave_buffer()

    with pytest.raises(ValueError, match="4 × 4 pixels are too many to compare"):
        comparing.measure(picture, picture)
