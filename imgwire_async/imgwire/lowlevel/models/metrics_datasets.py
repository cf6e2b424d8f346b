"""Usage as time series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from imgwire_async.core.operation import list_of
from imgwire_async.imgwire.metrics_rows import MetricsRows

from ..types import FieldReader, to_object
from .cache_hit_ratio_point import CacheHitRatioPoint
from .requests_point import RequestsPoint
from .storage_bytes_point import StorageBytesPoint
from .transfer_bytes_point import TransferBytesPoint
from .transformations_point import TransformationsPoint
from .uploads_point import UploadsPoint


@define(kw_only=True)
class MetricsDatasets(MetricsRows):
    """Usage as time series.

    Attributes:
        cache_hit_ratio: Shares of hits and misses in the CDN cache.
        requests: Requests to the CDN.
        storage_bytes: Bytes of stored originals.
        transfer_bytes: Bytes delivered.
        transformations: Transformations made.
        uploads: Images that were created, uploaded and became `READY`.
    """

    cache_hit_ratio: list[CacheHitRatioPoint]
    requests: list[RequestsPoint]
    storage_bytes: list[StorageBytesPoint]
    transfer_bytes: list[TransferBytesPoint]
    transformations: list[TransformationsPoint]
    uploads: list[UploadsPoint]
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
        fields = FieldReader("MetricsDatasets", src_dict)
        return cls(
            cache_hit_ratio=fields.collection("cache_hit_ratio", list_of(CacheHitRatioPoint.from_dict), []),
            requests=fields.collection("requests", list_of(RequestsPoint.from_dict), []),
            storage_bytes=fields.collection("storage_bytes", list_of(StorageBytesPoint.from_dict), []),
            transfer_bytes=fields.collection("transfer_bytes", list_of(TransferBytesPoint.from_dict), []),
            transformations=fields.collection("transformations", list_of(TransformationsPoint.from_dict), []),
            uploads=fields.collection("uploads", list_of(UploadsPoint.from_dict), []),
            additional_properties=fields.rest,
        )
