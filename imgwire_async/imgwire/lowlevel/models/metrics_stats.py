"""Usage as totals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import fields_of, misfit, to_object
from .metrics_stat_value import MetricsStatValue


@define(kw_only=True)
class MetricsStats:
    """Usage as totals.

    Attributes:
        cache_hit_ratio: Share of CDN cache hits.
        requests: Requests to the CDN.
        storage_bytes: Bytes of stored originals.
        transfer_bytes: Bytes delivered.
        transformations: Transformations made.
        uploads: Images that were created, uploaded and became `READY`.
    """

    cache_hit_ratio: MetricsStatValue
    requests: MetricsStatValue
    storage_bytes: MetricsStatValue
    transfer_bytes: MetricsStatValue
    transformations: MetricsStatValue
    uploads: MetricsStatValue
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "cache_hit_ratio": self.cache_hit_ratio,
                "requests": self.requests,
                "storage_bytes": self.storage_bytes,
                "transfer_bytes": self.transfer_bytes,
                "transformations": self.transformations,
                "uploads": self.uploads,
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
        return cls._take(
            fields_of(
                "MetricsStats",
                src_dict,
                (
                    "cache_hit_ratio",
                    "requests",
                    "storage_bytes",
                    "transfer_bytes",
                    "transformations",
                    "uploads",
                ),
            )
        )

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("MetricsStats", rest)
        take = rest.pop
        at, value = "", None
        try:
            cache_hit_ratio_ = value = take(at := "cache_hit_ratio")
            cache_hit_ratio_ = MetricsStatValue._take(cache_hit_ratio_)
            requests_ = value = take(at := "requests")
            requests_ = MetricsStatValue._take(requests_)
            storage_bytes_ = value = take(at := "storage_bytes")
            storage_bytes_ = MetricsStatValue._take(storage_bytes_)
            transfer_bytes_ = value = take(at := "transfer_bytes")
            transfer_bytes_ = MetricsStatValue._take(transfer_bytes_)
            transformations_ = value = take(at := "transformations")
            transformations_ = MetricsStatValue._take(transformations_)
            uploads_ = value = take(at := "uploads")
            uploads_ = MetricsStatValue._take(uploads_)
        except (TypeError, ValueError) as error:
            raise misfit("MetricsStats", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            cache_hit_ratio=cache_hit_ratio_,
            requests=requests_,
            storage_bytes=storage_bytes_,
            transfer_bytes=transfer_bytes_,
            transformations=transformations_,
            uploads=uploads_,
            additional_properties=rest,
        )
