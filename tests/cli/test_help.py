"""Help texts: plain lines without broken words at any width, in any encoding, and fast."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import Any, cast

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from imgwire_async.cli.app import app


def names_of(group: TyperGroup, *before: str) -> list[tuple[str, ...]]:
    names: list[tuple[str, ...]] = [before]
    for name, command in group.commands.items():
        names += names_of(command, *before, name) if isinstance(command, TyperGroup) else [(*before, name)]
    return names


ALL = names_of(cast("TyperGroup", get_command(app)))


def help_of(*command: str, columns: str) -> str:
    result = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": columns})
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.parametrize("command", ALL, ids=lambda command: " ".join(command) or "all")
def test_a_narrow_terminal_gets_the_same_words_and_none_is_cut(command: tuple[str, ...]) -> None:
    wide, narrow = help_of(*command, columns="100"), help_of(*command, columns="40")

    assert narrow.replace("\\\n", " ").split() == wide.replace("\\\n", " ").split()
    # Only a single word, such as a URL, may be wider than the terminal.
    assert [
        line for line in narrow.splitlines() if len(line) > 40 and len(line.strip(" \\").split()) > 1
    ] == []
    assert "…" not in narrow
    assert not re.search(r"[╭│╰]", narrow)


@pytest.mark.parametrize("command", ALL, ids=lambda command: " ".join(command) or "all")
def test_options_are_written_in_small_letters(command: tuple[str, ...]) -> None:
    options = re.findall(r"^  (?:-\w, )?(--\S+)", help_of(*command, columns="100"), re.MULTILINE)

    assert {"--help", "--verbose", "--quiet", "--base-url"} <= set(options)
    assert [option for option in options if not option.islower()] == []


def test_examples_can_be_copied_at_any_width() -> None:
    examples = help_of("upload", columns="40").partition("Examples:\n")[2].partition("\n\n")[0]

    words = [word for word in shlex.split(examples) if word.strip()]

    assert words[:5] == ["imgwire-async", "upload", "hero.jpg", "--purpose", "marketing hero"]


@pytest.mark.parametrize("columns", ["0", "1", "many", ""])
def test_no_terminal_width_hides_words(columns: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "imgwire_async.cli", "--help"],
        env=os.environ | {"COLUMNS": columns, "LC_ALL": "C", "PYTHONUTF8": "0"},
        capture_output=True,
        check=True,
        text=True,
    )

    assert ended.stdout.split() == help_of(columns="80").replace("·", "-").split()


def test_commands_are_shown_by_subject_with_examples_and_exit_codes() -> None:
    shown = help_of(columns="100")

    for title in ("Examples:", "Upload:", "Manage:", "Deliver:", "Environment:", "Exit codes"):
        assert f"\n{title}" in shown


@pytest.mark.parametrize("arguments", [["-h"], ["ls", "-h"], ["cors", "ls", "-h"]], ids=" ".join)
def test_help_has_a_short_option(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)

    assert (result.exit_code, result.stdout.startswith("Usage: ")) == (0, True)


def test_the_version_is_that_of_the_package() -> None:
    assert re.fullmatch(r"imgwire-async \d+\.\d+\.\d+\S*\n", CliRunner().invoke(app, ["--version"]).stdout)


def test_help_loads_neither_client_nor_http_library_nor_rich() -> None:
    code = (
        "import sys; from imgwire_async.cli import main; sys.argv = ['imgwire-async', '--help']\n"
        "try: main()\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    options: dict[str, Any] = {"capture_output": True, "text": True, "check": True}
    loaded = set(subprocess.run([sys.executable, "-c", code], **options).stderr.split())

    assert "imgwire_async.cli.app" in loaded
    assert not loaded & {"aiohttp", "httpx", "rich.console", "imgwire_async.imgwire.client", "anyio"}


@pytest.mark.parametrize("command", ALL, ids=lambda command: " ".join(command) or "all")
def test_what_stands_for_a_value_is_one_word_in_capitals(command: tuple[str, ...]) -> None:
    shown = help_of(*command, columns="100")

    names = re.findall(
        r"^  (?:-\w, )?(?:--\S+)? ?((?:(?!  ).)*)", shown.partition("\nOptions:")[2], re.MULTILINE
    )
    usage = shown.partition("\n\n")[0].partition("[OPTIONS]")[2]
    arguments = re.findall(r"^  (\S+)", shown.partition("\nArguments:")[2].partition("\n\n")[0], re.MULTILINE)
    assert "<" not in " ".join((usage, *arguments, *names))
    assert usage == usage.upper()
    assert [name for name in arguments if name != name.upper()] == []


def test_choices_are_listed_as_they_are_written() -> None:
    assert "[SERVICE]" in help_of("sandbox", columns="100")
    assert "[imgwire, imgix]" in help_of("sandbox", columns="100")
    assert "[default: DAILY]  [HOURLY, DAILY, WEEKLY, MONTHLY]" in help_of("metrics", columns="200")
    assert re.search(r"--runner RUNNER .*\[ray\]", help_of("ingest", columns="200"), re.DOTALL)
