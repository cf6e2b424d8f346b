"""A journal belongs to a service, an environment and a source; the default path of the command."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from imgwire_async import AsyncImgwireClient, Folder, IngestItem, JournalError, Manifest
from imgwire_async.cli.app import app
from imgwire_async.cli.jobs.journals import default_journal, export_journal
from imgwire_async.core.http.urls import same_for_all_spellings
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.ingest.support import counts, folder_of, ingest, server_images, small_image

Invoke = Callable[..., Result]
COUNT = 6


@pytest.fixture(scope="module")
def second_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def other(second_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield second_sandbox
    second_sandbox.reset()


@pytest.fixture
def cli(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def invoke(*arguments: str, at: Sandbox = sandbox) -> Result:
        monkeypatch.setenv("IMGWIRE_API_KEY", at.server_key)
        monkeypatch.setenv("IMGWIRE_API_BASE_URL", at.base_url)
        return CliRunner().invoke(app, ("ingest", "--concurrency", "8", *arguments))

    return invoke


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "photos", COUNT)


def unbind(path: Path) -> None:
    """Turn a journal into one of an earlier version, which stored no binding."""
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE about")
    connection.close()


async def test_a_journal_is_not_used_for_another_service(
    client: AsyncImgwireClient, sandbox: Sandbox, other: Sandbox, photos: Path, tmp_path: Path
) -> None:
    await ingest(client, photos, journal=tmp_path / "j")
    async with client_of(other) as elsewhere:
        for dry_run in (True, False):
            with pytest.raises(JournalError, match="belongs to") as raised:
                await ingest(elsewhere, photos, journal=tmp_path / "j", dry_run=dry_run)
            assert sandbox.base_url in str(raised.value)
            assert other.base_url in str(raised.value)
            assert "use another journal" in str(raised.value)
            assert other.server_key not in str(raised.value)
        _, report = await ingest(elsewhere, photos, journal=tmp_path / "k")
        assert counts(report) == (COUNT, 0, 0, 0)
    _, report = await ingest(client, photos, journal=tmp_path / "j")
    assert counts(report) == (0, COUNT, 0, 0)


async def test_a_service_is_the_same_however_its_base_url_is_spelled(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, tmp_path: Path
) -> None:
    await ingest(client, photos, journal=tmp_path / "j")
    port = sandbox.base_url.rpartition(":")[2]
    for url in (f"{sandbox.base_url}/", f"HTTP://127.0.0.1:{port}", f"http://127.0.0.1:0{port}//"):
        async with AsyncImgwireClient(api_key=sandbox.server_key, base_url=url) as same:
            _, report = await ingest(same, photos, journal=tmp_path / "j")
        assert counts(report) == (0, COUNT, 0, 0)


@pytest.mark.parametrize("spelling", ["HTTPS://API.Example.com/v1/", "https://api.example.com:443/v1"])
def test_spellings_of_a_base_url(spelling: str) -> None:
    assert same_for_all_spellings(spelling) == "https://api.example.com/v1"


def all_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("j*"))


def with_other_credential(sandbox: Sandbox) -> AsyncImgwireClient:
    return AsyncImgwireClient(
        api_key=sandbox.session_token, base_url=sandbox.base_url, environment_id=sandbox.environment_id
    )


async def test_a_journal_is_not_used_with_a_key_that_sees_none_of_its_images(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, tmp_path: Path
) -> None:
    await ingest(client, photos, journal=tmp_path / "j")
    for image in await server_images(client):  # like another environment, which is empty
        await client.images.delete(image.id)
    async with with_other_credential(sandbox) as elsewhere:
        with pytest.raises(JournalError, match="none of them can be seen") as raised:
            await ingest(elsewhere, photos, journal=tmp_path / "j")
        with pytest.raises(JournalError, match="none of them can be seen"):
            await ingest(elsewhere, photos, journal=tmp_path / "j", dry_run=True)
    assert sandbox.environment_id in str(raised.value)
    assert sandbox.session_token not in str(raised.value)


async def test_another_environment_id_is_rejected_without_a_request(
    sandbox: Sandbox, photos: Path, tmp_path: Path
) -> None:
    def at(environment: str) -> AsyncImgwireClient:
        return AsyncImgwireClient(
            api_key=sandbox.server_key, base_url=sandbox.base_url, environment_id=environment
        )

    async with at(sandbox.environment_id) as client:
        await ingest(client, photos, journal=tmp_path / "j")
    asked = len(sandbox.requests)
    another = "00000000-0000-4000-8000-000000000000"
    async with at(another) as client:
        with pytest.raises(JournalError, match=f"{sandbox.environment_id}.*{another}"):
            await ingest(client, photos, journal=tmp_path / "j")
    assert len(sandbox.requests) == asked


async def test_a_rotated_key_of_the_same_environment_resumes(
    client: AsyncImgwireClient, sandbox: Sandbox, photos: Path, tmp_path: Path
) -> None:
    await ingest(client, photos, journal=tmp_path / "j")
    asked = len(sandbox.requests)
    _, report = await ingest(client, photos, journal=tmp_path / "j")
    assert (counts(report), len(sandbox.requests)) == (
        (0, COUNT, 0, 0),
        asked,
    )  # the same key: no request is needed
    async with with_other_credential(sandbox) as rotated:
        for _ in range(2):
            _, report = await ingest(rotated, photos, journal=tmp_path / "j")
            assert counts(report) == (0, COUNT, 0, 0)
            assert len(sandbox.requests) == asked + 1
    assert sandbox.session_token.encode() not in all_bytes(tmp_path)
    assert sandbox.server_key.encode() not in all_bytes(tmp_path)


async def test_a_journal_without_images_may_change_the_service(
    client: AsyncImgwireClient, sandbox: Sandbox, other: Sandbox, photos: Path, tmp_path: Path
) -> None:
    sandbox.faults.always("images.create", status=422)
    await ingest(client, photos, journal=tmp_path / "j")
    async with client_of(other) as elsewhere:
        _, report = await ingest(elsewhere, photos, journal=tmp_path / "j")
        assert report.stored == COUNT


@pytest.mark.parametrize("kind", ["folder", "Folder", "manifest", "Manifest", "file", "url", "items"])
async def test_a_journal_is_not_used_for_another_source(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    sources: list[Any] = []
    for year in ("2023", "2024"):
        folder = tmp_path / year
        folder.mkdir()
        photos = folder_of(folder / "photos", 2)
        (folder / "list.csv").write_text("source\nphotos/0000.png\n")
        sources.append(
            {
                "folder": photos,
                "Folder": Folder(photos),
                "manifest": str(folder / "list.csv"),
                "Manifest": Manifest(folder / "list.csv"),
                "file": photos / "0000.png",
                "url": f"{sandbox.base_url}/{year}?signature=secret",
                "items": [photos / "0000.png"],
            }[kind]
        )
    first, second = sources
    await ingest(client, first, journal=tmp_path / "j")
    _, again = await ingest(client, first, journal=tmp_path / "j")
    assert again.stored == 0
    wanted = folder_of(tmp_path / "else", 1) if kind == "items" else second
    with pytest.raises(JournalError, match=r"belongs to .*, not to .*") as raised:
        await ingest(client, wanted, journal=tmp_path / "j")
    assert "secret" not in str(raised.value)
    if kind != "items":
        assert "2023" in str(raised.value)
        assert "2024" in str(raised.value)


async def test_a_source_that_moved_with_its_journal_is_the_same(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    tree = tmp_path / "here"
    tree.mkdir()
    folder_of(tree / "photos", COUNT)
    await ingest(client, tree / "photos", journal=tree / "photos.journal")
    shutil.move(tree, tmp_path / "there")
    tree = tmp_path / "there"
    _, report = await ingest(client, tree / "photos", journal=tree / "photos.journal")
    assert counts(report) == (0, COUNT, 0, 0)

    shutil.move(tree / "photos", tmp_path / "alone")
    with pytest.raises(JournalError, match="was moved") as raised:
        await ingest(client, tmp_path / "alone", journal=tree / "photos.journal")
    # The advice of the message works: with the same idempotency keys, another journal stores nothing twice.
    name = str(raised.value).split("job name '")[1].split("'")[0]
    _, report = await ingest(client, tmp_path / "alone", journal=tmp_path / "new", job=name)
    assert report.failed == 0
    assert len(await server_images(client)) == COUNT


async def test_symbolic_links_lead_to_the_same_source(client: AsyncImgwireClient, photos: Path) -> None:
    link = photos.parent / "link"
    link.symlink_to(photos, target_is_directory=True)
    journal = photos.parent / "elsewhere.journal"
    await ingest(client, photos, journal=journal)
    _, report = await ingest(client, link, journal=journal)
    assert report.already_stored == COUNT


async def test_a_journal_of_an_earlier_version_is_bound_on_its_first_use(
    client: AsyncImgwireClient, other: Sandbox, photos: Path, tmp_path: Path
) -> None:
    await ingest(client, photos, journal=tmp_path / "j")
    unbind(tmp_path / "j")
    _, report = await ingest(client, photos, journal=tmp_path / "j")
    assert counts(report) == (0, COUNT, 0, 0)
    async with client_of(other) as elsewhere:
        with pytest.raises(JournalError, match="none of them can be seen"):
            await ingest(elsewhere, photos, journal=tmp_path / "j")
    with pytest.raises(JournalError, match="belongs to"):
        await ingest(client, folder_of(tmp_path / "else", 1), journal=tmp_path / "j")


async def test_another_file_under_the_same_key_is_stored_anew(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.bmp").write_bytes(small_image(ord(name)))
    size = max((tmp_path / f"{name}.bmp").stat().st_size for name in "ab")
    for name in ("a", "b"):
        file = tmp_path / f"{name}.bmp"
        write_padded(file, size)
    await ingest(client, [IngestItem(tmp_path / "a.bmp", "sku")], journal=tmp_path / "j")
    _, report = await ingest(client, [IngestItem(tmp_path / "b.bmp", "sku")], journal=tmp_path / "j")
    assert report.stored == 1
    _, report = await ingest(client, [IngestItem(tmp_path / "b.bmp", "sku")], journal=tmp_path / "j")
    assert report.already_stored == 1


def write_padded(file: Path, size: int) -> None:
    file.write_bytes(file.read_bytes().ljust(size, b"\0"))
    os.utime(file, (1_700_000_000, 1_700_000_000))


def test_two_folders_of_one_name_have_their_own_default_journals(cli: Invoke, tmp_path: Path) -> None:
    for year in ("2023", "2024"):
        (tmp_path / year).mkdir()
        folder_of(tmp_path / year / "photos", 2)
    assert "2 stored" in cli("2023/photos").stdout
    result = cli("2024/photos")
    assert "2 stored" in result.stdout
    assert str(tmp_path / "2024" / "photos.journal") in result.stdout
    assert "0 stored, 2 already stored" in cli("2023/photos").stdout


def test_the_same_command_finds_its_journal_from_another_folder(
    cli: Invoke, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("photos")
    for folder, source in ((photos, "."), (tmp_path / "state", "../photos/"), (photos, str(photos))):
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        result = cli(source)
        assert result.exit_code == 0, result.output
        assert f"0 stored, {COUNT} already stored" in result.stdout
        assert str(tmp_path / "photos.journal") in result.stdout


def test_a_url_has_its_own_journal_wherever_the_command_runs(
    cli: Invoke, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{sandbox.base_url}/none"
    for _ in range(2):
        result = cli(url, "--json")
        assert str(tmp_path / "state" / "imgwire-async") in result.stdout
        monkeypatch.chdir(folder_of(tmp_path / "photos", 1))
    assert len(list((tmp_path / "state" / "imgwire-async").glob("*.journal"))) == 1
    assert not list(tmp_path.glob("*.journal"))


def test_a_bucket_has_one_journal_however_its_uri_is_spelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for journal in (default_journal, export_journal):
        spellings = [journal(uri) for uri in ("s3://bucket/photos", "S3://bucket/photos/")]
        assert spellings[0] == spellings[1]
        others = [
            journal("s3://bucket/photos", {"endpoint": "https://minio.example.com"}),
            journal("s3://bucket/photos/2024"),
        ]
        assert len({spellings[0], *others}) == 3
        for variable, uri in (("AWS_ENDPOINT_URL", "s3://b"), ("AZURE_STORAGE_ACCOUNT_NAME", "az://c")):
            with monkeypatch.context() as around:
                around.delenv(variable, raising=False)
                before = journal(uri)
                around.setenv(variable, "https://minio.example.com" if uri == "s3://b" else "account")
                assert journal(uri) != before
                name = "endpoint" if uri == "s3://b" else "account_name"
                assert journal(uri, {name: os.environ[variable]}) == journal(uri)


def test_a_relative_state_folder_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    assert default_journal("s3://b/photos").parent == tmp_path / ".local" / "state" / "imgwire-async"


@pytest.mark.parametrize(
    "arguments",
    [("ingest", "s3://b/photos"), ("export", "s3://b/"), ("migrate", "run")],
    ids=["ingest", "export", "migrate"],
)
@pytest.mark.parametrize("home", [None, "/dev/null"], ids=["no home", "not writable"])
def test_without_a_place_for_the_journal_the_error_says_to_name_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...], home: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    for name in ("IMGWIRE_API_KEY", "IMGIX_API_KEY"):
        monkeypatch.setenv(name, "key")
    if home is None:
        monkeypatch.delenv("HOME")
        monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # as in a container with an arbitrary user id
    else:
        monkeypatch.setenv("HOME", home)

    ended = CliRunner().invoke(app, arguments)

    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "--journal" in ended.stderr


@pytest.mark.parametrize("arguments", [("ingest", "photos"), ("migrate", "run")])
def test_a_current_folder_that_was_deleted_is_named_as_the_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    for name in ("IMGWIRE_API_KEY", "IMGIX_API_KEY"):
        monkeypatch.setenv(name, "key")
    (tmp_path / "deleted").mkdir()
    with monkeypatch.context() as there:
        there.chdir(tmp_path / "deleted")
        (tmp_path / "deleted").rmdir()

        ended = CliRunner().invoke(app, arguments)

    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "the current folder was deleted" in ended.stderr


def test_the_error_for_another_service_names_both(
    cli: Invoke, sandbox: Sandbox, other: Sandbox, tmp_path: Path
) -> None:
    folder_of(tmp_path / "photos", COUNT)
    assert cli("photos").exit_code == 0
    result = cli("photos", at=other)
    assert result.exit_code not in {0, 1}
    assert sandbox.base_url in result.stderr
    assert other.base_url in result.stderr


def test_the_command_names_a_journal_of_an_earlier_version_instead_of_ignoring_it(
    cli: Invoke, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("photos")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.move(tmp_path / "photos.journal", elsewhere / "photos.journal")
    unbind(elsewhere / "photos.journal")
    monkeypatch.chdir(elsewhere)
    result = cli(str(photos))
    assert result.exit_code not in {0, 1}
    assert "--journal photos.journal" in result.stderr
    assert f"{COUNT} already stored" in cli(str(photos), "--journal", "photos.journal").stdout
    assert cli(str(photos)).exit_code == 0  # the journal in this folder is now bound to this source
