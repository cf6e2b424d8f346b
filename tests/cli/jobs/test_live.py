"""The progress display of a running job."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from imgwire_async.cli.jobs.live import LiveView
from imgwire_async.errors import UploadSourceError
from imgwire_async.ingest.results.report import Progress


def progress(**changes: object) -> Progress:
    facts: dict[str, object] = {
        "found": 1200,
        "all_found": True,
        "stored": 200,
        "already_stored": 100,
        "skipped": 0,
        "failed": 0,
        "bytes_sent": 50_000_000,
        "in_flight": 16,
        "retries": 0,
        "throttled": 0,
        "seconds": 30.0,
        "paused": None,
    }
    return Progress(**(facts | changes))  # type: ignore[arg-type]


def shown(view: LiveView, at: Progress, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(view.shown(at, width))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().splitlines()


def test_a_log_file_receives_one_line() -> None:
    assert LiveView().line(progress()) == (
        "300/1,200 items · 1.7 MB/s · 0:01:30 left · 6.7/s · 100 already stored · 16 in flight"
    )


@pytest.mark.parametrize(
    ("width", "numbers"),
    [
        (40, "1.7 MB/s · 0:01:30 left · 6.7/s"),
        (80, "1.7 MB/s · 0:01:30 left · 6.7/s · 100 already stored · 16 in flight"),
        (120, "1.7 MB/s · 0:01:30 left · 6.7/s · 100 already stored · 16 in flight"),
    ],
)
def test_a_terminal_shows_a_bar_and_the_numbers_that_fit(width: int, numbers: str) -> None:
    bar, line = shown(LiveView(), progress(), width)

    assert bar.startswith("300/1,200 ━")
    assert bar.rstrip().endswith(" 25%")
    assert len(bar.rstrip()) <= width
    assert line == numbers


@pytest.mark.parametrize("width", [40, 80, 120])
def test_pauses_pace_and_the_last_failure_have_lines_that_fit(width: int) -> None:
    view = LiveView()
    view.failed("first.jpg", UploadSourceError("cannot read 'first.jpg'"))
    view.failed("a.jpg", UploadSourceError(f"cannot read 'a.jpg': {'no such file ' * 20}"))

    *_, paused, failure = shown(view, progress(failed=2, paused="the service is unreachable"), width)
    pace = shown(view, progress(failed=2, throttled=12), width)[2]

    assert paused == "paused: the service is unreachable"
    assert failure.startswith("last failure: cannot read 'a.jpg'")
    assert len(failure) == width
    assert pace.startswith("at the service's pace: 12 requests")


def test_an_unknown_total_shows_neither_a_percentage_nor_a_time_left() -> None:
    bar, line = shown(LiveView(), progress(all_found=False), 80)

    assert bar.startswith("300/1,200+ ━")
    assert "%" not in bar
    assert "left" not in line


def test_zero_counts_are_hidden() -> None:
    nothing = progress(stored=0, already_stored=0, in_flight=0, bytes_sent=0, seconds=0.0)

    assert shown(LiveView(), nothing, 80)[1] == "0.0 MB/s · 0.0/s"


def test_the_speed_is_that_of_the_last_ten_seconds() -> None:
    view = LiveView()
    for second in range(100):
        view.line(progress(stored=second, seconds=float(second), bytes_sent=0))

    for second in range(100, 110):
        view.line(progress(stored=100 + (second - 100) * 50, seconds=float(second), bytes_sent=0))

    assert "· 50.0/s" in view.line(progress(stored=600, seconds=110.0, bytes_sent=0))


def test_file_names_cannot_control_the_terminal() -> None:
    view = LiveView()
    view.failed("\x1b[2Jx.jpg", UploadSourceError("cannot read '\x1b[2Jx.jpg'"))

    assert "\x1b" not in view.line(progress(failed=1))
