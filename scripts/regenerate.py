#!/usr/bin/env python3
"""Regenerate the contract and the low-level package of a service from an OpenAPI document.

imgwire: openapi.json and imgwire_async/imgwire/lowlevel/. The document may be the vendor's whole one or an
already selected one. The Resource API is selected, normalised and given our prose.

imgix: scripts/contracts/imgix/openapi.json, which we write ourselves, and imgwire_async/imgix/lowlevel/.

The difference to the checked-in contract is printed; then contract and package are replaced as a whole, or,
if anything fails, not at all.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from regeneration import diff
from regeneration.checks import features
from regeneration.contract import definitions, inlining, normalisation, overlay, selection, source
from regeneration.contract.document import (
    Node,
    RegenerationError,
    check_model,
    check_references,
    check_structure,
    dump,
    operations,
    parse,
    prune,
)
from regeneration.output import generation, guard, swap
from regeneration.profiles import IMGWIRE, PROFILES, Profile
from regeneration.report import Outcome, as_markdown, as_text

ROOT = Path(__file__).resolve().parent.parent
FAILED = 1

_EXIT_CODES = """exit codes:
  0  the interface is the same (and, with --check, the files are what the source gives)
  1  failed, or --check found files that differ; nothing of that service was written
  2  the interface changed, but breaks no program: compatible and behavioural changes
  3  the interface changed in a way that breaks programs
"""


def build(text: bytes, name: str, root: Path, profile: Profile = IMGWIRE) -> tuple[Node, list[str]]:
    """Our contract for a document, and notes for the maintainer.

    Raises:
        RegenerationError: the document is rejected, naming the place.
    """
    document = parse(text, name)
    if profile.overlay is not None:
        definitions.move_definitions(document)
        inlining.inline_references(document)
        check_structure(document, name)
    chosen = selection.select(document, profile)
    notes = [*chosen.notes, *features.check(document, chosen, profile.media_type)]
    if profile.overlay is None:
        check_model(chosen.paths, document.get("components", {}))
        check_references(document)
        result = {**document, "paths": chosen.paths}
        for _, _, operation in operations(result):
            normalisation.name_operation(operation)
    else:
        plain = normalisation.normalise(document, chosen)
        result, unmatched = overlay.apply(plain, overlay.load(root / profile.overlay))
        notes += [f"the overlay describes what is not there: {target}" for target in unmatched]
    prune(result)
    notes += [f"without prose: {place}" for place in _without_prose(result)]
    return result, notes


def _without_prose(document: Node) -> list[str]:
    missing = [
        selection.full_name(operation)
        for _, _, operation in operations(document)
        if not operation.get("summary")
    ]
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        missing += [] if schema.get("description") else [name]
        missing += [
            f"{name}.{field}"
            for field, value in schema.get("properties", {}).items()
            if not value.get("description")
        ]
    return missing


def regenerate(arguments: argparse.Namespace, root: Path) -> int:
    """Run with the arguments and return the exit code.

    Raises:
        RegenerationError: the run cannot continue; the files of the service at hand are as they were.
    """
    if arguments.contract:
        profiles = [PROFILES[arguments.contract]]
    else:
        profiles = [IMGWIRE] if arguments.source else list(PROFILES.values())
    codes, pages = [], []
    for profile in profiles:
        if len(profiles) > 1:
            print(f"{profile.name}:")
        outcome = _regenerate(profile, arguments, root)
        codes.append(FAILED if arguments.check and outcome.stale else outcome.exit_code)
        pages.append(as_markdown(outcome, profile.title))
    if arguments.report:
        arguments.report.write_text("\n".join(pages), "utf-8")
    return FAILED if FAILED in codes else max(codes)


def _regenerate(profile: Profile, arguments: argparse.Namespace, root: Path) -> Outcome:
    schema_file, tree = root / profile.document, root / profile.tree
    writes = not (arguments.check or arguments.diff_only)
    notes = swap.recover(root, profile.name, [schema_file, tree]) if writes else []
    name = arguments.source or str(schema_file)
    document, more_notes = build(source.read(name), name, root, profile)
    previous, _ = (
        build(source.read(str(schema_file)), profile.document, root, profile)
        if schema_file.exists()
        else ({}, [])
    )
    outcome = Outcome(notes=[*notes, *more_notes])
    if previous:
        outcome.changes = diff.compare(previous, document)
    if not arguments.diff_only:
        with swap.workspace(root, profile.name) if writes else TemporaryDirectory() as folder:
            fresh_schema, fresh_tree = Path(folder) / schema_file.name, Path(folder) / tree.name
            fresh_schema.write_text(dump(document), "utf-8")
            generation.generate(document, fresh_tree, profile, root=root)
            outcome.unreachable = guard.unreachable(fresh_tree, tree.parent)
            outcome.stale = _stale(root, [(fresh_schema, schema_file), (fresh_tree, tree)])
            if writes and outcome.stale:
                swap.replace(Path(folder), [(fresh_schema, schema_file), (fresh_tree, tree)])
    print(as_text(outcome))
    for file in outcome.stale:
        print(f"{'differs' if arguments.check else 'wrote'}: {file}")
    return outcome


def _stale(root: Path, pairs: list[tuple[Path, Path]]) -> list[str]:
    stale: list[str] = []
    for fresh, target in pairs:
        if fresh.is_dir():
            names = swap.differing_files(fresh, target)
            stale += [str((target / name).relative_to(root)) for name in names]
        elif not target.exists() or fresh.read_bytes() != target.read_bytes():
            stale.append(str(target.relative_to(root)))
    return stale


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Parse the command line, run, and say in one sentence what failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=_EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--contract",
        choices=list(PROFILES),
        help="the service; default: both, or imgwire with --source",
    )
    parser.add_argument("--source", metavar="URL|FILE", help="the document; default: the checked-in contract")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a file is not up to date"
    )
    parser.add_argument("--diff-only", action="store_true", help="print the difference and write nothing")
    parser.add_argument("--report", metavar="FILE", type=Path, help="also write the difference as Markdown")
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _stop)
    try:
        return regenerate(arguments, root)
    except RegenerationError as error:
        print(f"regenerate: {error}", file=sys.stderr)
    except OSError as error:
        print(f"regenerate: {error.strerror}: {error.filename}", file=sys.stderr)
    except KeyboardInterrupt:
        print("regenerate: interrupted; whatever is not reported as written is as it was", file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    raise SystemExit(main())
