"""The command that shows how far the job of a journal is."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from imgwire_async.cli.exits import ExitCode
from imgwire_async.cli.output import JsonFlag, guarded, show_error, show_json, show_record, wrong_usage
from imgwire_async.cli.streams import say
from imgwire_async.errors import JournalError

if TYPE_CHECKING:
    from imgwire_async.ingest.journal.rows import State
    from imgwire_async.ingest.journal.stats import FailedItem, JournalStats

_SHOWN_FAILURES: Final = 5
_MIGRATION: Final = "imgix at "
"""How the source of a migration begins, as `AssetEntries` calls itself."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("ingest status", rich_help_panel="Upload")(status)


def status(
    journal: Annotated[
        Path | None, typer.Argument(help="Journal of ingest, export or migrate run.", metavar="JOURNAL")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how far the job of a journal is, also while it runs.

    Shows what is stored, what is not yet, the last failures, and the command that resumes the job. Needs no
    key, changes nothing, and takes as long for ten million items as for ten.

    To ingest a folder that is called status, write ./status.

    Example: imgwire-async ingest status photos.journal
    """
    if journal is None:
        folder = "; to ingest the folder status, write ./status" if Path("status").exists() else ""
        wrong_usage(f"name a journal: imgwire-async ingest status JOURNAL{folder}")
    guarded(lambda: _show(journal, as_json=as_json), as_json=as_json)


def _show(journal: Path, *, as_json: bool) -> None:
    from imgwire_async.ingest.journal.stats import job_is_running, journal_stats

    try:
        # Looked at first: a job that ends in between is shown with what it has done.
        running = job_is_running(journal)
        stats = journal_stats(journal)
    except JournalError as error:
        show_error(error, as_json=as_json)
        raise typer.Exit(ExitCode.INVALID) from None
    command = None if running else _resuming(stats, journal)
    if as_json:
        show_json(_facts(stats, journal, command, running=running))
        return
    show_record(_table(stats, journal, running=running), as_json=False)
    if stats.failures:
        say("", "Last failures:")
        say(*(f"  {_failure(item)}" for item in stats.failures[:_SHOWN_FAILURES]))
    say("", *_ending(stats, command, running=running))


def _by_state(values: Mapping[State, int]) -> dict[str, int]:
    """Numbers of items or bytes by state, as people call the states."""
    from imgwire_async.ingest.journal.rows import State

    return {
        "stored": values[State.STORED] + values[State.READY],
        "not_stored_yet": values[State.KEYED],
        "failed": values[State.FAILED],
        "skipped": values[State.SKIPPED],
    }


def _facts(stats: JournalStats, journal: Path, command: str | None, *, running: bool) -> dict[str, Any]:
    return {
        "journal": _place(journal),
        "job": stats.job,
        "running": running,
        "runs": stats.runs,
        "kind": _kind(stats),
        "service": stats.service,
        "area": stats.area,
        "source": _source(stats),
        "items": stats.items,
        **_by_state(stats.counts),
        "bytes": _by_state(stats.bytes),
        "last_activity": _time(stats.last_activity),
        "failures": [
            {
                "key": _key(item),
                "error": item.error_type,
                "message": item.error,
                "attempts": item.attempts,
                "at": _time(item.at),
            }
            for item in stats.failures
        ],
        "resume": command,
    }


def _table(stats: JournalStats, journal: Path, *, running: bool) -> dict[str, object]:
    kind, sizes = _kind(stats), _by_state(stats.bytes)
    place = "target" if kind == "export" else "source"
    service = stats.service or "unknown: written by an earlier version"
    table: dict[str, object] = {
        "journal": _place(journal),
        "job": f"{stats.job} ({kind}, {stats.runs} {'run' if stats.runs == 1 else 'runs'})",
        "service": f"{service} ({stats.area})" if stats.area else service,
        place: _source(stats) or "unknown: written by an earlier version",
        "state": "running" if running else "not running",
        "last activity": _time(stats.last_activity) or "unknown",
    }
    for name, count in _by_state(stats.counts).items():
        if count or name == "stored":
            table[name.replace("_", " ")] = f"{count:,}{_size(sizes[name])}"
    return table


def _size(size: int) -> str:
    if not size:
        return ""
    return f"  {size / 1e6:,.1f} MB" if size >= 1e5 else f"  {size:,} bytes"


def _ending(stats: JournalStats, command: str | None, *, running: bool) -> list[str]:
    if running:
        return ["The job is running; repeat this command for newer numbers."]
    counts = _by_state(stats.counts)
    if counts["not_stored_yet"] or counts["failed"]:
        begin = "To resume, run"
    else:
        begin = "Everything in the journal is done. To look for more, run"
    if command is None:
        return [f"{begin} the same command again."]
    return [f"{begin} this, with the options of the first run:", f"  {command}"]


def _failure(item: FailedItem) -> str:
    from imgwire_async.ingest.results.wording import in_words

    key, words = _key(item), in_words(item.error_type or "failed")
    if item.error is None:
        return f"{key}: {words}"
    named = key in item.error or repr(key)[1:-1] in item.error
    return item.error if named else f"{key}: {item.error}"


def _kind(stats: JournalStats) -> str:
    if stats.manifests:
        return "export"
    return "migration" if (stats.source or "").startswith(_MIGRATION) else "ingest"


def _source(stats: JournalStats) -> str | None:
    return None if stats.source is None else _shareable(stats.source)


def _key(item: FailedItem) -> str:
    return _shareable(item.key)


def _shareable(text: str) -> str:
    """`text` without what a URL may hold of passwords and signatures."""
    from imgwire_async.core.values.redaction import without_query
    from imgwire_async.ingest.items import is_url

    return without_query(text) if is_url(text) else text


def _resuming(stats: JournalStats, journal: Path) -> str | None:
    """The command that resumes a job; None if only its user can know it."""
    from imgwire_async.ingest.items import raw_text
    from imgwire_async.ingest.sources.entries import ITEMS, STANDARD_INPUT

    source = stats.source
    if source is None or source in {ITEMS, STANDARD_INPUT} or source != _shareable(source):
        return None
    words = ["imgwire-async"]
    match _kind(stats):
        case "migration":
            words += ["migrate", "run"]
        case "export":
            words += ["export", *_opened(raw_text(source))]
        case _:
            words += ["ingest", *_opened(raw_text(source))]
    if not all(word.isprintable() for word in [*words, _place(journal)]):
        return None
    return shlex.join([*words, "--journal", _place(journal)])


def _opened(source: str) -> list[str]:
    """A source as arguments; where a bucket is follows its URI, see `identity_of_bucket`."""
    from imgwire_async.ingest.items import is_url
    from imgwire_async.stores.uris import is_object

    uri, word, where = source.rpartition(" at ")
    if not (word and is_object(uri)):
        return [source]
    if is_url(where):
        return [uri, "--store-option", f"endpoint={where}"]
    return [uri, "--store-option", f"account_name={where}"] if uri.startswith("az:") else [source]


def _place(journal: Path) -> str:
    from imgwire_async.ingest.items import storable

    return storable(os.path.abspath(journal))  # noqa: PTH100 - keeps symbolic links


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
