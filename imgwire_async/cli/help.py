"""Help as plain text: whole words at any width, examples that can be copied, commands by subject.

Also the options that all commands have.
"""

from __future__ import annotations

import inspect
import re
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from imgwire_async.cli import credentials
from imgwire_async.cli.exits import EXIT_CODES
from imgwire_async.cli.settings import settings
from imgwire_async.cli.streams import LEAST_WIDTH

if TYPE_CHECKING:
    from typer._click import Command as ClickCommand
    from typer._click import Context, Parameter
    from typer._click.shell_completion import CompletionItem

_MOST_WIDTH: Final = 100
_LEAST_WIDTH_FOR_COLUMNS: Final = 70
_SHORT_NAME: Final = 12
_INDENT: Final = "  "
_EXAMPLE: Final = "Example: "
_PLACEHOLDERS: Final = {
    "str": "TEXT",
    "int": "NUMBER",
    "int range": "NUMBER",
    "float": "NUMBER",
    "float range": "NUMBER",
    "path": "PATH",
}
"""What stands for a value of each type, as Typer names them."""
_WORDS: Final = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")

Rows: TypeAlias = Sequence[tuple[str, str]]


class Group(TyperGroup):
    """A group of commands with plain help; the whole program is one."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - as given by Typer
        super().__init__(**attributes)
        self.params += _shared_options()

    def main(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as Typer calls it
        """Run the program, without the options and profiles of an earlier run in this process."""
        settings.reset()
        credentials.forget()
        return super().main(*arguments, **options)

    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, ClickCommand | None, list[str]]:
        """The command named by the arguments, of two words if there is one, such as `ingest status`."""
        both = " ".join(args[:2])
        if len(args) > 1 and both in self.commands:
            return both, self.commands[both], args[2:]
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        """Completions of an incomplete word."""
        return [item for item in super().shell_complete(ctx, incomplete) if " " not in item.value]

    def get_help(self, ctx: Context) -> str:
        """The help text."""
        subjects: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                subject = getattr(command, "rich_help_panel", None)
                rows = subjects.setdefault(subject if isinstance(subject, str) else "Commands", [])
                rows.append((name, next(iter(_paragraphs(command.help)), "")))
        return _help(self, ctx, subjects)


class Command(TyperCommand):
    """A command with plain help and the shared options."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:  # noqa: ANN401 - as given by Typer
        super().__init__(*arguments, **attributes)
        own = {name for parameter in self.params for name in parameter.opts}
        self.params += [option for option in _shared_options() if own.isdisjoint(option.opts)]
        for parameter in self.params:
            if isinstance(parameter, TyperArgument | TyperOption) and parameter.metavar is None:
                parameter.metavar = _placeholder(parameter)

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        """The parts of the usage line, without Typer's braces around required ones."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def get_help(self, ctx: Context) -> str:
        """The help text."""
        return _help(self, ctx, {})

    def invoke(self, ctx: Context) -> Any:  # noqa: ANN401 - as Typer calls it
        """Run the command; its messages name parameters as users write them."""
        settings.parameters = {
            parameter.name: _spelled(parameter) for parameter in self.params if parameter.name is not None
        }
        return super().invoke(ctx)


def with_plain_help(app: typer.Typer) -> None:
    """Give all commands and groups of a program plain help and the shared options."""
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        group.cls = Group
        if group.typer_instance is not None:
            with_plain_help(group.typer_instance)


def _spelled(parameter: Parameter) -> str:
    if isinstance(parameter, TyperArgument):
        return (parameter.metavar or parameter.name or "").strip("[].").upper()
    return max(parameter.opts, key=len)


def _choices(parameter: Parameter) -> Sequence[str]:
    return tuple(getattr(parameter.type, "choices", ()))


def _placeholder(parameter: TyperArgument | TyperOption) -> str | None:
    """What stands for the value of a parameter in the help; None for a flag."""
    if isinstance(parameter, TyperArgument) or _choices(parameter):
        return (parameter.name or "").upper()
    return None if parameter.is_flag else _PLACEHOLDERS[parameter.type.name]


def _shared_options() -> list[Parameter]:
    """The options that can be given before or after the name of a command."""

    def keep(_: Context, parameter: Parameter, value: object) -> None:
        if value not in {None, False} and parameter.name is not None:
            setattr(settings, parameter.name, value)

    options = (
        ("--profile", "NAME", "Use the profile that `login` stored under this name."),
        ("--base-url", "URL", "URL of the service, instead of the configured one."),
        ("--verbose", None, "Show the details of errors, and every retry."),
        ("--quiet", None, "Show results and errors only."),
    )
    return [
        TyperOption(
            param_decls=[name],
            is_flag=None if metavar else True,
            type=str if metavar else None,
            default=None if metavar else False,
            metavar=metavar,
            help=text,
            callback=keep,
            expose_value=False,
        )
        for name, metavar, text in options
    ]


def _help(command: Command | Group, ctx: Context, subjects: Mapping[str, Rows]) -> str:
    width = min(max(shutil.get_terminal_size().columns, LEAST_WIDTH), _MOST_WIDTH)
    pieces = [
        piece.strip("{}") for piece in command.collect_usage_pieces(ctx)
    ]  # how Typer marks required ones
    usage = " ".join(["Usage:", ctx.command_path, *pieces])
    text = _paragraphs(command.help)
    parts = [_wrapped(usage, width, indent="", further=_INDENT * 2)]
    parts += [_wrapped(part, width) for part in text if not part.startswith(_EXAMPLE)]
    examples = [part.removeprefix(_EXAMPLE) for part in text if part.startswith(_EXAMPLE)]
    if examples:
        parts.append("\n".join(["Examples:", *(_example(line, width) for line in examples)]))
    tables: dict[str, Rows] = {"Arguments": [], "Options": [], **subjects}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None:
            title = "Arguments" if isinstance(parameter, TyperArgument) else "Options"
            tables[title] = [*tables[title], _with_choices(*record, parameter)]
    if ctx.parent is None:
        rows = (line.partition(" ") for line in EXIT_CODES.splitlines())
        tables["Exit codes, the same for all commands"] = [(code, meaning) for code, _, meaning in rows]
    parts += [f"{title}:\n{_table(rows, width)}" for title, rows in tables.items() if rows]
    if ctx.parent is not None:
        parts.append(_wrapped(f"Exit codes: see {ctx.find_root().command_path} --help.", width, indent=""))
    return "\n\n".join(parts)


def _with_choices(name: str, meaning: str, parameter: Parameter) -> tuple[str, str]:
    """An option and its description with its choices: after the name they would be one long word."""
    choices = _choices(parameter)
    return (name, f"{meaning}  [{', '.join(choices)}]") if choices else (name, meaning)


def _paragraphs(text: str | None) -> list[str]:
    return [" ".join(part.split()) for part in inspect.cleandoc(text or "").split("\n\n") if part.strip()]


def _wrapped(text: str, width: int, *, indent: str = _INDENT, further: str | None = None) -> str:
    """`text` wrapped between words only."""
    return textwrap.fill(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent if further is None else further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _example(line: str, width: int) -> str:
    """A shell command, with backslashes at the line ends of a long one."""
    lines = [_INDENT]
    for word in _WORDS.findall(line):
        if len(lines[-1]) + len(word) + 3 > width and lines[-1].strip():
            lines[-1] += " \\"
            lines.append(_INDENT * 2)
        lines[-1] += word if not lines[-1].strip() else f" {word}"
    return "\n".join(lines)


def _table(rows: Rows, width: int) -> str:
    """Names and descriptions: side by side, or one below the other in a narrow terminal."""
    room = max(len(name) for name, _ in rows)
    if width < _LEAST_WIDTH_FOR_COLUMNS and room > _SHORT_NAME:
        below = _INDENT * 3
        return "\n".join(
            f"{_INDENT}{name}\n{_wrapped(meaning, width, indent=below)}" for name, meaning in rows
        )
    further = " " * (room + 2 * len(_INDENT))
    return "\n".join(
        _wrapped(meaning, width, indent=f"{_INDENT}{name:{room}}{_INDENT}", further=further)
        for name, meaning in rows
    )
