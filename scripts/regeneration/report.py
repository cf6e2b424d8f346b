"""The outcome of a run as text for a terminal and as Markdown for a pull request."""

from __future__ import annotations

from dataclasses import dataclass, field

from .diff import Change, Kind


@dataclass
class Outcome:
    """What a run found."""

    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """Files that differ from what the source gives."""

    @property
    def exit_code(self) -> int:
        """0 for the same interface, 2 for changes that break nobody, 3 for breaking ones."""
        if not self.changes:
            return 0
        return 3 if any(change.kind is Kind.BREAKING for change in self.changes) else 2


def as_text(outcome: Outcome) -> str:
    """One line for each thing a maintainer should know."""
    lines = [str(change) for change in outcome.changes] or ["no change of the interface"]
    lines += [f"note: {note}" for note in outcome.notes]
    lines += [f"not reachable from the facade: {entry}" for entry in outcome.unreachable]
    return "\n".join(lines)


def as_markdown(outcome: Outcome, title: str) -> str:
    """The same as a page with one section for each kind; `title` names the API."""
    lines = [f"# Changes of {title}", ""]
    for kind in sorted(Kind, reverse=True):
        changes = [change for change in outcome.changes if change.kind is kind]
        lines += _section(kind.name.capitalize(), [_entry(change) for change in changes])
    if not outcome.changes:
        lines += ["No change of the interface.", ""]
    lines += _section("Not yet reachable from the facade", outcome.unreachable)
    lines += _section("Files that changed", [f"`{file}`" for file in outcome.stale])
    lines += _section("Notes", outcome.notes)
    return "\n".join(lines).rstrip("\n") + "\n"


def _entry(change: Change) -> str:
    where = f" ({' and '.join(change.positions)})" if change.positions else ""
    return f"`{change.place}`: {change.what}{where}"


def _section(title: str, entries: list[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {entry}" for entry in entries), ""] if entries else []
