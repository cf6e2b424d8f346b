"""Values that cannot be sent or stored: each fails its own item in every run, and no other item."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgwire_async import AsyncImgwireClient, Failed, IngestItem, InvalidArgumentError
from imgwire_async.ingest.items import key_of, key_text, raw_text
from imgwire_async.sandbox import Sandbox
from tests.hangs import HANGS
from tests.ingest.support import folder_of, ingest, server_images, small_image

DEEP: list[Any] = []
for _ in range(5000):
    DEEP = [DEEP]
CIRCULAR: dict[str, Any] = {}
CIRCULAR["self"] = CIRCULAR


class FailingMapping(Mapping[str, Any]):
    """Metadata that raises when it is read."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __getitem__(self, name: str) -> Any:
        raise self._error

    def __iter__(self) -> Iterator[str]:
        raise self._error

    def __len__(self) -> int:
        return 1


class FailingPath:
    """A path whose `__fspath__` raises."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __fspath__(self) -> str:
        raise self._error


ODD_ITEMS: dict[str, Any] = {
    "surrogate in a URL": IngestItem("https://example.com/\ud800.png"),
    "surrogate of a byte in a URL": IngestItem("https://example.com/\udcff.png"),
    "NUL in a URL": IngestItem("https://example.com/\0.png"),
    "URL of nothing": IngestItem("https://"),
    "broken IPv6": IngestItem("http://[::1.png"),
    "port that is none": IngestItem("http://example.com:99999999/a.png"),
    "surrogate in a path": IngestItem("\ud800.png"),
    "NUL in a path": IngestItem("a\0.png"),
    "long path": IngestItem("a" * 5000),
    "empty path": IngestItem("", key="nothing"),
    "surrogate in a key": IngestItem("missing.png", key="\ud800"),
    "number as a key": IngestItem("missing.png", key=7),  # type: ignore[arg-type]
    "list as a name": IngestItem("missing.png", file_name=[1]),  # type: ignore[arg-type]
    "bytes as a type": IngestItem("missing.png", mime_type=b"image/png"),  # type: ignore[arg-type]
    "object as a purpose": IngestItem("missing.png", purpose=object()),  # type: ignore[arg-type]
    "text as metadata": IngestItem("missing.png", custom_metadata="a=b"),  # type: ignore[arg-type]
    "deep metadata": IngestItem("missing.png", custom_metadata={"deep": DEEP}),  # type: ignore[dict-item]
    "circular metadata": IngestItem("missing.png", custom_metadata=CIRCULAR),
    "number of 5,000 digits": IngestItem(small_image(1), "digits", custom_metadata={"n": 10**5000}),
    "not a number": IngestItem(small_image(2), "nan", custom_metadata={"n": float("nan")}),
    "infinity": IngestItem(small_image(3), "inf", custom_metadata={"n": float("inf")}),
    "names of two types": IngestItem(small_image(4), "mixed", custom_metadata={1: 1, "a": 2}),  # type: ignore[dict-item]
    "metadata that fail": IngestItem("missing.png", custom_metadata=FailingMapping(ValueError("broken"))),
    "metadata that are cancelled": IngestItem(
        "missing.png", "cancelled", custom_metadata=FailingMapping(asyncio.CancelledError())
    ),
    "metadata that close": IngestItem("missing.png", "exit", custom_metadata=FailingMapping(GeneratorExit())),
    "path that is cancelled": FailingPath(asyncio.CancelledError()),
    "path that closes": FailingPath(GeneratorExit()),
    "number in place of an item": 7,
    "nothing in place of an item": None,
    "bytes without a key": b"bytes",
    "bytes in an item without a key": IngestItem(b"bytes"),
    "surrogate in a purpose": IngestItem(small_image(6), "purpose", purpose="\ud800"),
    "surrogate in metadata": IngestItem(small_image(7), "metadata", custom_metadata={"\ud800": "\udcff"}),
    "unknown type": IngestItem(small_image(5), "type", mime_type="image/\ud800"),
}


@pytest.mark.parametrize("processes", [1, 2])
async def test_each_fails_alone_and_again_in_the_next_run(
    client: AsyncImgwireClient, tmp_path: Path, processes: int
) -> None:
    good = [IngestItem(small_image(100 + number), f"good {number}") for number in range(4)]
    items = [*good[:2], *ODD_ITEMS.values(), *good[2:]]
    for stored, already in ((4, 0), (0, 4)):
        outcomes, report = await ingest(client, items, journal=tmp_path / "j", processes=processes)
        assert (report.stored, report.already_stored) == (stored, already)
        assert sum(isinstance(one, Failed) for one in outcomes) == len(ODD_ITEMS)
        assert report.failed == len(ODD_ITEMS)
    assert len(await server_images(client)) == 4


async def test_reports_and_lists_can_be_written_for_any_items(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    items = [IngestItem(small_image(100), "good \udcff"), *ODD_ITEMS.values()]
    async with client.ingest(items, journal=tmp_path / "j", concurrency=8) as job:
        assert len([outcome async for outcome in job]) == len(items)
        await job.write_images(tmp_path / "images.csv")
        await job.write_failures(tmp_path / "failed.jsonl")
    str(job.report).encode()
    for name in ("report.json", "report.csv", "report.parquet"):
        job.report.write(tmp_path / name)
    (_, row) = csv.reader((tmp_path / "images.csv").read_text().splitlines())
    assert row[0] == r"good \udcff"

    lines = (tmp_path / "failed.jsonl").read_text().splitlines()
    rows = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    assert len(rows) == len(ODD_ITEMS)
    # A retry neither crashes nor stores an item without its metadata.
    _, report = await ingest(client, tmp_path / "failed.jsonl")
    assert (report.stored, report.failed) == (0, len(ODD_ITEMS))


async def test_an_item_of_an_async_source_fails_alone_as_well(client: AsyncImgwireClient) -> None:
    async def items() -> AsyncIterator[IngestItem]:
        for odd in ODD_ITEMS.values():
            yield odd
        yield IngestItem(small_image(100), "good")

    _, report = await ingest(client, items())
    assert (report.stored, report.failed) == (1, len(ODD_ITEMS))


async def test_an_item_that_the_service_cannot_read_fails_alone(client: AsyncImgwireClient) -> None:
    items = [
        IngestItem(small_image(1), "a", purpose="\ud800"),
        IngestItem(small_image(2), "b", custom_metadata={"\ud800": "\udcff"}),
        IngestItem(small_image(3), "c", file_name="\ud800.png"),
        IngestItem(small_image(4), "good"),
    ]
    outcomes, _ = await ingest(client, items)
    assert {one.key: type(one).__name__ for one in outcomes}["good"] == "Stored"


async def test_the_name_of_a_job_must_be_valid_unicode(client: AsyncImgwireClient) -> None:
    for name in ("\ud800", "", 7):
        with pytest.raises(InvalidArgumentError, match="job"):
            client.ingest(["a.png"], job=name)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
async def test_rows_of_a_manifest_fail_alone(client: AsyncImgwireClient, tmp_path: Path, suffix: str) -> None:
    folder_of(tmp_path, 2)
    rows: list[dict[str, object]] = [
        {"source": "0000.png", "custom_metadata": "{}"},
        {"source": "0001.png", "custom_metadata": "[" * 100_000},
        {"source": "0001.png", "custom_metadata": '{"n": ' + "9" * 5000 + "}"},
        {"source": "0001.png", "custom_metadata": '{"n": NaN}'},
        {"source": "0001.png", "custom_metadata": '{"n": [1]}'},
        {"source": "a\0.png", "custom_metadata": ""},
        {"source": "0001.png", "custom_metadata": "", "key": "good"},
    ]
    manifest = tmp_path / f"list.{suffix}"
    with manifest.open("w", newline="") as file:
        if suffix == "csv":
            table = csv.DictWriter(file, ("source", "key", "custom_metadata"))
            table.writeheader()
            table.writerows(rows)
        else:
            file.writelines(json.dumps(row) + "\n" for row in rows)
            file.write('{"source": "https://example.com/\\ud800.png"}\n{"source": [[[]]]}\n')
            file.write("[" * 100_000 + "\n" + '{"source": "0001.png", "key": ' + "9" * 5000 + "}\n")
            file.write('{"source": "0001.png", "key": [[1]]}\n{"source": "0001.png", "purpose": {"a": 1}}\n')
    outcomes, report = await ingest(client, manifest, journal=tmp_path / "j")
    again, second = await ingest(client, manifest, journal=tmp_path / "j")
    assert {one.key for one in outcomes if not isinstance(one, Failed)} >= {
        str(tmp_path / "0000.png"),
        "good",
    }
    assert report.failed == second.failed >= 5
    assert len(again) == len(outcomes)


@pytest.mark.skipif(sys.platform != "linux", reason="names that are not UTF-8")
async def test_an_unusual_file_name_has_its_own_key(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    names = [b"\xff.png", rb"\udcff.png", rb"\u005cudcff.png", b"\xed\xb3\xbf.png", rb"back\slash.png"]
    for number, name in enumerate(names):
        write(folder / os.fsdecode(name), number)
    outcomes, report = await ingest(client, folder, journal=tmp_path / "j")
    assert report.stored == len(names)
    assert {one.key for one in outcomes} == {
        r"\udcff.png",
        r"\u005cudcff.png",
        r"\u005cu005cudcff.png",
        r"\udced\udcb3\udcbf.png",
        r"back\slash.png",
    }
    _, report = await ingest(client, folder, journal=tmp_path / "j")
    assert report.already_stored == len(names)

    sandbox.faults.always("images.create", status=422)
    async with client.ingest(folder, concurrency=8) as job:
        keys = {one.key async for one in job}
        await job.write_failures(tmp_path / "failed.jsonl")
    sandbox.faults.clear()
    outcomes, report = await ingest(client, tmp_path / "failed.jsonl")
    assert ({one.key for one in outcomes}, report.stored) == (keys, len(names))


def write(path: Path, number: int) -> None:
    path.write_bytes(small_image(number))


anything = st.text(st.characters(codec=None), max_size=8)
escapes = st.lists(
    st.sampled_from(["\\", "u005c", "udcff", "ud8", "00", "\udcff", "\ud800", "a"]), max_size=8
)


@given(anything | escapes.map("".join))
def test_every_string_has_its_own_key_and_can_be_restored_from_it(text: str) -> None:
    key_text(text).encode()
    assert raw_text(key_text(text)) == text


@given(st.text(max_size=20).filter(lambda text: "\\" not in text))
def test_an_ordinary_string_is_its_own_key(text: str) -> None:
    assert key_text(text) == text
    assert key_of(IngestItem("a", text)) == text


def test_windows_paths_are_their_own_keys() -> None:
    assert key_text(r"C:\photos\upload\u.png") == r"C:\photos\upload\u.png"


def test_the_command_prints_unusual_names(sandbox: Sandbox, tmp_path: Path) -> None:
    rows = '{"source": "\\ud800.png"}\n{"source": "https://\\udcff/a.png", "key": "\\udcff"}\n'
    environment = os.environ | {
        "IMGWIRE_API_KEY": sandbox.server_key,
        "IMGWIRE_API_BASE_URL": sandbox.base_url,
    }
    for option in ("--json", "--dry-run"):
        run = subprocess.run(
            [sys.executable, "-c", "from imgwire_async.cli import main; main()", "ingest", "-", option],
            input=rows,
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=HANGS,
        )
        assert "Traceback" not in run.stderr
        assert run.returncode == 1, run.stderr
