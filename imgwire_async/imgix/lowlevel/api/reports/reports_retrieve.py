"""Retrieve a report."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import ReportDocument
from ...operations import REPORTS_RETRIEVE
from ...types import UNSET, Unset, to_query


async def reports_retrieve(
    caller: Caller, report_id: str, *, fields_reports: str | None | Unset = UNSET
) -> Response[ReportDocument]:
    """Retrieve a report.

    Needs the permission Analytics.

    Args:
        caller: Makes the call.
        report_id: Id of the report.
        fields_reports: Attributes to return, separated by commas; dots reach nested ones. Default:
            all.
    """
    request = Request(
        operation=REPORTS_RETRIEVE,
        path_parameters={"report_id": str(report_id)},
        query=to_query({"fields[reports]": fields_reports}),
    )
    return await caller.call(request, ReportDocument._take)
