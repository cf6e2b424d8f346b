"""`imgwire-async metrics --png`: the content of the picture, and when none is written."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from PIL import Image, ImageChops
from typer.testing import CliRunner, Result

from imgwire_async.cli.app import app
from imgwire_async.cli.environment.chart import draw
from imgwire_async.models import MetricsDatasets
from imgwire_async.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[3]
Box = tuple[int, int, int, int]

BLUE = (0x3B, 0x6F, 0xB6)
ORANGE = (0xE0, 0x8B, 0x3A)
PANELS: dict[str, Box] = {
    "uploads": (0, 50, 720, 390),
    "transformations": (720, 50, 1440, 390),
    "requests": (0, 390, 720, 730),
    "transfer_bytes": (720, 390, 1440, 730),
    "storage_bytes": (0, 730, 720, 1080),
    "cache_hit_ratio": (720, 730, 1440, 1080),
}
"""Left, top, right and bottom of the charts in the picture, in pixels."""
START = datetime(2026, 10, 20, tzinfo=UTC)


def datasets(*, days: int = 30, **series: list[int]) -> MetricsDatasets:
    """Time series with one value per day; series that are not named contain zeros."""
    stamps = [(START + timedelta(days=day)).isoformat() for day in range(days)]

    def values(name: str) -> list[int]:
        return series.get(name, [0] * days)

    counted = {
        name: [{"timestamp": at, name: value} for at, value in zip(stamps, values(name), strict=False)]
        for name in ("uploads", "transformations", "requests", "transfer_bytes")
    }
    stored = [
        {"timestamp": at, "storage_bytes_current": current, "storage_bytes_added": added}
        for at, current, added in zip(stamps, values("current"), values("added"), strict=False)
    ]
    ratio = [{"label": "hit", "value": 92}, {"label": "$miss_", "value": 8}]
    return MetricsDatasets.from_dict(counted | {"storage_bytes": stored, "cache_hit_ratio": ratio})


NOTHING = MetricsDatasets.from_dict(
    {
        "uploads": [],
        "transformations": [],
        "requests": [],
        "transfer_bytes": [],
        "storage_bytes": [],
        "cache_hit_ratio": [],
    }
)


def picture(data: MetricsDatasets, interval: str = "DAILY", zone: str = "UTC") -> Image.Image:
    content = draw(data, interval, ZoneInfo(zone))
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    return Image.open(io.BytesIO(content)).convert("RGB")


def pixels(image: Image.Image, box: Box, colour: tuple[int, int, int]) -> int:
    part = image.crop(box)
    return sum(count for count, one in part.getcolors(part.width * part.height) or [] if one == colour)


def test_every_series_is_drawn_into_its_own_chart() -> None:
    empty = picture(datasets())
    for name in ("uploads", "transformations", "requests", "transfer_bytes"):
        series: dict[str, Any] = {name: [0, 1, 2] * 10}
        drawn = picture(datasets(**series))

        changed = ImageChops.difference(empty, drawn).getbbox()
        left, top, right, bottom = PANELS[name]
        assert changed is not None
        assert left <= changed[0] < changed[2] <= right, name
        assert top <= changed[1] < changed[3] <= bottom, name
        assert pixels(drawn, PANELS[name], BLUE) > 10_000


def test_the_area_is_proportional_to_the_numbers() -> None:
    steady = picture(datasets(uploads=[4] * 30))
    half_of_the_time = picture(datasets(uploads=[4] * 15 + [0] * 15))

    whole = pixels(steady, PANELS["uploads"], BLUE)
    assert pixels(half_of_the_time, PANELS["uploads"], BLUE) == pytest.approx(whole / 2, rel=0.02)


def test_stored_and_added_bytes_differ_visibly_even_if_they_are_equal() -> None:
    equal = picture(datasets(days=1, current=[5_000_000], added=[5_000_000]))

    assert pixels(equal, PANELS["storage_bytes"], BLUE) > 10_000
    assert pixels(equal, PANELS["storage_bytes"], ORANGE) > 500


def test_time_is_shown_in_the_time_zone_of_the_series() -> None:
    data = datasets(uploads=[1] * 30)

    assert ImageChops.difference(picture(data), picture(data, zone="Asia/Tokyo")).getbbox() is not None


def test_a_day_without_a_point_stays_empty_instead_of_stretching_the_day_before() -> None:
    data, gaps = datasets(uploads=[3] * 30), datasets(uploads=[3] * 30)
    gaps.uploads = gaps.uploads[:10] + gaps.uploads[20:]

    whole, less = (pixels(picture(one), PANELS["uploads"], BLUE) for one in (data, gaps))

    assert less == pytest.approx(whole * 2 / 3, rel=0.05)


@pytest.mark.parametrize(
    ("data", "interval"),
    [
        (NOTHING, "hourly"),
        (datasets(days=1, uploads=[1]), "MONTHLY"),
        (datasets(uploads=[10**15] * 30), "FORTNIGHTLY"),
    ],
    ids=["nothing at all", "one point", "large numbers"],
)
def test_the_picture_has_one_size_and_a_white_border_for_any_content(
    data: MetricsDatasets, interval: str
) -> None:
    image = picture(data, interval)

    assert image.size == (1440, 1080)
    inner = ImageChops.difference(image, Image.new("RGB", image.size, "white")).getbbox()
    assert inner is not None
    assert inner[0] >= 4
    assert inner[1] >= 4
    assert inner[2] <= 1436
    assert inner[3] <= 1076


def test_the_user_s_configuration_of_matplotlib_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "matplotlibrc").write_text("savefig.dpi: 30\nfigure.facecolor: black\n")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path))
    code = """
import sys
from zoneinfo import ZoneInfo
from imgwire_async.cli.environment.chart import draw
from tests.cli.environment.test_charts import NOTHING
sys.stdout.buffer.write(draw(NOTHING, "DAILY", ZoneInfo("UTC")))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)

    image = Image.open(io.BytesIO(run.stdout)).convert("RGB")
    assert (image.size, image.getpixel((2, 2))) == ((1440, 1080), (255, 255, 255))


Metrics = Callable[..., Result]


@pytest.fixture
def metrics(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Metrics:
    """Run `imgwire-async metrics` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, ["metrics", *arguments])


def test_the_command_shows_the_table_and_writes_the_picture(metrics: Metrics, tmp_path: Path) -> None:
    result = metrics("--png", "usage.png", "--tz", "America/Chicago", "--interval", "hourly")

    assert result.exit_code == 0, result.output
    assert "uploads" in result.stdout
    assert result.stdout.endswith(f"Chart: {tmp_path / 'usage.png'}\n")
    with Image.open(tmp_path / "usage.png") as image:
        assert (image.format, image.size) == ("PNG", (1440, 1080))
    assert list(tmp_path.iterdir()) == [tmp_path / "usage.png"]


def test_scripts_receive_the_path_on_the_last_line(metrics: Metrics, tmp_path: Path) -> None:
    result = metrics("--png", "usage.png", "--json")

    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert records[-1] == {"png": str(tmp_path / "usage.png")}
    assert records[1]["timestamp"] == datetime.fromisoformat(records[1]["timestamp"]).isoformat()


def test_an_existing_file_is_kept_unless_overwriting_is_allowed(metrics: Metrics, tmp_path: Path) -> None:
    (tmp_path / "usage.png").write_text("mine")

    refused = metrics("--png", "usage.png")
    assert (refused.exit_code, "exists" in refused.stderr) == (1, True)
    assert (tmp_path / "usage.png").read_text() == "mine"

    assert metrics("--png", "usage.png", "--overwrite").exit_code == 0
    assert (tmp_path / "usage.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("target", ["there", "missing/usage.png"])
def test_a_target_that_cannot_be_written_is_rejected_before_any_request(
    metrics: Metrics, sandbox: Sandbox, tmp_path: Path, target: str
) -> None:
    (tmp_path / "there").mkdir()

    result = metrics("--png", target, "--json")

    assert (result.exit_code, result.stdout) == (2, "")
    assert json.loads(result.stderr)["error"] == "DownloadTargetError"
    assert list(sandbox.requests) == []


def test_another_extension_is_rejected_before_any_request(metrics: Metrics, sandbox: Sandbox) -> None:
    result = metrics("--png", "usage.jpg")

    assert (result.exit_code, "the extension must be .png" in result.stderr) == (2, True)
    assert list(sandbox.requests) == []


def test_nothing_is_left_when_the_service_rejects_the_request(
    metrics: Metrics, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.once("metrics.get_datasets", status=403)

    assert metrics("--png", "usage.png").exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_time_zone_is_rejected(metrics: Metrics) -> None:
    result = metrics("--png", "usage.png", "--tz", "Mars/Olympus")

    assert (result.exit_code, "Mars/Olympus" in result.stderr) == (2, True)


def test_without_the_extra_the_message_names_what_to_install(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "imgwire_async.cli.environment.chart", raising=False)

    result = metrics("--png", "usage.png")

    assert (result.exit_code, "imgwire-async[cli,charts]" in result.stderr) == (2, True)
    assert metrics().exit_code == 0


def test_the_command_line_loads_no_chart_library_until_a_chart_is_drawn() -> None:
    code = "import sys, imgwire_async.cli.app; assert 'matplotlib' not in sys.modules"

    subprocess.run([sys.executable, "-c", code], check=True)
