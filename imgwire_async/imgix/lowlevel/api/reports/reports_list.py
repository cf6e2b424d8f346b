"""List reports."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import ReportList, ReportType
from ...operations import REPORTS_LIST
from ...types import UNSET, Unset, to_query


async def reports_list(
    caller: Caller,
    *,
    page_number: int | None | Unset = UNSET,
    page_size: int | None | Unset = UNSET,
    sort: str | None | Unset = UNSET,
    fields_reports: str | None | Unset = UNSET,
    filter_completed: bool | None | Unset = UNSET,
    filter_report_type: ReportType | None | Unset = UNSET,
) -> Response[ReportList]:
    """List reports.

    Pages are counted from 0. Needs the permission Analytics.

    Args:
        caller: Makes the call.
        page_number: Page to return, counted from 0. Default: 0.
        page_size: Maximum number of items per page. Default: 20.
        sort: Fields to sort by, separated by commas; a leading `-` reverses the order. Known:
            `period_end`, `period_start`, `report_key`, `report_type`.
        fields_reports: Attributes to return, separated by commas; dots reach nested ones. Default:
            all.
        filter_completed: Whether the report is final.
        filter_report_type: Type of report.
    """
    request = Request(
        operation=REPORTS_LIST,
        query=to_query(
            {
                "page[number]": page_number,
                "page[size]": page_size,
                "sort": sort,
                "fields[reports]": fields_reports,
                "filter[completed]": filter_completed,
                "filter[report_type]": filter_report_type,
            }
        ),
    )
    return await caller.call(request, ReportList._take)
