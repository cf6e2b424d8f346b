"""The output files of `migrate run`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from imgwire_async.cli.jobs.files import JobFiles, Output
from imgwire_async.ingest.job import IngestJob
from imgwire_async.ingest.results.outputs import TABLES

if TYPE_CHECKING:
    from imgwire_async.migrate.job import MigrationJob
    from imgwire_async.migrate.redirects import RedirectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationFiles(JobFiles):
    """Paths for `--urls`, `--redirects` and the output files of every job."""

    urls: Output | None = None
    redirects: Sequence[tuple[RedirectKind, Output]] = ()

    def outputs(self) -> list[tuple[str, Output, tuple[str, ...] | None]]:
        """Option, path and allowed extensions of each file; None allows any."""
        found = JobFiles.outputs(self)
        if self.urls is not None:
            found.append(("--urls", self.urls, TABLES))
        return found + [("--redirects", path, None) for _, path in self.redirects]

    def steps(self, job: IngestJob) -> list[tuple[str, Output, Callable[[Output], Awaitable[object]]]]:
        """Option, path and function that writes it, for each file."""
        migration = cast("MigrationJob", job)
        found = JobFiles.steps(self, job)
        if self.urls is not None:
            found.append(("--urls", self.urls, partial(migration.write_urls, overwrite=self.overwrite)))
        for kind, path in self.redirects:
            found.append(
                ("--redirects", path, partial(migration.write_redirects, kind=kind, overwrite=self.overwrite))
            )
        return found
