"""The files that `ingest` is asked to write."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TypeAlias

from anyio import to_thread

from imgwire_async.cli.streams import complain
from imgwire_async.errors import ImgwireError, InvalidArgumentError
from imgwire_async.ingest.job import IngestJob
from imgwire_async.ingest.results.outputs import (
    LISTS,
    REPORTS,
    TABLES,
    Taken,
    check_different,
    check_free,
    check_no_object,
    check_parquet,
    check_writable,
    extension_of,
)

Output: TypeAlias = str | Path
"""A path, or the URI of an object in a cloud store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFiles:
    """Where `--report`, `--images` and `--failed` go; None for those that are not wanted."""

    report: Output | None = None
    images: Output | None = None
    failed: Output | None = None
    overwrite: bool = False
    """Whether objects that exist are replaced; files always are."""

    def check(self, source: str | None, journal: Path, manifest: str | None = None) -> None:
        """Find out before the job what would keep the files from being written.

        Args:
            source: what the job reads, if it is a file.
            journal: of the job.
            manifest: what an export writes of its own.

        Raises:
            InvalidArgumentError: one has another extension than it can have, cannot be written, or would
                replace another one, the source, the journal or the manifest.
            StoreError: one is an object that exists.
            ConfigurationError: one is Parquet, and its extra is missing.
        """
        taken = Taken(source=source, journal=journal, manifest=manifest)
        wanted = self.outputs()
        for option, path, extensions in wanted:
            check_output(option, path, [taken], extensions)
        for (_, first, _), (option, second, _) in combinations(wanted, 2):
            try:
                check_different(first, second)
            except InvalidArgumentError as error:
                raise InvalidArgumentError(f"{option}: {error.message}", operation="ingest") from error
        if not self.overwrite:
            for _, path, _ in wanted:
                check_no_object(path)

    def outputs(self) -> list[tuple[str, Output, tuple[str, ...] | None]]:
        """Option, path and allowed extensions of what is wanted; None allows any."""
        every: tuple[tuple[str, Output | None, tuple[str, ...]], ...] = (
            ("--report", self.report, REPORTS),
            ("--images", self.images, TABLES),
            ("--failed", self.failed, LISTS),
        )
        return [(option, path, extensions) for option, path, extensions in every if path is not None]

    def steps(self, job: IngestJob) -> list[tuple[str, Output, Callable[[Output], Awaitable[object]]]]:
        """Option, path and function of what is to be written."""

        async def write_report(path: Output) -> None:
            await to_thread.run_sync(partial(job.report.write, path, overwrite=self.overwrite))

        every: tuple[tuple[str, Output | None, Callable[[Output], Awaitable[object]]], ...] = (
            ("--failed", self.failed, partial(job.write_failures, overwrite=self.overwrite)),
            ("--images", self.images, partial(job.write_images, overwrite=self.overwrite)),
            ("--report", self.report, write_report),
        )
        return [(option, path, write) for option, path, write in every if path is not None]

    async def write(self, job: IngestJob, *, as_json: bool) -> bool:
        """Write them, each whatever becomes of the others; whether all could be written."""
        written = True
        for option, path, write in self.steps(job):
            try:
                await write(path)
            except (OSError, ImgwireError) as error:
                written = False
                reason = error.strerror if isinstance(error, OSError) else str(error)
                problem = f"{option}: cannot write {str(path)!r}: {reason or error}"
                facts = {"error": type(error).__name__, "message": problem}
                complain(json.dumps(facts) if as_json else f"Error: {problem}")
        return written


def check_output(
    option: str, path: Output, taken: Iterable[Taken], extensions: tuple[str, ...] | None = None
) -> None:
    """Find out before any work what would keep an output from being written.

    Args:
        option: names it.
        path: of the output.
        taken: what it must not replace.
        extensions: those that it can have; None for any.

    Raises:
        InvalidArgumentError: it cannot be written, or would replace something.
        ConfigurationError: it is Parquet, and its extra is missing.
    """
    try:
        if extensions is not None and extension_of(path, extensions) == ".parquet":
            check_parquet()
        for one in taken:
            check_free(path, one)
        _check_not_printed_to(path)
        check_writable(path)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{option}: {error.message}", operation="ingest") from error


def _check_not_printed_to(path: Output) -> None:
    """Check that a file is not what standard output or standard error was redirected to."""
    if str(path) == "-":
        raise InvalidArgumentError("cannot write '-', which stands for standard output; name a file")
    for descriptor in (1, 2):
        redirected = False
        with suppress(OSError):  # closed, or the file does not exist yet
            redirected = os.path.samestat(Path(path).stat(), os.fstat(descriptor))
        if redirected:
            raise InvalidArgumentError(
                f"cannot write {str(path)!r}: the output of this command is redirected to it; "
                "name another file",
                operation="ingest",
            )
