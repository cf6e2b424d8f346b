"""Jobs resume with journals of earlier versions as with current ones."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from imgwire_async import AsyncImgwireClient, Image, JournalError
from imgwire_async.ingest.items import idempotency_key
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.migrations import FORMAT
from imgwire_async.ingest.journal.rows import Row, State
from imgwire_async.sandbox import Sandbox
from tests.clients import client_of
from tests.ingest.journal.earlier_journals import RowOf2, write_format_2, write_format_4
from tests.ingest.support import counts, folder_of, ingest, server_images

COUNT = 4


async def earlier_run(client: AsyncImgwireClient, photos: Sequence[Path]) -> list[RowOf2]:
    """The rows of a run that has stored all photos except the last one, which failed."""
    rows: list[RowOf2] = []
    *stored, last = photos
    for photo in stored:
        content = photo.read_bytes()
        key = f"iw1-{photo.stem}"
        image: Image = await client.images.upload(photo, idempotency_key=key)
        looked = photo.stat()
        digest = hashlib.sha256(content).digest()
        stamp, about = (looked.st_size, looked.st_mtime_ns), (digest, key, str(image.id), image.cdn_url)
        rows.append((photo.name, str(photo), "stored", 1, *stamp, *about, 1, None, None, None, None))
    looked = last.stat()
    stamp, nothing = (looked.st_size, looked.st_mtime_ns), (None,) * 4
    rows.append((last.name, str(last), "failed", 1, *stamp, *nothing, 5, "APITimeoutError", "", None, None))
    return rows


def binding_of_2(sandbox: Sandbox, photos: Path) -> dict[str, str | None]:
    return {
        "base_url": sandbox.base_url,
        "source": os.path.realpath(photos),
        "place": photos.name,
        "environment": sandbox.environment_id,
        "key": "of another credential",
    }


async def test_a_job_resumes_with_a_journal_of_format_2(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    photos = folder_of(tmp_path / "photos", COUNT)
    rows = await earlier_run(client, sorted(photos.iterdir()))
    write_format_2(tmp_path / "j", rows, binding_of_2(sandbox, photos))
    _, report = await ingest(client, photos, journal=tmp_path / "j")
    assert report.job == "spring"
    assert counts(report) == (1, COUNT - 1, 0, 0)
    assert len(await server_images(client)) == COUNT
    changed = min(photos.iterdir())
    os.utime(changed, ns=(1, 1))
    _, report = await ingest(client, photos, journal=tmp_path / "j")
    assert counts(report) == (0, COUNT, 0, 0)


async def test_a_migrated_journal_still_belongs_to_its_service_environment_and_source(
    client: AsyncImgwireClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    photos = folder_of(tmp_path / "photos", COUNT)
    rows = await earlier_run(client, sorted(photos.iterdir()))
    write_format_2(tmp_path / "j", rows, binding_of_2(sandbox, photos))
    with pytest.raises(JournalError, match=r"belongs to .*photos"):
        await ingest(client, folder_of(tmp_path / "others", 1), journal=tmp_path / "j")
    with Sandbox() as other:
        async with client_of(other) as elsewhere:
            with pytest.raises(JournalError, match=f"belongs to {sandbox.base_url}") as raised:
                await ingest(elsewhere, photos, journal=tmp_path / "j")
    assert f"(environment {sandbox.environment_id})" in str(raised.value)


def test_everything_in_a_journal_of_format_2_is_kept(tmp_path: Path) -> None:
    rows: list[RowOf2] = [
        ("a", "/a", "stored", 1, 3, 17_958, b"s", "k", "i", "u", 1, None, None, None, b"p"),
        ("b", "/b", "failed", 1, 0, -5, None, None, None, None, 0, "E", "why", "{}", None),
        ("c", "https://c", "ready", 1, None, None, None, "k2", "i2", "u2", 1, None, None, None, None),
    ]
    write_format_2(tmp_path / "j", rows, {"base_url": "https://x", "environment": None, "source": "s"})
    with Journal(tmp_path / "j", wall_clock=lambda: 1e9) as journal:
        assert journal.find(["a", "b", "c"]) == {
            "a": Row("a", "/a", "stored", 1, 3, "17958", b"s", "k", "i", "u", 1, parameters=b"p"),
            "b": Row("b", "/b", "failed", 1, 0, "-5", None, None, None, None, 0, "E", "why", "{}"),
            "c": Row("c", "https://c", "ready", 1, None, None, None, "k2", "i2", "u2", 1),
        }
        assert journal.find_content(b"s") == journal.find(["a"])["a"]
        assert journal.run == 2
        assert journal.pace == {"create": 25.0}
        assert journal.outputs == ["/elsewhere/images.csv"]
    with sqlite3.connect(tmp_path / "j") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (FORMAT,)
        indexes = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'items%' ORDER BY name")
        assert indexes.fetchall() == [("items",), ("items_failed",)]
    connection.close()


def test_a_journal_of_another_job_is_not_migrated(tmp_path: Path) -> None:
    write_format_2(tmp_path / "j", [], {"base_url": "https://x", "environment": None, "source": "s"})
    before = (tmp_path / "j").read_bytes()
    with pytest.raises(JournalError, match="'spring', not 'autumn'"):
        Journal(tmp_path / "j", job="autumn")
    assert (tmp_path / "j").read_bytes() == before


def test_a_failed_migration_changes_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    rows: list[RowOf2] = [("a", "/a", "stored", 1, *(None,) * 6, 1, *(None,) * 4)]
    write_format_2(tmp_path / "j", rows, {"base_url": "https://x", "environment": None, "source": "s"})
    with sqlite3.connect(tmp_path / "j") as connection:
        connection.execute("CREATE TABLE items_of_3 (in_the_way)")
    with pytest.raises(JournalError):
        Journal(tmp_path / "j")
    assert connection.execute("SELECT key FROM items").fetchall() == [("a",)]
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    connection.execute("DROP TABLE items_of_3")
    connection.close()
    with Journal(tmp_path / "j") as journal:
        assert list(journal.find(["a"])) == ["a"]


def rows_of_4(count: int) -> list[Row]:
    rows = []
    for number in range(count):
        key = f"https://images.example.com/catalog/{number // 100:03}/sku-{number:06}.jpg"
        image = str(UUID(int=number + 1))
        row = Row(key, key, State.STORED, 1, attempts=1, image_id=image, cdn_url=f"https://cdn/e/{image}")
        row.idempotency_key = idempotency_key("spring", key, key.encode())
        rows.append(row)
    rows[0].state, rows[0].error_type, rows[0].error, rows[0].item = State.FAILED, "E", "why", "{}"
    rows[1].note, rows[1].idempotency_key, rows[1].parameters = "a note", "a key", b"p"
    return rows


def test_a_journal_of_format_4_becomes_a_third_as_long_and_loses_nothing(tmp_path: Path) -> None:
    rows = rows_of_4(3000)
    write_format_4(tmp_path / "j", rows, tables="CREATE TABLE names (name); INSERT INTO names VALUES ('a');")
    before = (tmp_path / "j").stat().st_size
    with Journal(tmp_path / "j") as journal:
        assert list(journal.rows(*State)) == rows
        assert journal.count() == {"stored": 2999, "failed": 1}
        assert journal.connection().execute("SELECT name FROM names").fetchall() == [("a",)]
    assert (tmp_path / "j").stat().st_size < before / 3


KILLED_AT_EVERY_STATEMENT = """
import os, shutil, signal, sqlite3, sys
from pathlib import Path
from imgwire_async.ingest.journal.database import Journal

def kill_at(statement):
    class Killed(sqlite3.Connection):
        def _count(self):
            global done
            done += 1
            if done == statement:
                os.kill(os.getpid(), signal.SIGKILL)
        def execute(self, *arguments):
            self._count()
            return super().execute(*arguments)
        def executemany(self, *arguments):
            self._count()
            return super().executemany(*arguments)
    global done
    done = 0
    connect = sqlite3.connect
    sqlite3.connect = lambda *arguments, **options: connect(*arguments, factory=Killed, **options)

folder, step = Path(sys.argv[1]), int(sys.argv[2])
statement = 0
while True:
    statement += step
    copy = folder / f"{statement}"
    shutil.copy(folder / "original", copy)
    child = os.fork()
    if not child:
        kill_at(statement)
        Journal(copy).close()
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
print(statement)
"""


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_migration_that_is_killed_anywhere_leaves_the_old_journal_or_the_new_one(
    tmp_path: Path, step: int
) -> None:
    rows = rows_of_4(1200)
    write_format_4(tmp_path / "original", rows)
    command = [sys.executable, "-c", KILLED_AT_EVERY_STATEMENT, str(tmp_path), str(step)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    formats = set()
    for killed in range(step, int(done.stdout), step):
        with closing(sqlite3.connect(tmp_path / f"{killed}")) as connection:
            formats.update(connection.execute("PRAGMA user_version").fetchone())
        with Journal(tmp_path / f"{killed}") as journal:
            assert list(journal.rows(*State)) == rows
            assert journal.count() == {"stored": 1199, "failed": 1}
        assert (tmp_path / f"{killed}").stat().st_size < (tmp_path / "original").stat().st_size / 2
    assert formats == {4, FORMAT}


def test_a_reader_keeps_the_old_journal_while_it_is_migrated(tmp_path: Path) -> None:
    rows = rows_of_4(50)
    write_format_4(tmp_path / "j", rows)
    with closing(sqlite3.connect(tmp_path / "j", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        keys = reader.execute("SELECT key FROM items").fetchall()
        with Journal(tmp_path / "j") as journal:
            assert list(journal.rows(*State)) == rows
            assert reader.execute("SELECT key FROM items").fetchall() == keys
