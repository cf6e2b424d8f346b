"""The settings of the sandbox.

Much of the real service's behaviour is undocumented. Where a client's correctness may depend on it, a test
can choose the behaviour; the defaults are the most likely interpretation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from imgwire_async.sandbox.imgwire.operations import OPERATIONS
from imgwire_async.sandbox.server.requests.rate_limits import RateRule

MEBIBYTE = 1024 * 1024

IdempotencyMode = Literal["replay", "conflict", "forget"]
EnvironmentMismatch = Literal["refuse", "ignore"]
HashMismatch = Literal["quarantine", "ignore"]
RepeatedPut = Literal["accept", "refuse"]


PRESET_NAMES = ("thumbnail", "small", "medium", "large")
"""The service's presets."""


@dataclass(frozen=True, slots=True)
class PresetSize:
    """The defaults of a preset such as `@thumbnail`, which the query can override.

    Raises:
        ValueError: a side is not from 1 to 8192 pixels.
    """

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    resizing_type: Literal["cover", "contain", "fill", "inside", "outside"] = "inside"

    def __post_init__(self) -> None:
        if not (1 <= self.width <= 8192 and 1 <= self.height <= 8192):
            raise ValueError(f"a preset is 1 to 8192 pixels wide and high, got {self.width} × {self.height}")


def _default_presets() -> dict[str, PresetSize]:
    return {
        "thumbnail": PresetSize(256, 256, "cover"),
        "small": PresetSize(400, 400),
        "medium": PresetSize(800, 800),
        "large": PresetSize(1600, 1600),
    }


class SandboxOptions(TypedDict, total=False):
    """The fields of `SandboxSettings` as keyword arguments of `Sandbox`."""

    maximum_upload_bytes: int
    client_maximum_upload_bytes: int
    client_allowed_mime_types: tuple[str, ...] | None
    client_maximum_pending_uploads: int | None
    allow_unsigned_upload: bool
    size_refusal_status: Literal[413, 422]
    idempotency: IdempotencyMode
    upload_url_lifetime: float
    upload_token_lifetime: float
    download_url_lifetime: float
    repeated_put: RepeatedPut
    hash_mismatch: HashMismatch
    environment_mismatch: EnvironmentMismatch
    processing_delay: float
    processing_reads: int
    maximum_pixels: int
    block_private_addresses: bool
    custom_domain_connects: bool
    claimed_hostnames: tuple[str, ...]
    presets: Mapping[str, PresetSize]
    cdn_cache_bytes: int
    rate_limits: Mapping[str, RateRule]
    journal_size: int
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """How a sandbox behaves; immutable once it runs.

    Raises:
        ValueError: a value is out of range, or `rate_limits` names an unknown operation.
    """

    maximum_upload_bytes: int = 100 * MEBIBYTE
    """Largest upload with any key and largest file fetched by URL, in bytes. Documented ceiling: 100 MiB."""
    client_maximum_upload_bytes: int = 50 * MEBIBYTE
    """`maximum_upload_bytes` of the client key, in bytes. Documented default: 50 MiB."""
    client_allowed_mime_types: tuple[str, ...] | None = None
    """`allowed_mime_types` of the client key; None allows every supported type."""
    client_maximum_pending_uploads: int | None = None
    """`maximum_pending_uploads` of the client key: records still waiting for bytes; None is unlimited."""
    allow_unsigned_upload: bool = True
    """Whether the client key may create uploads without an upload token."""
    size_refusal_status: Literal[413, 422] = 413
    """Status for an upload declared too large; the service's own is undocumented."""
    idempotency: IdempotencyMode = "replay"
    """Response to a second create with a known key: `replay` returns the first image, `conflict` responds
    with 409 if the body differs and replays otherwise, `forget` creates another record."""
    upload_url_lifetime: float = 900.0
    """Seconds until a presigned upload URL expires."""
    upload_token_lifetime: float = 900.0
    """Seconds until an unused upload token expires."""
    download_url_lifetime: float = 900.0
    """Seconds until the link to a bulk download archive expires; each read of the job returns a new one."""
    repeated_put: RepeatedPut = "accept"
    """Whether the store accepts the same bytes a second time, as object stores do while the URL is valid.
    Different bytes are always rejected."""
    hash_mismatch: HashMismatch = "quarantine"
    """What happens to an image whose declared `hash_sha256` is 64 hex digits and not that of its bytes."""
    environment_mismatch: EnvironmentMismatch = "refuse"
    """A key sent together with another environment's `X-Environment-Id`: 403, or the header is ignored."""
    processing_delay: float = 0.0
    """Seconds that an image stays PROCESSING before its bytes are examined."""
    processing_reads: int = 0
    """How many reads return PROCESSING before an image's bytes are examined. The next read returns the
    result, so tests know exactly how often a client must poll."""
    maximum_pixels: int = 250_000_000
    """Largest decoded area in pixels; all frames of an animation count. Documented: 250 megapixels."""
    block_private_addresses: bool = False
    """Whether upload by URL rejects sources on loopback and other non-public addresses."""
    custom_domain_connects: bool = True
    """Whether `test_connection` finds the DNS records published."""
    claimed_hostnames: tuple[str, ...] = ()
    """Hostnames claimed by another environment; creating one of them fails with 409."""
    presets: Mapping[str, PresetSize] = field(default_factory=_default_presets)
    """Sizes of `thumbnail`, `small`, `medium` and `large`; the service's own are undocumented. A thumbnail is
    cropped to 256 × 256 pixels, the others fit inside 400, 800 and 1600 pixels square. Presets not listed are
    rejected."""
    cdn_cache_bytes: int = 256 * MEBIBYTE
    """How many bytes of transformed images are kept on disk; the least recently used go first."""
    rate_limits: Mapping[str, RateRule] = field(default_factory=dict)
    """Limits by operation name; `*` is one limit shared by all. Empty: no 429 unless scripted."""
    journal_size: int = 10_000
    """How many requests `sandbox.requests` remembers."""
    clock: Callable[[], float] = time.time
    """Seconds since the epoch, for timestamps, expiry and rate limits."""

    def __post_init__(self) -> None:
        for name in (
            "maximum_upload_bytes",
            "client_maximum_upload_bytes",
            "maximum_pixels",
            "cdn_cache_bytes",
            "journal_size",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        for name in (
            "upload_url_lifetime",
            "upload_token_lifetime",
            "download_url_lifetime",
            "processing_delay",
        ):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be a number of seconds from 0, got {getattr(self, name)!r}")
        if self.processing_reads < 0:
            raise ValueError(f"processing_reads must be a number from 0, got {self.processing_reads!r}")
        choices = {
            "idempotency": ("replay", "conflict", "forget"),
            "repeated_put": ("accept", "refuse"),
            "hash_mismatch": ("quarantine", "ignore"),
            "environment_mismatch": ("refuse", "ignore"),
            "size_refusal_status": (413, 422),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        for name in self.presets:
            if name not in PRESET_NAMES:
                raise ValueError(f"unknown preset {name!r}; known are {', '.join(PRESET_NAMES)}")
        for operation in self.rate_limits:
            OPERATIONS.check_name(operation)
