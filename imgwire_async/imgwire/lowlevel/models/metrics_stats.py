"""Usage as totals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import FieldReader, to_object
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
        fields = FieldReader("MetricsStats", src_dict)
        return cls(
            cache_hit_ratio=fields.essential("cache_hit_ratio", MetricsStatValue.from_dict),
            requests=fields.essential("requests", MetricsStatValue.from_dict),
            storage_bytes=fields.essential("storage_bytes", MetricsStatValue.from_dict),
            transfer_bytes=fields.essential("transfer_bytes", MetricsStatValue.from_dict),
            transformations=fields.essential("transformations", MetricsStatValue.from_dict),
            uploads=fields.essential("uploads", MetricsStatValue.from_dict),
            additional_properties=fields.rest,
        )
