"""The command that compares the images of both services."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from imgwire_async.cli import interruptions
from imgwire_async.cli.exits import ExitCode
from imgwire_async.cli.migrate.options import DefaultsOption, UrlsOption, defaults_of
from imgwire_async.cli.output import JsonFlag, guarded, show_json
from imgwire_async.cli.streams import complain, is_terminal, note, say

if TYPE_CHECKING:
    from imgwire_async.migrate import Compared

TOKEN_VARIABLE: Final = "IMGIX_SECURE_URL_TOKEN"  # noqa: S105 - a name
RENDERING_VARIABLE: Final = "IMGIX_RENDERING_BASE_URL"


def verify(
    urls: UrlsOption,
    variants: Annotated[
        list[str] | None,
        typer.Option(
            help="imgix parameters to compare, separated by commas, e.g. 'w=320,w=640&h=640&fit=crop'; "
            "repeatable. Default: w=640."
        ),
    ] = None,
    sample: Annotated[
        int, typer.Option(min=1, help="Compare this many images, the same in every run.")
    ] = 100,
    every: Annotated[bool, typer.Option("--all", help="Compare all images.")] = False,
    report: Annotated[
        Path, typer.Option(help="Folder for the report, its images and the results so far.")
    ] = Path("verification"),
    tolerance: Annotated[
        float | None,
        typer.Option(min=0, help="Maximum mean difference, in levels of 255. Default: 1.5."),
    ] = None,
    tile_tolerance: Annotated[
        float | None,
        typer.Option(min=0, help="Maximum difference of a tile of 16 × 16 pixels. Default: 4."),
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Requests per second to each service.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Pairs to compare concurrently.")] = 8,
    shown: Annotated[int, typer.Option(min=1, help="Number of pairs in the report, the worst ones.")] = 100,
    defaults: DefaultsOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare the images of imgix and Imgwire by size, format and pixels, and write an HTML report.

    The exit code is 1 if an exact translation is out of tolerance, or a pair could not be compared. Run the
    same command again to resume. Set IMGIX_SECURE_URL_TOKEN to sign the URLs, and IMGIX_RENDERING_BASE_URL to
    the address of a local imgix. Needs the migrate extra.

    Example: imgwire-async migrate verify --urls urls.csv --variants 'w=320,w=640&h=640&fit=crop'

    Example: imgwire-async migrate verify --urls urls.csv --all --rate 20
    """

    def work() -> None:
        import functools

        from imgwire_async.migrate import verify_urls
        from imgwire_async.migrate.verification.comparing import MEAN_TOLERANCE, WORST_TOLERANCE
        from imgwire_async.migrate.verification.pairs import variants_of

        mean = MEAN_TOLERANCE if tolerance is None else tolerance
        worst = WORST_TOLERANCE if tile_tolerance is None else tile_tolerance
        numbers: Counter[str] = Counter()

        def show(result: Compared) -> None:
            verdict = result.verdict(mean, worst)
            numbers[verdict] += 1
            if verdict in {"differs", "failed"} and not as_json:
                complain(f"{result.old_url}: {'; '.join(result.problems(mean, worst))}")
            elif numbers.total() % 100 == 0 and is_terminal(sys.stderr):
                note(f"{numbers.total()} pairs compared")

        found = interruptions.run(
            functools.partial(
                verify_urls,
                urls,
                report,
                variants=variants_of(variants or ["w=640"]),
                sample=None if every else sample,
                mean_tolerance=mean,
                worst_tolerance=worst,
                rate=rate,
                concurrency=concurrency,
                shown=shown,
                default_params=defaults_of(defaults),
                token=os.environ.get(TOKEN_VARIABLE) or None,
                rendering_base_url=os.environ.get(RENDERING_VARIABLE) or None,
                on_compared=show,
            )
        )
        facts = found.to_dict()
        if as_json:
            show_json(facts)
        else:
            say(
                f"{facts['pairs']} pairs: {facts['agrees']} agree, {facts['differs']} out of tolerance, "
                f"{facts['approximate']} approximate, {facts['unsupported']} partly unsupported, "
                f"{facts['failed']} failed"
            )
            say(f"Report: {found.page}")
        if not found.is_within_tolerance:
            raise typer.Exit(ExitCode.FAILED)

    guarded(work, as_json=as_json)
