"""Reports: waiting for them and downloading their files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from imgwire_async.errors import (
    DeadlineExceededError,
    DownloadRejectedError,
    DownloadTargetError,
    InvalidArgumentError,
)
from imgwire_async.imgix import AsyncImgixClient
from tests.imgix.scripted import Reply, Script, client_of, resource

GET = "GET /api/v1/reports/r-1"


def report(script: Script, *files: str, **attributes: Any) -> dict[str, Any]:
    urls = [script.base_url + file for file in files]
    return resource("reports", "r-1", completed=True, report_type="cdn_logs", files=urls, **attributes)


async def test_waiting_ends_when_a_report_is_complete(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(GET, resource("reports", "r-1", completed=False), report(script, "/a.csv"))

    done = await imgix.reports.wait("r-1")

    assert (done.completed, done.report_type, len(script.seen)) == (True, "cdn_logs", 2)


async def test_waiting_for_a_report_times_out(script: Script) -> None:
    script.on(GET, resource("reports", "r-1", completed=False))

    async with client_of(script) as imgix:
        with pytest.raises(DeadlineExceededError, match="r-1"):
            await imgix.reports.wait("r-1", timeout=0.3)


async def test_the_files_of_a_report_are_fetched_without_the_key(
    script: Script, imgix: AsyncImgixClient, tmp_path: Path
) -> None:
    script.on(GET, report(script, "/one/part.csv?sig=t0psecret", "/two/part.csv", "/%2e%2e%2f.csv"))
    for path in ("/one/part.csv", "/two/part.csv", "/%2e%2e%2f.csv"):
        script.on(f"GET {path}", Reply(200, content=path.encode()))

    files = await imgix.reports.download("r-1", to=tmp_path / "reports")

    assert [file.path and file.path.name for file in files] == ["part.csv", "part-2.csv", "csv"]
    assert (tmp_path / "reports" / "part-2.csv").read_bytes() == b"/two/part.csv"
    assert all("authorization" not in request.headers for request in script.seen[1:])
    with pytest.raises(DownloadTargetError):
        await imgix.reports.download("r-1", to=tmp_path / "reports")
    await imgix.reports.download("r-1", to=tmp_path / "reports", overwrite=True)


async def test_a_link_that_has_expired_is_replaced(
    script: Script, imgix: AsyncImgixClient, tmp_path: Path
) -> None:
    script.on(GET, report(script, "/old.csv"), report(script, "/new.csv"))
    script.on("GET /old.csv", Reply(403, content=b""))
    script.on("GET /new.csv", Reply(200, content=b"a,b"))

    await imgix.reports.download("r-1", to=tmp_path)

    assert (tmp_path / "old.csv").read_bytes() == b"a,b"


async def test_a_file_that_is_not_available_leaves_nothing(
    script: Script, imgix: AsyncImgixClient, tmp_path: Path
) -> None:
    script.on(GET, report(script, "/a.csv"))
    script.on("GET /a.csv", Reply(404, content=b""))

    with pytest.raises(DownloadRejectedError) as caught:
        await imgix.reports.download("r-1", to=tmp_path)

    assert caught.value.operation == "reports.download"
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - of a test


async def test_a_folder_that_cannot_be_written_is_an_error_before_any_request(
    script: Script, imgix: AsyncImgixClient, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    for to in (tmp_path / "file", f"{tmp_path}/file/", tmp_path / "file" / "below", "a\0b"):
        with pytest.raises(DownloadTargetError) as caught:
            await imgix.reports.download("r-1", to=to)
        assert caught.value.operation == "reports.download"

    assert script.asked == []
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208 - of a test


async def test_a_bucket_is_rejected_instead_of_becoming_a_folder_of_that_name(
    script: Script, imgix: AsyncImgixClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InvalidArgumentError, match="not a bucket"):
        await imgix.reports.download("r-1", to="s3://bucket/reports/")

    assert script.asked == []
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - of a test


async def test_a_report_without_files_is_rejected(
    script: Script, imgix: AsyncImgixClient, tmp_path: Path
) -> None:
    script.on(GET, report(script))

    with pytest.raises(InvalidArgumentError, match="wait until it is completed"):
        await imgix.reports.download("r-1", to=tmp_path)
