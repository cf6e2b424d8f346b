"""Attributes of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import UNSET, Unset, fields_of, misfit, parse_bool, parse_int, parse_str, to_object
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
        return cls._take(fields_of("ReportAttributes", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("ReportAttributes", rest)
        take = rest.pop
        at, value = "", None
        try:
            completed_ = value = take(at := "completed", UNSET)
            if completed_.__class__ is not bool and completed_ is not None and completed_ is not UNSET:
                completed_ = parse_bool(completed_)
            files_ = value = take(at := "files", UNSET)
            if files_ is not None and files_ is not UNSET:
                files_ = list_of(parse_str)(files_)
            period_end_ = value = take(at := "period_end", UNSET)
            if period_end_.__class__ is not int and period_end_ is not None and period_end_ is not UNSET:
                period_end_ = parse_int(period_end_)
            period_start_ = value = take(at := "period_start", UNSET)
            if (
                period_start_.__class__ is not int
                and period_start_ is not None
                and period_start_ is not UNSET
            ):
                period_start_ = parse_int(period_start_)
            report_key_ = value = take(at := "report_key", UNSET)
            if report_key_.__class__ is not str and report_key_ is not None and report_key_ is not UNSET:
                report_key_ = parse_str(report_key_)
            report_type_ = value = take(at := "report_type", UNSET)
            if report_type_ is not None and report_type_ is not UNSET:
                report_type_ = ReportType._value2member_map_.get(report_type_) or ReportType(report_type_)
        except (TypeError, ValueError) as error:
            raise misfit("ReportAttributes", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            completed=completed_,
            files=files_,
            period_end=period_end_,
            period_start=period_start_,
            report_key=report_key_,
            report_type=report_type_,
            additional_properties=rest,
        )
