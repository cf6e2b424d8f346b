"""The settings of the local imgix.

Much of imgix's behaviour is undocumented. Where a client's correctness may depend on it, a test can choose
the behaviour; the defaults are the most likely interpretation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from imgwire_async.sandbox.imgix.operations import RATE_CLASSES, published_limits
from imgwire_async.sandbox.server.requests.rate_limits import RateRule

EVERY_CLASS = "*"


class ImgixSandboxOptions(TypedDict, total=False):
    """The fields of `ImgixSandboxSettings` as keyword arguments of `ImgixSandbox`."""

    limits: Literal["published", "off"]
    limit_algorithm: Literal["bucket", "window"]
    limit_scope: Literal["key", "account"]
    limit_retry_after: bool
    rate_limits: Mapping[str, RateRule]
    deployment_delay: float
    indexing_delay: float
    session_delay: float
    session_lifetime: float
    purge_interval: float
    maximum_upload_bytes: int
    maximum_session_bytes: int
    maximum_page: int
    missing_permission_status: Literal[401, 403]
    existing_path_status: int
    oversized_upload_status: int
    accepted_status: Literal[200, 201, 202]
    deployment_update: Literal["replace", "merge"]
    name_filter: Literal["exact", "contains"]
    origin_path_filter: Literal["exact", "prefix", "contains"]
    lone_objects: bool
    total_records_cap: int
    total_records_as_text: bool
    listing_ends_at_cap: bool
    cancel_answers_empty: bool
    fetches_origins: bool
    cdn_cache_bytes: int
    journal_size: int
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImgixSandboxSettings:
    """How a local imgix behaves; immutable once it runs.

    Raises:
        ValueError: a value is out of range, or `rate_limits` names an unknown rate class.
    """

    limits: Literal["published", "off"] = "off"
    """Whether imgix's published rate limits apply. `off`: no 429 unless scripted or in `rate_limits`."""
    limit_algorithm: Literal["bucket", "window"] = "bucket"
    """How the published limits are counted: a token bucket, or fixed windows."""
    limit_scope: Literal["key", "account"] = "key"
    """Whether each API key has its own limits, or all keys share them."""
    limit_retry_after: bool = False
    """Whether a 429 has a `Retry-After` header; imgix documents none."""
    rate_limits: Mapping[str, RateRule] = field(default_factory=dict)
    """Limits by rate class that replace the published ones."""
    deployment_delay: float = 0.2
    """Seconds that a source is `deploying`."""
    indexing_delay: float = 0.2
    """Seconds until an added path is an asset, and until an uploaded one has been examined."""
    session_delay: float = 0.2
    """Seconds from closing an upload session until it is `COMPLETE`."""
    session_lifetime: float = 8 * 3600.0
    """Seconds until an upload session and its URL expire. Documented: 8 hours."""
    purge_interval: float = 10.0
    """Seconds during which another purge of the same URL fails with 409. Documented: 10 s."""
    maximum_upload_bytes: int = 30_000_000
    """Largest direct upload. Documented: 30 MB."""
    maximum_session_bytes: int = 5_000_000_000
    """Largest upload through a session. Documented: 5 GB."""
    maximum_page: int = 1000
    """Maximum items per page; a larger `page[size]` or `page[limit]` is reduced to this."""
    missing_permission_status: Literal[401, 403] = 403
    """Status for a key without the permission."""
    existing_path_status: int = 409
    """Status for an upload to a path that exists, without `overwrite=true`."""
    oversized_upload_status: int = 413
    """Status for a direct upload over `maximum_upload_bytes`."""
    accepted_status: Literal[200, 201, 202] = 200
    """Status of successful uploads, sessions and publications."""
    deployment_update: Literal["replace", "merge"] = "replace"
    """Whether a `deployment` in an update replaces the former one, or is merged into it."""
    name_filter: Literal["exact", "contains"] = "contains"
    """How `filter[name]` compares."""
    origin_path_filter: Literal["exact", "prefix", "contains"] = "prefix"
    """How `filter[origin_path]` compares."""
    lone_objects: bool = False
    """Whether a list of one item is returned as the item instead of an array, as imgix has done."""
    total_records_cap: int = 10_000
    """Upper bound of `meta.cursor.totalRecords`."""
    total_records_as_text: bool = True
    """Whether `meta.cursor.totalRecords` is text instead of a number."""
    listing_ends_at_cap: bool = False
    """Whether a list of assets ends at `total_records_cap`."""
    cancel_answers_empty: bool = False
    """Whether cancelling a session responds with 204 and no body."""
    fetches_origins: bool = True
    """Whether files of web folders and web proxies that were not added here are fetched from their origin."""
    cdn_cache_bytes: int = 256 * 1024 * 1024
    """How many bytes of renderings are kept on disk."""
    journal_size: int = 10_000
    """How many requests `sandbox.requests` remembers."""
    clock: Callable[[], float] = time.time
    """Seconds since the epoch, for timestamps, delays, expiry and rate limits."""

    def __post_init__(self) -> None:
        for name in (
            "maximum_upload_bytes",
            "maximum_session_bytes",
            "maximum_page",
            "total_records_cap",
            "cdn_cache_bytes",
            "journal_size",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        for name in (
            "deployment_delay",
            "indexing_delay",
            "session_delay",
            "session_lifetime",
            "purge_interval",
        ):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be a number of seconds from 0, got {getattr(self, name)!r}")
        choices: dict[str, tuple[object, ...]] = {
            "limits": ("published", "off"),
            "limit_algorithm": ("bucket", "window"),
            "limit_scope": ("key", "account"),
            "missing_permission_status": (401, 403),
            "accepted_status": (200, 201, 202),
            "deployment_update": ("replace", "merge"),
            "name_filter": ("exact", "contains"),
            "origin_path_filter": ("exact", "prefix", "contains"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        for name in ("existing_path_status", "oversized_upload_status"):
            if not 400 <= getattr(self, name) <= 499:
                raise ValueError(f"{name} must be from 400 to 499, got {getattr(self, name)!r}")
        for name in self.rate_limits:
            if name not in (*RATE_CLASSES, EVERY_CLASS):
                raise ValueError(f"unknown rate class {name!r}; known are {', '.join(RATE_CLASSES)}")

    @property
    def rules(self) -> dict[str, RateRule]:
        """The limits that apply, by rate class."""
        rules: dict[str, RateRule] = {}
        if self.limits == "published":
            rules = published_limits(
                windows=self.limit_algorithm == "window", retry_after=self.limit_retry_after
            )
        return {**rules, **self.rate_limits}
