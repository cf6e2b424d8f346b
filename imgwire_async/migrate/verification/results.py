"""Results of comparisons, one JSON object per line, kept from run to run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final, Literal, TypeAlias

from imgwire_async.migrate.translation.records import Status
from imgwire_async.migrate.verification.comparing import MEAN_TOLERANCE, WORST_TOLERANCE, Measured
from imgwire_async.migrate.verification.folder import naming

Verdict: TypeAlias = Literal["agrees", "differs", "approximate", "unsupported", "failed"]

VERDICTS: Final[tuple[Verdict, ...]] = ("failed", "differs", "unsupported", "approximate", "agrees")
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The outcome of one comparison.

    Attributes:
        id: Id of the pair.
        old_url: At imgix, unsigned.
        new_url: At Imgwire.
        variant: Rendering parameters.
        parameters: Their canonical names.
        status: How exactly they are translated.
        findings: Differences of the translation.
        old_type: MIME type at imgix.
        new_type: MIME type at Imgwire.
        is_negotiated: Whether the services choose the format.
        old_size: Width and height at imgix.
        new_size: Width and height at Imgwire.
        mean: See `Measured`.
        worst: See `Measured`.
        error: Why the pictures could not be compared.
    """

    id: str
    old_url: str
    new_url: str
    variant: str
    parameters: tuple[str, ...]
    status: Status
    findings: tuple[str, ...] = ()
    old_type: str | None = None
    new_type: str | None = None
    is_negotiated: bool = False
    old_size: tuple[int, int] | None = None
    new_size: tuple[int, int] | None = None
    mean: float | None = None
    worst: float | None = None
    error: str | None = None

    def problems(self, mean: float = MEAN_TOLERANCE, worst: float = WORST_TOLERANCE) -> list[str]:
        """The measurements that are out of tolerance."""
        if self.error is not None or self.old_size is None or self.new_size is None:
            return [self.error or "not compared"]
        found = []
        if self.mean is None:
            found.append("the sizes differ")
        elif not Measured(self.old_size, self.new_size, self.mean, self.worst).is_within(mean, worst):
            found.append("the pixels differ")
        if self.old_type != self.new_type and not self.is_negotiated:
            found.append("the formats differ")
        return found

    def verdict(self, mean: float = MEAN_TOLERANCE, worst: float = WORST_TOLERANCE) -> Verdict:
        """The verdict. Only exact translations have to agree."""
        if self.error is not None:
            return "failed"
        if self.status == "exact":
            return "differs" if self.problems(mean, worst) else "agrees"
        return "unsupported" if self.status == "unsupported" else "approximate"

    def badness(self, mean: float = MEAN_TOLERANCE, worst: float = WORST_TOLERANCE) -> tuple[int, float, str]:
        """Sort key that puts the worst ones last."""
        score = math.inf if self.mean is None else self.mean + (self.worst or 0) / 100
        return -VERDICTS.index(self.verdict(mean, worst)), score, self.id


class Results:
    """The file of results. A last line that a killed process left incomplete is dropped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def done(self) -> set[str]:
        """Ids of comparisons that need not be repeated; failed comparisons are repeated."""
        return {result.id for result in self if result.error is None}

    def __iter__(self) -> Iterator[Compared]:
        if not self._path.exists():
            return
        last: dict[str, int] = {}
        with self._path.open("rb") as file:
            for number, line in enumerate(file):
                if line.endswith(b"\n"):
                    last[json.loads(line)["id"]] = number
            file.seek(0)
            for number, line in enumerate(file):
                if line.endswith(b"\n"):
                    result = _read(line)
                    if last[result.id] == number:
                        yield result

    def add(self, result: Compared) -> None:
        """Append a result."""
        with naming(self._path):
            if self._file is None:
                self._file = self._path.open("ab")
                self._cut()
            self._file.write(json.dumps(asdict(result)).encode() + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with naming(self._path):
                self._file.close()

    def _cut(self) -> None:
        """Remove an incomplete last line."""
        data = self._path.read_bytes()
        if data and not data.endswith(b"\n"):
            with self._path.open("rb+") as file:
                file.truncate(data.rfind(b"\n") + 1)


def _read(line: bytes) -> Compared:
    fields = json.loads(line)
    for name in ("parameters", "findings", "old_size", "new_size"):
        if fields[name] is not None:
            fields[name] = tuple(fields[name])
    return Compared(**fields)
