"""`imgwire-async ingest status`: the progress of a journal's job, while it runs and after its end."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from imgwire_async.cli.app import app
from imgwire_async.ingest.journal.binding import Binding
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import Row, State
from imgwire_async.ingest.journal.stats import job_is_running
from imgwire_async.ingest.sink import Destination
from imgwire_async.sandbox import Sandbox
from tests.ingest.journal.earlier_journals import write_format_4
from tests.ingest.support import folder_of

Invoke = Callable[..., Result]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    return invoke


@pytest.fixture
def account(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.setenv("IMGWIRE_API_KEY", sandbox.server_key)
    monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)
    return sandbox


def facts_of(cli: Invoke, journal: str = "j") -> dict[str, Any]:
    result = cli("ingest", "status", journal, "--json")
    assert result.exit_code == 0, result.output
    facts: dict[str, Any] = json.loads(result.stdout)
    return facts


def journal_of(source: str, *rows: Row, manifest: str | None = None) -> None:
    binding = Binding(destination=Destination(service="http://127.0.0.1:1"), source=source)
    with Journal("j", "spring") as journal:
        journal.begin_run(binding.to_json())
        journal.write(rows)
        if manifest is not None:
            journal.keep_manifest(manifest)


def test_the_status_of_an_ended_job_shows_what_is_stored_what_failed_and_how_to_resume(
    cli: Invoke, account: Sandbox, tmp_path: Path
) -> None:
    folder_of(tmp_path / "photos", 4)
    (tmp_path / "photos" / "empty.png").touch()
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    assert cli("ingest", "photos").exit_code == 1

    facts, shown = facts_of(cli, "photos.journal"), cli("ingest", "status", "photos.journal").stdout

    assert [facts[name] for name in ("stored", "not_stored_yet", "failed", "skipped")] == [4, 0, 1, 1]
    assert (facts["items"], facts["runs"], facts["running"], facts["kind"]) == (6, 1, False, "ingest")
    assert (facts["service"], facts["source"]) == (account.base_url, str(tmp_path / "photos"))
    assert facts["bytes"]["stored"] == sum(path.stat().st_size for path in (tmp_path / "photos").glob("0*"))
    assert [failure["key"] for failure in facts["failures"]] == ["empty.png"]
    assert "stored         4 " in shown
    assert "empty.png" in shown.partition("Last failures:")[2]

    name, *command = shlex.split(facts["resume"])
    (tmp_path / "photos" / "empty.png").unlink()
    assert name == "imgwire-async"
    assert facts["resume"] in shown
    assert "4 already stored" in cli(*command).stdout


def test_the_status_of_a_running_job_does_not_disturb_it(cli: Invoke, tmp_path: Path) -> None:
    with Journal("j") as journal:
        journal.begin_run()
        journal.write([Row("a", "a", State.STORED, 1, 5), Row("b", "b", State.KEYED, 1, 5)])
        facts = facts_of(cli)
        journal.write([Row("b", "b", State.READY, 1, 5)])
        later = facts_of(cli)
        assert "running" in cli("ingest", "status", "j").stdout
        assert job_is_running("j")
    ended = facts_of(cli)

    assert [facts["running"], later["running"], ended["running"]] == [True, True, False]
    assert [facts["stored"], later["stored"], facts["not_stored_yet"]] == [1, 2, 1]
    assert facts["resume"] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j", "j.lock"]
    with Journal("j"):  # reading the status has left no lock
        pass


def test_a_stale_lock_does_not_count_as_a_running_job(cli: Invoke, tmp_path: Path) -> None:
    journal_of("/photos", Row("a", "a", State.KEYED, 1, 5))
    assert (tmp_path / "j.lock").exists()

    shown = cli("ingest", "status", "j").stdout

    assert "not stored yet  1  5 bytes" in shown
    assert "To resume, run" in shown


@pytest.mark.parametrize(
    ("source", "manifest", "kind", "command"),
    [
        ("/photos/new year", None, "ingest", ["ingest", "/photos/new year"]),
        (
            "s3://bucket/a at b at http://127.0.0.1:9",
            None,
            "ingest",
            ["ingest", "s3://bucket/a at b", "--store-option", "endpoint=http://127.0.0.1:9"],
        ),
        (
            "az://box at account",
            None,
            "ingest",
            ["ingest", "az://box", "--store-option", "account_name=account"],
        ),
        ("s3://bucket/a at b", None, "ingest", ["ingest", "s3://bucket/a at b"]),
        ("/backup", "manifest.jsonl", "export", ["export", "/backup"]),
        ("imgix at https://api.imgix.com", None, "migration", ["migrate", "run"]),
        ("standard input", None, "ingest", None),
        ("https://example.com/a.csv?token=secret", None, "ingest", None),
    ],
)
def test_the_command_that_resumes_follows_from_the_source(
    cli: Invoke, tmp_path: Path, source: str, manifest: str | None, kind: str, command: list[str] | None
) -> None:
    journal_of(source, Row("a", "a", State.KEYED, 1), manifest=manifest)

    facts, shown = facts_of(cli), cli("ingest", "status", "j").stdout

    assert facts["kind"] == kind
    if command is None:
        assert facts["resume"] is None
        assert "run the same command again" in shown
        assert "secret" not in shown + json.dumps(facts)
    else:
        assert shlex.split(facts["resume"]) == ["imgwire-async", *command, "--journal", str(tmp_path / "j")]


def test_only_the_last_failures_are_shown_and_none_with_a_password(cli: Invoke) -> None:
    urls = [f"https://example.com/{number}.jpg?signature=secret" for number in range(8)]
    journal_of(
        "items of a program", *(Row(url, url, State.FAILED, 1, error_type="NotFoundError") for url in urls)
    )

    shown = cli("ingest", "status", "j").stdout

    assert "https://example.com/7.jpg: not found" in shown
    assert shown.count("not found") == 5
    assert "secret" not in shown
    assert len(facts_of(cli)["failures"]) == 8


def test_a_journal_of_an_earlier_version_is_shown_and_left_unchanged(cli: Invoke, tmp_path: Path) -> None:
    write_format_4(tmp_path / "j", [Row("a", "a", State.STORED, 1, 5)])
    before = (tmp_path / "j").read_bytes()

    assert (facts_of(cli)["stored"], facts_of(cli)["last_activity"]) == (1, None)
    assert "earlier version" in cli("ingest", "status", "j").stdout
    assert (tmp_path / "j").read_bytes() == before


def test_a_journal_that_cannot_be_written_is_shown(cli: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    journal_of("/photos", Row("a", "a", State.STORED, 1))
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    connect = sqlite3.connect

    def checked(name: str, **options: Any) -> sqlite3.Connection:
        assert "mode=rw" not in name
        opened: sqlite3.Connection = connect(name, **options)
        return opened

    monkeypatch.setattr(sqlite3, "connect", checked)
    assert facts_of(cli)["stored"] == 1


def _damaged(path: Path) -> None:
    Journal(path).close()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 4000)


def _without_a_job(path: Path) -> None:
    Journal(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as opened:
        opened.execute("DELETE FROM job")


def _of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("CREATE TABLE items (x)")


def _from_the_far_future(path: Path) -> None:
    with Journal(path) as journal:
        journal.write([Row("a", "a", State.FAILED, journal.run)])
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("UPDATE last_failures SET at = 1e300")
        opened.commit()
    Path(f"{path}.lock").unlink()


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda _: None, "there is no journal at j"),
        (Path.touch, "j is empty"),
        (Path.mkdir, "j is a folder, not a journal"),
        (lambda path: path.write_bytes(b"\x89PNG"), "j is not a journal"),
        (_of_another_program, "j is the database of another program"),
        (_damaged, "damaged"),
        (_without_a_job, "damaged"),
        (_from_the_far_future, "damaged"),
        (os.mkfifo, "j is not a journal"),
    ],
    ids=["missing", "empty", "folder", "picture", "other", "damaged", "without-a-job", "future", "pipe"],
)
def test_a_file_that_is_not_a_journal_is_rejected_in_one_sentence_and_left_unchanged(
    cli: Invoke, tmp_path: Path, write: Callable[[Path], object], sentence: str
) -> None:
    write(tmp_path / "j")
    before = sorted(path.name for path in tmp_path.iterdir())

    result = cli("ingest", "status", "j")

    assert (result.exit_code, result.stdout) == (5, "")
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert json.loads(cli("ingest", "status", "j", "--json").stderr)["error"] == "JournalError"
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_status_is_a_command_and_a_folder_of_that_name_needs_a_path(
    cli: Invoke, account: Sandbox, tmp_path: Path
) -> None:
    folder_of(tmp_path / "status", 1)
    folder_of(tmp_path / "photos", 1)

    alone = cli("ingest", "status")

    assert (alone.exit_code, alone.stdout) == (2, "")
    assert "write ./status" in alone.stderr
    assert cli("ingest", "status", "photos").exit_code == 5
    assert len(account.requests) == 0
    assert "1 stored" in cli("ingest", "./status").stdout
    assert "1 stored" in cli("ingest", "photos", "status").stdout.replace("already stored", "")
    assert "ingest status JOURNAL" in cli("ingest", "status").stderr
