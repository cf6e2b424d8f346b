"""The state that the routes of a running sandbox share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from imgwire_async.sandbox.imgwire.identity import Identity
from imgwire_async.sandbox.imgwire.settings import SandboxSettings
from imgwire_async.sandbox.server import runtime


class Files(runtime.Files):
    """Where the bytes lie."""

    KEPT = ("originals", "archives")

    def archive(self, job_id: str) -> Path:
        """The archive of a bulk download job."""
        return self.folder / "archives" / f"{job_id}.zip"


@dataclass(slots=True)
class Processing:
    """An image whose bytes will be examined."""

    due: float
    """Seconds since the epoch before which they are not."""
    reads: int
    """How many more reads find the image PROCESSING."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, kw_only=True)
class Runtime(runtime.ServerRuntime):
    """A running sandbox, as its routes see it."""

    settings: SandboxSettings
    identity: Identity
    files: Files
    processing: dict[str, Processing] = field(default_factory=dict)
    """By the id of the image."""


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with whole seconds, as the service's documentation shows it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def timestamp_or_none(seconds: float | None) -> str | None:
    """`timestamp`, with null for null."""
    return None if seconds is None else timestamp(seconds)
