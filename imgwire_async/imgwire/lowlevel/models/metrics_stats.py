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
        rest = fields_of("MetricsStats", src_dict)
        take = rest.pop
        at = ""
        try:
            cache_hit_ratio_ = take(at := "cache_hit_ratio")
            cache_hit_ratio_ = MetricsStatValue.from_dict(cache_hit_ratio_)
            requests_ = take(at := "requests")
            requests_ = MetricsStatValue.from_dict(requests_)
            storage_bytes_ = take(at := "storage_bytes")
            storage_bytes_ = MetricsStatValue.from_dict(storage_bytes_)
            transfer_bytes_ = take(at := "transfer_bytes")
            transfer_bytes_ = MetricsStatValue.from_dict(transfer_bytes_)
            transformations_ = take(at := "transformations")
            transformations_ = MetricsStatValue.from_dict(transformations_)
            uploads_ = take(at := "uploads")
            uploads_ = MetricsStatValue.from_dict(uploads_)
        except (TypeError, ValueError) as error:
            raise misfit("MetricsStats", at, src_dict[at], error) from error
        return cls(
            cache_hit_ratio=cache_hit_ratio_,
            requests=requests_,
            storage_bytes=storage_bytes_,
            transfer_bytes=transfer_bytes_,
            transformations=transformations_,
            uploads=uploads_,
            additional_properties=rest,
        )
