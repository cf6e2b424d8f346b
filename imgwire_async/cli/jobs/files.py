"""The output files of `ingest`."""

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
    """Paths for `--report`, `--images` and `--failed`; None for those not given."""

    report: Output | None = None
    images: Output | None = None
    failed: Output | None = None
    overwrite: bool = False
    """Whether to replace existing objects; existing files are always replaced."""

    def check(self, source: str | None, journal: Path, manifest: str | None = None) -> None:
        """Check before the job that the files can be written.

        Args:
            source: the job's source, if it is a file.
            journal: of the job.
            manifest: the manifest of an export.

        Raises:
            InvalidArgumentError: a file has an unsupported extension, cannot be written, or would replace
                another output, the source, the journal or the manifest.
            StoreError: an object already exists.
            ConfigurationError: a file is Parquet and the `parquet` extra is missing.
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
        """Option, path and allowed extensions of each file; None allows any."""
        every: tuple[tuple[str, Output | None, tuple[str, ...]], ...] = (
            ("--report", self.report, REPORTS),
            ("--images", self.images, TABLES),
            ("--failed", self.failed, LISTS),
        )
        return [(option, path, extensions) for option, path, extensions in every if path is not None]

    def steps(self, job: IngestJob) -> list[tuple[str, Output, Callable[[Output], Awaitable[object]]]]:
        """Option, path and function that writes it, for each file."""

        async def write_report(path: Output) -> None:
            await to_thread.run_sync(partial(job.report.write, path, overwrite=self.overwrite))

        every: tuple[tuple[str, Output | None, Callable[[Output], Awaitable[object]]], ...] = (
            ("--failed", self.failed, partial(job.write_failures, overwrite=self.overwrite)),
            ("--images", self.images, partial(job.write_images, overwrite=self.overwrite)),
            ("--report", self.report, write_report),
        )
        return [(option, path, write) for option, path, write in every if path is not None]

    async def write(self, job: IngestJob, *, as_json: bool) -> bool:
        """Write the files, even if one of them fails. Returns whether all were written."""
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
    """Check before any work that an output can be written.

    Args:
        option: its option, for messages.
        path: of the output.
        taken: files that it must not replace.
        extensions: allowed extensions; None for any.

    Raises:
        InvalidArgumentError: it cannot be written, or would replace one of `taken`.
        ConfigurationError: it is Parquet and the `parquet` extra is missing.
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
    """Check that standard output or standard error is not redirected to the file."""
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
