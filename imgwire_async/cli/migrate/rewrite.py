"""The command that replaces imgix URLs in files and values."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imgwire_async.cli.exits import ExitCode
from imgwire_async.cli.migrate.options import (
    Accept,
    DefaultsOption,
    HostOption,
    UrlsOption,
    defaults_of,
    totals_lines,
)
from imgwire_async.cli.output import JsonFlag, guarded, show_json
from imgwire_async.cli.streams import complain, is_terminal, note, plain

if TYPE_CHECKING:
    from imgwire_async.migrate import RewrittenFile, UrlTotals
    from imgwire_async.migrate.rewriting.encodings import Encoding
    from imgwire_async.migrate.rewriting.values import Rewriter


def rewrite(
    paths: Annotated[
        list[str],
        typer.Argument(help="Files and folders; - for values on standard input.", metavar="PATH..."),
    ],
    urls: UrlsOption,
    write: Annotated[
        bool, typer.Option("--write", help="Write the files. Default: show the changes only.")
    ] = False,
    host: HostOption = None,
    defaults: DefaultsOption = None,
    accept: Annotated[
        Accept,
        typer.Option(
            help="Minimum fidelity of replaced URLs. unsupported also accepts images that lack some effects."
        ),
    ] = Accept.APPROXIMATE,
    column: Annotated[
        str | None, typer.Option(help="Read CSV with a header and rewrite only this column.")
    ] = None,
    no_diff: Annotated[bool, typer.Option("--no-diff", help="Show the totals only.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Replace imgix URLs in text files with those of Imgwire: show a diff and totals, or write with --write.

    Encodings, line endings and escapes are preserved. Binary files, folders such as node_modules and .git,
    symbolic links, and files written by this program, such as redirects, are skipped. With - as PATH,
    rewritten lines go to standard output. Totals go to standard error.

    Example: imgwire-async migrate rewrite templates/ src/ --urls urls.csv

    Example: imgwire-async migrate rewrite . --urls urls.csv --write

    Example: imgwire-async migrate rewrite products.csv --column image_url --urls urls.csv --write
    """

    def work() -> None:
        from imgwire_async.errors import ConfigurationError
        from imgwire_async.migrate import UrlTotals, read_urls, rewrite_files

        hosts = host or []
        rules: dict[str, Any] = {
            "assets": read_urls(urls, aliases=hosts),
            "hosts": hosts,
            "default_params": defaults_of(defaults),
            "replace": list(Accept)[: list(Accept).index(accept) + 1],
        }
        totals = UrlTotals()
        if "-" in paths:
            if len(paths) > 1 or write:
                raise ConfigurationError("- cannot be combined with other files or --write")
            _rewrite_input(rules, column, totals)
            _show_totals(totals, Counter(), write=write, as_json=as_json, to_errors=True)
            return
        show = None if no_diff or as_json else _show_diff
        found = rewrite_files(paths, write=write, column=column, show=show, **rules)
        files = _files(found, totals, as_json=as_json)
        _show_totals(totals, files, write=write, as_json=as_json)
        if files["failed"]:
            raise typer.Exit(ExitCode.FAILED)

    guarded(work, as_json=as_json)


def _files(found: Iterator[RewrittenFile], totals: UrlTotals, *, as_json: bool) -> Counter[str]:
    """Process the files; returns the number of files by result."""
    numbers: Counter[str] = Counter()
    for file in found:
        totals.add(file.urls)
        kind = "failed" if file.error else "skipped" if file.skipped else "read"
        numbers[kind] += 1
        numbers["changed"] += file.changed
        if file.error:
            complain(f"{file.path}: {file.error}")
        elif file.skipped and file.skipped != "a binary file" and not as_json:
            note(f"Skipped {file.path}: {file.skipped}")
        if as_json and (file.changed or file.error):
            facts = file.urls.to_dict()
            show_json({"path": str(file.path), "changed": file.changed, "error": file.error, **facts})
    return numbers


def _rewrite_input(rules: dict[str, Any], column: str | None, totals: UrlTotals) -> None:
    from imgwire_async.migrate.rewriting.encodings import Encoding
    from imgwire_async.migrate.rewriting.values import CellRewriter, LineRewriter, rules_for

    known = rules_for(**rules)
    rewriter: Rewriter = LineRewriter(known) if column is None else CellRewriter(known, column)
    encoding = Encoding(None)
    for data in _input(encoding, records=column is not None):
        decoded = encoding.decode(data)
        assert decoded is not None  # noqa: S101 - any bytes are Latin-1
        text, codec = decoded
        sys.stdout.buffer.write(rewriter.rewrite(text, totals).encode(codec))
    sys.stdout.buffer.flush()


def _input(encoding: Encoding, *, records: bool) -> Iterator[bytes]:
    """Standard input in pieces.

    Raises:
        InvalidArgumentError: it cannot be read.
    """
    from imgwire_async.errors import InvalidArgumentError
    from imgwire_async.migrate.rewriting.pieces import pieces_of

    try:
        yield from pieces_of(sys.stdin.buffer, encoding, records=records)
    except OSError as error:
        raise InvalidArgumentError(f"cannot read standard input: {error.strerror}") from error


def _show_diff(text: str) -> None:
    if is_terminal(sys.stdout):
        text = "\n".join("\t".join(map(plain, line.split("\t"))) for line in text.split("\n"))
        sys.stdout.write(text)
        return
    # The file may have another encoding than the terminal, and a patch needs the exact line endings.
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogatepass"))
    sys.stdout.buffer.flush()


def _show_totals(
    totals: UrlTotals, files: Counter[str], *, write: bool, as_json: bool, to_errors: bool = False
) -> None:
    if as_json:
        import json

        names = ("read", "changed", "skipped", "failed")
        facts = {"files": {name: files[name] for name in names}, "written": write, **totals.to_dict()}
        complain(json.dumps(facts)) if to_errors else show_json(facts)
        return
    lines = totals_lines(totals)
    if not to_errors:
        done = "changed" if write else "to change (use --write to write them)"
        lines.append(
            f"{files['read']} files read, {files['changed']} {done}, {files['skipped']} skipped, "
            f"{files['failed']} failed; {totals.replaced} URLs replaced" + ("" if write else ", if written")
        )
    complain(*lines)
