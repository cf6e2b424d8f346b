"""Output of the commands: narrow terminals, pipes, files, full disks and limited encodings."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

from imgwire_async import errors
from imgwire_async.cli.environment.metrics import metrics_table, sparkline
from imgwire_async.cli.output import guarded, records_table, show_record, show_records
from imgwire_async.imgwire.metrics_rows import Row
from imgwire_async.models import MetricsStats
from imgwire_async.sandbox import Sandbox
from tests.hangs import HANGS
from tests.sandbox.imgwire.support import eventually

MAIN = "from imgwire_async.cli import main; main()"
IMAGE = {
    "id": "01c1fa3c-c75b-4c02-bdd9-cf9e2dcacbb6",
    "status": "PENDING",
    "original_filename": "a-photograph-of-a-rocket.jpg",
    "mime_type": "image/jpeg",
    "width": 640,
    "size_bytes": 112_525,
}


def printed(table: Callable[[Console], object], width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(table(console))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def images(width: int) -> list[str]:
    return printed(lambda console: records_table([IMAGE], tuple(IMAGE), console), width)


def test_a_table_of_images_shows_all_columns_that_fit() -> None:
    assert images(200)[0].split() == list(IMAGE)


def test_a_narrow_terminal_hides_the_last_columns_and_each_image_keeps_its_line() -> None:
    header, *lines = images(80)

    assert header.split() == ["id", "status", "original_filename"]
    assert [line.split() for line in lines] == [
        [IMAGE["id"], IMAGE["status"], IMAGE["original_filename"]],
    ]


def test_a_long_name_takes_a_second_line_and_no_column_away() -> None:
    header, first, second = printed(
        lambda console: records_table([IMAGE | {"original_filename": "x" * 60}], tuple(IMAGE), console), 120
    )

    assert header.split() == list(IMAGE)
    assert "x" * 40 in first
    assert second.strip() == "x" * 20


def test_an_id_is_never_cut_off() -> None:
    assert str(IMAGE["id"])[-4:] in " ".join(images(30))


def many(count: int) -> list[dict[str, Any]]:
    return [
        IMAGE | {"original_filename": f"{number}.jpg", "size_bytes": 10 ** (number // 100)}
        for number in range(count)
    ]


def test_a_long_table_is_printed_while_it_arrives_with_one_header(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printed: list[str] = []

    def arriving() -> Iterator[dict[str, Any]]:
        for number, record in enumerate(many(250)):
            if number in {99, 100, 200}:
                printed.append(capsys.readouterr().out)
            yield record

    show_records(arriving(), tuple(IMAGE), as_json=False)

    early, first, second = printed
    lines = (first + second + capsys.readouterr().out).splitlines()
    assert early == ""
    assert [len(part.splitlines()) for part in (first, second)] == [101, 100]
    assert lines[0].split() == list(IMAGE)
    assert [line.split()[2] for line in lines[1:]] == [f"{number}.jpg" for number in range(250)]


def test_the_parts_of_a_long_table_have_the_same_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    console = Console(width=120, file=shown, color_system=None)
    monkeypatch.setattr("imgwire_async.cli.output.people", lambda: console)
    records = [
        record | {"original_filename": "x" * (130 - number // 2)} for number, record in enumerate(many(250))
    ]

    show_records(records, tuple(IMAGE), as_json=False)

    whole = [line for line in shown.getvalue().splitlines() if str(IMAGE["id"]) in line]
    assert {line.index("image/jpeg") for line in whole} == {whole[0].index("image/jpeg")}
    assert max(map(len, shown.getvalue().splitlines())) <= 120


def test_a_list_that_fails_halfway_has_shown_what_came_before(capsys: pytest.CaptureFixture[str]) -> None:
    def failing() -> Iterator[dict[str, Any]]:
        yield from many(120)
        raise errors.APIConnectionError("gone")

    with pytest.raises(errors.APIConnectionError):
        show_records(failing(), tuple(IMAGE), as_json=False)

    assert "119.jpg" in capsys.readouterr().out


def usage(width: int, points: int = 30) -> list[str]:
    value = {"value": 123_456_789_012, "prev": 98_765_432_109, "pct_change": 25.0}
    names = ("uploads", "transformations", "requests", "transfer_bytes", "cache_hit_ratio", "storage_bytes")
    stats = MetricsStats.from_dict(dict.fromkeys(names, value))
    rows: list[Row] = [{**dict.fromkeys(names, 3), "storage_bytes_current": 4} for _ in range(points)]
    return printed(lambda console: metrics_table(stats, rows, console), width)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_totals_are_never_cut_and_graphs_use_the_remaining_width(width: int) -> None:
    lines = usage(width)

    assert len(lines) == 7
    assert all("123,456,789,012" in line and "98,765,432,109" in line for line in lines[1:])
    assert all(len(line) <= width for line in lines)
    assert "…" not in "".join(lines)


def test_a_long_series_is_drawn_in_fewer_bars() -> None:
    assert sparkline([0, 0, 7, 0, 0, 0], width=3) == "▁█▁"
    assert sparkline([1] * 1000, width=40) == "█" * 40


def test_a_full_disk_is_an_error_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(typer.Exit) as ended:
        guarded(work, as_json=False)

    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == "Error: cannot write the output: No space left on device\n"


@pytest.fixture
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)
    monkeypatch.delenv("COLUMNS", raising=False)


def command(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", MAIN, *arguments], stderr=subprocess.PIPE, **options)


@pytest.mark.usefixtures("environment")
class TestAsAProcess:
    """With real pipes and signals."""

    def test_a_pipe_gets_one_line_per_image_with_everything(self, photo: Path) -> None:
        with command("upload", str(photo), "--wait", stdout=subprocess.DEVNULL) as process:
            assert process.wait() == 0

        with command("ls", stdout=subprocess.PIPE) as process:
            output, _ = process.communicate()

        (_, image) = output.decode().splitlines()
        assert "rocket.jpg" in image
        assert "image/jpeg" in image

    @pytest.mark.parametrize(
        "arguments", [["whoami"], ["metrics", "--json"], ["metrics"], ["token"]], ids=" ".join
    )
    def test_a_reader_that_stops_reading_ends_the_command_quietly(self, arguments: list[str]) -> None:
        reader, writer = os.pipe()
        os.close(reader)

        with command(*arguments, stdout=writer) as process:
            os.close(writer)
            _, complaints = process.communicate()

        assert (process.returncode, complaints) == (1, b"")

    def test_a_limited_encoding_loses_characters_and_nothing_else(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTHONIOENCODING", "ascii")

        with command("metrics", stdout=subprocess.PIPE) as process:
            output, complaints = process.communicate()

        assert (process.returncode, complaints) == (0, b"")
        assert b"uploads" in output

    def test_ctrl_c_ends_a_command_with_130_and_without_a_traceback(self, sandbox: Sandbox) -> None:
        sandbox.faults.once("images.list", stall=60)

        with command("ls", stdout=subprocess.PIPE) as process:
            eventually(lambda: sandbox.requests.of("images.list"))
            process.send_signal(signal.SIGINT)
            output, complaints = process.communicate(timeout=HANGS)

        assert (process.returncode, output, complaints) == (130, b"", b"")

    @pytest.mark.parametrize("options", [(), ("--json",)])
    def test_ctrl_c_shows_the_images_that_are_stored(
        self, sandbox: Sandbox, photo: Path, options: tuple[str, ...]
    ) -> None:
        arguments = ("upload", str(photo), "-", "--wait", *options)
        with command(*arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            eventually(lambda: sandbox.requests.of("images.retrieve"))
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=HANGS)

        assert process.returncode == 130
        image_id = sandbox.requests.of("images.retrieve")[0].path.rpartition("/")[2]
        assert image_id in output.decode()

    def test_without_uploads_there_is_no_table(self, tmp_path: Path) -> None:
        with command("upload", str(tmp_path / "missing.png"), stdout=subprocess.PIPE) as process:
            output, _ = process.communicate()

        assert (process.returncode, output) == (5, b"")


def test_a_record_without_fields_is_reported_as_done_and_as_an_empty_object(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_record({}, as_json=False)
    show_record({}, as_json=True)

    assert capsys.readouterr().out == "Done.\n{}\n"
