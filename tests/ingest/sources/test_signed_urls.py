"""Objects that the service fetches: signed late, identified by URI, and the signature is shown nowhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from imgwire_async import (
    AlreadyStored,
    AsyncImgwireClient,
    Bucket,
    Failed,
    InvalidArgumentError,
    SourceStoreError,
    Stored,
)
from imgwire_async.sandbox import Sandbox
from imgwire_async.stores.signing import signs_here
from imgwire_async.stores.uris import ObjectUri
from tests.clients import client_of
from tests.ingest.support import counts, ingest, server_images, small_image
from tests.stores.s3_server import Failure, Request, S3Server, s3_server


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Server]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
    with s3_server() as server:
        server.objects |= {f"photos/{number:02}.png": small_image(number) for number in range(8)}
        yield server


def fetched(s3: S3Server) -> list[Request]:
    """Requests with a signed URL, which are those of the service."""
    return [request for request in s3.requests if "X-Amz-Signature" in request.query]


@pytest.mark.parametrize("processes", [1, 2])
async def test_the_service_fetches_each_object_and_the_next_run_skips_it(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path, processes: int
) -> None:
    s3.objects |= {"photos/deep/": b"", "photos/notes.txt": b"text"}
    arguments = {"journal": tmp_path / "j", "transfer": "url", "processes": processes}

    _, report = await ingest(client, s3.uri("photos/"), **arguments)
    read_here = {r.key for r in s3.requests if r.key and "X-Amz-Signature" not in r.query}
    _, again = await ingest(client, s3.uri("photos/"), **arguments)

    assert counts(report) == (8, 0, 2, 0)
    assert report.bytes_sent == 0
    assert read_here == {"photos/notes.txt"}  # its extension is not that of an image
    assert {request.key for request in fetched(s3)} == set(s3.objects) - {"photos/deep/", "photos/notes.txt"}
    assert counts(again) == (0, 8, 2, 0)
    assert len(await server_images(client)) == 8
    names = {image.original_filename for image in await server_images(client)}
    assert names == {f"{number:02}.png" for number in range(8)}


async def test_no_signature_is_kept_or_shown(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    s3.fail = lambda request: Failure(403, "AccessDenied") if request.key == "photos/03.png" else None
    caplog.set_level(logging.DEBUG)

    async with client.ingest(s3.uri("photos/"), journal=tmp_path / "j", transfer="url") as job:
        outcomes = [outcome async for outcome in job]
        await job.write_failures(tmp_path / "failed.jsonl")
        await job.write_images(tmp_path / "images.csv")
        job.report.write(tmp_path / "report.json")

    written = ("j", "failed.jsonl", "images.csv", "report.json")
    (failure,) = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert failure.key == "03.png"
    # The sandbox runs in this process and logs its own fetches.
    logged = [record.getMessage() for record in caplog.records if record.name.startswith(("imgwire", "aio"))]
    assert logged
    shown = [*logged, repr(outcomes), str(failure.error), repr(vars(failure.error))]
    kept = [(tmp_path / name).read_bytes().decode("latin-1") for name in written]
    for text in (*shown, *kept):
        assert "Signature" not in text
        assert "X-Amz" not in text
    assert json.loads((tmp_path / "failed.jsonl").read_text())["source"] == s3.uri("photos/03.png")


async def test_an_attempt_that_fails_gets_a_signature_of_its_own_under_the_same_key(
    client: AsyncImgwireClient, s3: S3Server, sandbox: Sandbox
) -> None:
    s3.objects = {"a.png": small_image(1)}
    sandbox.faults.once("images.upload_via_url", status=500)

    outcomes, report = await ingest(client, s3.uri(), transfer="url")

    assert counts(report) == (1, 0, 0, 0)
    assert report.retries == 1
    assert isinstance(outcomes[0], Stored)
    assert len(await server_images(client)) == 1


async def test_a_changed_object_becomes_another_image(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    await ingest(client, s3.uri("photos/"), journal=tmp_path / "j", transfer="url")
    s3.objects["photos/03.png"] = small_image(99)

    outcomes, _ = await ingest(client, s3.uri("photos/"), journal=tmp_path / "j", transfer="url")

    assert [outcome.key for outcome in outcomes if not isinstance(outcome, AlreadyStored)] == ["03.png"]


async def test_each_transfer_recognises_what_the_other_has_stored(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path
) -> None:
    await ingest(client, s3.uri("photos/"), journal=tmp_path / "j", transfer="url")
    _, report = await ingest(client, s3.uri("photos/"), journal=tmp_path / "j")

    assert counts(report) == (0, 8, 0, 0)


async def test_an_attempt_with_unknown_result_keeps_its_key_if_the_transfer_changes(
    client: AsyncImgwireClient, s3: S3Server, tmp_path: Path, sandbox: Sandbox
) -> None:
    s3.objects = {"a.png": small_image(1)}
    sandbox.faults.always("images.upload_via_url", status=400)
    sandbox.faults.always("images.create", status=400)
    keys = []
    for transfer in ("url", "bytes", "url"):
        (outcome,), _ = await ingest(client, s3.uri(), journal=tmp_path / "j", transfer=transfer)
        assert isinstance(outcome, Failed)
        keys.append(outcome.error.idempotency_key)

    assert keys[0] is not None
    assert len(set(keys)) == 1


async def test_a_named_object_that_no_longer_exists_fails_alone(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    items = [s3.uri(key) for key in ("photos/00.png", "photos/gone.png")]

    outcomes, report = await ingest(client, items, transfer="url")

    assert counts(report) == (1, 0, 0, 1)
    (error,) = [outcome.error for outcome in outcomes if isinstance(outcome, Failed)]
    assert isinstance(error, SourceStoreError)
    assert error.reason == "missing"


async def test_bytes_are_sent_with_a_warning_where_signing_would_cost_requests(
    client: AsyncImgwireClient, s3: S3Server
) -> None:
    bucket = Bucket("s3://photos/photos/", options=s3.options | {"skip_signature": "true"})

    _, report = await ingest(client, bucket, transfer="url")

    assert counts(report) == (8, 0, 0, 0)
    assert not fetched(s3)
    assert any("every signed URL would cost a request" in line for line in report.limits)


def test_it_works_on_trio(sandbox: Sandbox, s3: S3Server) -> None:
    async def main() -> None:
        async with client_of(sandbox) as client:
            _, report = await ingest(client, s3.uri("photos/"), transfer="url")
            assert counts(report) == (8, 0, 0, 0)

    anyio.run(main, backend="trio")


async def test_a_single_object_is_fetched_by_its_uri(client: AsyncImgwireClient, s3: S3Server) -> None:
    image = await client.images.upload_via_url(s3.uri("photos/03.png"), wait=True)

    assert (image.status, image.original_filename) == ("READY", "03.png")
    assert [request.key for request in fetched(s3)] == ["photos/03.png"]


async def test_options_that_need_the_content_exclude_it(client: AsyncImgwireClient, s3: S3Server) -> None:
    for arguments in ({"checksum": True}, {"dedupe": "content"}):
        with pytest.raises(InvalidArgumentError, match="transfer"):
            await ingest(client, s3.uri(), transfer="url", **arguments)
    with pytest.raises(InvalidArgumentError, match="transfer"):
        await ingest(client, s3.uri(), transfer="magic")


def test_signing_is_local_only_with_an_access_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_KEY", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    account = tmp_path / "account.json"
    account.write_text(json.dumps({"private_key": "-----BEGIN"}))
    user = tmp_path / "user.json"
    user.write_text(json.dumps({"type": "authorized_user"}))
    s3, gs, az = (ObjectUri.of(f"{scheme}://b/k") for scheme in ("s3", "gs", "az"))

    assert signs_here(s3)
    assert not signs_here(s3, {"aws_skip_signature": "true"})
    assert not signs_here(gs)
    assert signs_here(gs, {"service_account": str(account)})
    assert signs_here(gs, {"google_service_account_key": account.read_text()})
    without_oauth = json.dumps({"private_key": "-----BEGIN", "disable_oauth": True})
    assert not signs_here(gs, {"service_account_key": without_oauth})
    assert not signs_here(gs, {"service_account": str(user)})
    assert not signs_here(gs, {"service_account": str(tmp_path / "gone.json")})
    assert not signs_here(az, {"sas_token": "sig=x"})
    assert signs_here(az, {"account_key": "x"})
    assert signs_here(az, {"azure_storage_account_key": "x"})
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
    assert signs_here(gs)
