"""How much an archive may hold. Apart from the extraction, which is loaded when something is extracted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from imgwire_async.core.values.numbers import is_positive, whole

MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """How much an archive may hold before it is rejected.

    Raises:
        ValueError: a number is not positive.
    """

    max_files: int = 100_000
    max_bytes: int = 32 * 1024 * MEBIBYTE
    """All files together, unpacked, in bytes."""
    max_ratio: float = 100.0
    """Unpacked bytes for each byte of the archive. Not looked at up to 100 MiB in all."""

    def __post_init__(self) -> None:
        for name in ("max_files", "max_bytes"):
            object.__setattr__(self, name, whole(name, getattr(self, name), least=1))
        if self.max_ratio != math.inf and not is_positive(self.max_ratio):
            raise ValueError(f"max_ratio must be a positive number, got {self.max_ratio!r:.80}")
