"""Usage as time series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from imgwire_async.core.operation import list_of
from imgwire_async.imgwire.metrics_rows import MetricsRows

from ..types import fields_of, misfit, to_object
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
        return cls._take(
            fields_of(
                "MetricsDatasets",
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
            rest = fields_of("MetricsDatasets", rest)
        take = rest.pop
        at, value = "", None
        try:
            cache_hit_ratio_ = value = take(at := "cache_hit_ratio")
            if cache_hit_ratio_ is None:
                cache_hit_ratio_ = []
            cache_hit_ratio_ = list_of(CacheHitRatioPoint._take)(cache_hit_ratio_)
            requests_ = value = take(at := "requests")
            if requests_ is None:
                requests_ = []
            requests_ = list_of(RequestsPoint._take)(requests_)
            storage_bytes_ = value = take(at := "storage_bytes")
            if storage_bytes_ is None:
                storage_bytes_ = []
            storage_bytes_ = list_of(StorageBytesPoint._take)(storage_bytes_)
            transfer_bytes_ = value = take(at := "transfer_bytes")
            if transfer_bytes_ is None:
                transfer_bytes_ = []
            transfer_bytes_ = list_of(TransferBytesPoint._take)(transfer_bytes_)
            transformations_ = value = take(at := "transformations")
            if transformations_ is None:
                transformations_ = []
            transformations_ = list_of(TransformationsPoint._take)(transformations_)
            uploads_ = value = take(at := "uploads")
            if uploads_ is None:
                uploads_ = []
            uploads_ = list_of(UploadsPoint._take)(uploads_)
        except (TypeError, ValueError) as error:
            raise misfit("MetricsDatasets", at, value, error) from error
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
