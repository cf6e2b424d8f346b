"""Attributes of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import UNSET, FieldReader, Unset, parse_bool, parse_int, parse_str, to_object
from .report_type import ReportType


@define(kw_only=True)
class ReportAttributes:
    """Attributes of a report.

    Attributes:
        completed: Whether the report is final.
        files: Download URLs, which may be signed; reports of more than 64 MB are split.
        period_end: End of the period. Unix time in seconds.
        period_start: Start of the period. Unix time in seconds.
        report_key: Name of the report, such as `source_analytics_20201130`.
        report_type: What the report is about.
    """

    completed: bool | None | Unset = UNSET
    files: list[str] | None | Unset = field(default=UNSET, repr=False)
    period_end: int | None | Unset = UNSET
    period_start: int | None | Unset = UNSET
    report_key: str | None | Unset = UNSET
    report_type: ReportType | None | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "completed": self.completed,
                "files": self.files,
                "period_end": self.period_end,
                "period_start": self.period_start,
                "report_key": self.report_key,
                "report_type": self.report_type,
            },
        )

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        fields = FieldReader("ReportAttributes", src_dict)
        return cls(
            completed=fields.optional_nullable("completed", parse_bool),
            files=fields.optional_nullable("files", list_of(parse_str)),
            period_end=fields.optional_nullable("period_end", parse_int),
            period_start=fields.optional_nullable("period_start", parse_int),
            report_key=fields.optional_nullable("report_key", parse_str),
            report_type=fields.optional_nullable("report_type", ReportType),
            additional_properties=fields.rest,
        )
