"""Limits on the contents of an archive; separate from the extraction, which is loaded only when needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from imgwire_async.core.values.numbers import is_positive, whole

MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """Limits beyond which an archive is rejected.

    Raises:
        ValueError: a number is not positive.
    """

    max_files: int = 100_000
    max_bytes: int = 32 * 1024 * MEBIBYTE
    """Total unpacked size of all files, in bytes."""
    max_ratio: float = 100.0
    """Unpacked bytes per byte of the archive. Checked only above 100 MiB in total."""

    def __post_init__(self) -> None:
        for name in ("max_files", "max_bytes"):
            object.__setattr__(self, name, whole(name, getattr(self, name), least=1))
        if self.max_ratio != math.inf and not is_positive(self.max_ratio):
            raise ValueError(f"max_ratio must be a positive number, got {self.max_ratio!r:.80}")
