"""`client.reports`: imgix's reports about an account, and their files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import unquote, urlsplit

from anyio import to_thread

from imgwire_async.core.call import Core
from imgwire_async.core.fetch import Transfer, fetch
from imgwire_async.core.operation import Response
from imgwire_async.core.paging import Listing
from imgwire_async.core.polling import as_wait, poll
from imgwire_async.core.values.redaction import Secret
from imgwire_async.downloads.files import (
    DownloadedFile,
    PathTarget,
    atomic_file,
    check_folder,
    path_text,
)
from imgwire_async.downloads.names import safe_name
from imgwire_async.errors import (
    CallContext,
    DeadlineExceededError,
    DownloadError,
    DownloadRejectedError,
    InvalidArgumentError,
)
from imgwire_async.imgix.arguments import as_id, unless_none
from imgwire_async.imgix.filters import (
    REPORT_FILTERS,
    ReportFilters,
    ReportSort,
    as_arguments,
    comma_list,
    filter_query,
)
from imgwire_async.imgix.listing import by_number
from imgwire_async.imgix.lowlevel import models
from imgwire_async.imgix.lowlevel.api import reports as api
from imgwire_async.imgix.records import Report
from imgwire_async.stores.uris import is_object

if TYPE_CHECKING:
    from imgwire_async.imgix.resources.raw import ReportsWithRawResponse

ReportId: TypeAlias = str | Report
"""A report, or its id."""

_EXPIRED: Final = frozenset({401, 403, 410})
"""Statuses with which hosts reject an expired signed link."""


class Reports:
    """Operations on reports, which imgix updates daily and keeps for 90 days.

    They need the permission Analytics.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def with_raw_response(self) -> ReportsWithRawResponse:
        """The same methods, but they return the whole response: `await ….with_raw_response.…()`."""
        from imgwire_async.imgix.resources.raw import ReportsWithRawResponse

        return ReportsWithRawResponse(self._core)

    def list(
        self,
        *,
        filters: ReportFilters | None = None,
        sort: ReportSort | Iterable[ReportSort] | None = None,
        fields: str | Iterable[str] | None = None,
        page: int = 0,
        limit: int | None = None,
        max_items: int | None = None,
        prefetch: int = 0,
    ) -> Listing[Report]:
        """List reports: `await` gives one `Page`, `async for` gives every report of every page.

        Args:
            filters: all of them must match.
            sort: field to sort by, or several; a leading `-` reverses the order.
            fields: attributes to return. Default: all.
            page: number of the first page, counted from 0.
            limit: reports per page, from 1 to 1000; imgix's default is 20, its maximum is undocumented.
            max_items: end the iteration after this many reports.
            prefetch: how many pages an iteration fetches ahead.

        Raises:
            InvalidArgumentError: a number is out of range, or a filter is unknown.
        """
        operation = "reports.list"
        query = filter_query(filters, REPORT_FILTERS, operation)
        ordered = comma_list(sort, "sort", operation)
        sparse = comma_list(fields, "fields", operation)

        async def get(number: int, size: int | None) -> Response[models.ReportList]:
            return await api.reports_list(
                self._core,
                page_number=number,
                page_size=unless_none(size),
                sort=unless_none(ordered),
                fields_reports=unless_none(sparse),
                **as_arguments(query),
            )

        return by_number(
            get,
            Report.of,
            operation=operation,
            page=page,
            limit=limit,
            max_items=max_items,
            prefetch=prefetch,
        )

    async def retrieve(self, report: ReportId, *, fields: str | Iterable[str] | None = None) -> Report:
        """Read one report.

        Args:
            report: the report, or its id.
            fields: attributes to return. Default: all.

        Raises:
            NotFoundError: the report does not exist.
        """
        operation = "reports.retrieve"
        sparse = comma_list(fields, "fields", operation)
        response = await api.reports_retrieve(
            self._core, _id_of(report, operation), fields_reports=unless_none(sparse)
        )
        return Report.of(response.data.data)

    async def wait(self, report: ReportId, *, timeout: float = 3600.0) -> Report:  # noqa: ASYNC109
        """Poll until a report is completed. imgix finishes the reports of a day by about 04:00 UTC.

        Args:
            report: the report, or its id.
            timeout: seconds to wait in total.

        Raises:
            DeadlineExceededError: it was not completed in time.
            NotFoundError: the report does not exist.
        """
        operation = "reports.wait"
        identity, timeout = _id_of(report, operation), as_wait(timeout, operation)

        async def look() -> Report | None:
            seen = await self.retrieve(identity)
            return seen if seen.completed else None

        found = await poll(look, seconds=timeout, shared=self._core.shared)
        if found is None:
            raise DeadlineExceededError(
                f"report {identity} was not completed within {timeout:g} s", operation=operation
            )
        return found

    async def download(
        self, report: ReportId, *, to: PathTarget, overwrite: bool = False
    ) -> tuple[DownloadedFile, ...]:
        """Download the files of a report into a folder under their own names, without sending the API key.

        An interrupted transfer resumes where it stopped. An expired link is replaced with a new one. A file
        appears only when it is complete.

        Args:
            report: the report, or its id.
            to: the folder, created if it does not exist.
            overwrite: replace existing files.

        Raises:
            InvalidArgumentError: the report has no files yet, or `to` is not a folder of this machine.
            DownloadRejectedError: the host of a file responded with an error status.
            DownloadTargetError: a file cannot be written, or exists and must not be overwritten.
            NotFoundError: the report does not exist.
        """
        operation = "reports.download"
        core = self._core.with_deadline_from_now()
        reports = Reports(core)
        identity = _id_of(report, operation)
        if not isinstance(to, str | os.PathLike):
            raise InvalidArgumentError("to= must be the path of a folder", operation=operation)
        try:
            folder = path_text(to)
        except InvalidArgumentError as error:
            error.operation = operation
            raise
        if not folder:
            raise InvalidArgumentError("to= is an empty path", operation=operation)
        if is_object(folder):
            raise InvalidArgumentError(
                "to= must be a folder of this machine, not a bucket", operation=operation
            )
        try:
            await to_thread.run_sync(check_folder, folder)
        except DownloadError as error:
            error.operation = operation
            raise
        fresh = report if isinstance(report, Report) and report.files else await reports.retrieve(identity)
        if not fresh.files:
            raise InvalidArgumentError(
                f"report {identity} has no files yet; wait until it is completed", operation=operation
            )
        done = []
        with core.within_deadline(operation):
            for number, name in enumerate(_names(fresh.files)):
                target = atomic_file(folder + os.sep, overwrite=overwrite, name=partial(str, name))
                try:
                    async with target as (sink, output):
                        transfer = Transfer(sink)
                        await reports._fetch(core, fresh, number, transfer, operation)
                except (DownloadError, InvalidArgumentError) as error:
                    error.operation = error.operation or operation
                    raise
                head = transfer.head
                done.append(
                    DownloadedFile(path=output.target, size=transfer.received, content_type=head.content_type)
                )
        return tuple(done)

    async def _fetch(
        self, core: Core, report: Report, number: int, transfer: Transfer, operation: str
    ) -> None:
        context = CallContext(operation=operation)
        try:
            await fetch(core, _link(report, number), transfer, context)
        except DownloadRejectedError as error:
            if error.status not in _EXPIRED:
                raise
            fresh = await self.retrieve(report.id)
            if len(fresh.files or ()) != len(report.files or ()):
                raise  # another set of files
        else:
            return
        await fetch(core, _link(fresh, number), transfer, context)


def _link(report: Report, number: int) -> Secret:
    return Secret(str((report.files or ())[number]))


def _names(urls: Iterable[str]) -> list[str]:
    """Names for the files of a report, taken from their URLs and numbered if two are the same."""
    names: list[str] = []
    for url in urls:
        name = PurePosixPath(unquote(urlsplit(str(url)).path)).name.strip(". ")
        name = safe_name(name) if name else "report"
        number, path = 1, PurePosixPath(name)
        while name.casefold() in (one.casefold() for one in names):
            number += 1
            name = f"{path.stem}-{number}{path.suffix}"
        names.append(name)
    return names


def _id_of(report: ReportId, operation: str) -> str:
    return as_id(report.id if isinstance(report, Report) else report, "report", operation)
