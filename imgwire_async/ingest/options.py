"""Options of bulk jobs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, get_args

from imgwire_async.core.pace.gate import MOST_IN_FLIGHT
from imgwire_async.core.values.metadata import Metadata
from imgwire_async.core.values.numbers import is_positive, whole
from imgwire_async.errors import ImgwireError, InvalidArgumentError
from imgwire_async.ingest.items import IngestItem, portable
from imgwire_async.ingest.stopping import STOP_ON

OnChange: TypeAlias = Literal["upload", "recreate", "skip"]
"""How to treat a stored item that has changed; see `client.ingest`."""

Transfer: TypeAlias = Literal["bytes", "url"]
"""How cloud store objects reach the service; see `client.ingest`."""

WHOLE: Final = 1024 * 1024
"""Files up to this many bytes are read once and sent from memory; larger ones are re-read for sending."""
GROUP: Final = 16
"""Number of items that are read, hashed and recorded together."""
LEAST_BYTE_BUDGET: Final = GROUP * WHOLE
LEAST_BYTES_IN_A_PROCESS: Final = 4 * WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One process's share of a job's bounds."""

    senders: int
    """Items that it sends at once."""
    requests: int
    """Requests that it has in flight at most."""
    byte_budget: int
    bandwidth_limit: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """The options of `client.ingest`; see there.

    Raises:
        InvalidArgumentError: a value is out of range.
    """

    concurrency: int | Literal["auto"] = "auto"
    dedupe: Literal["content"] | None = None
    on_change: OnChange = "upload"
    dry_run: bool = False
    wait_ready: bool = False
    purpose: str | None = None
    custom_metadata: Metadata | None = None
    max_failures: int | None = None
    stop_on: tuple[type[ImgwireError], ...] = STOP_ON
    breaker: bool = True
    max_pause: float = 900.0
    deadline: float | None = None
    item_deadline: float | None = None
    bandwidth_limit: float | None = None
    byte_budget: int = 64 * 1024 * 1024
    processes: int = 1
    checksum: bool = False
    transfer: Transfer = "bytes"

    def __post_init__(self) -> None:
        if self.concurrency != "auto":
            self._set_whole("concurrency", 'concurrency, unless it is "auto",', least=1)
        if self.dedupe not in {None, "content"}:
            raise _refused(f'dedupe must be "content" or None, got {self.dedupe!r}')
        if self.on_change not in get_args(OnChange):
            raise _refused(f"on_change must be one of {get_args(OnChange)}, got {self.on_change!r}")
        if self.transfer not in get_args(Transfer):
            raise _refused(f"transfer must be one of {get_args(Transfer)}, got {self.transfer!r}")
        if self.transfer == "url" and (self.checksum or self.dedupe is not None):
            raise _refused(
                'transfer="url" reads no content, so it cannot be combined with checksum=True or '
                'dedupe="content"'
            )
        if self.on_change == "recreate" and self.dedupe is not None:
            raise _refused(
                'on_change="recreate" and dedupe="content" cannot be combined: one stores equal content '
                "once, the other stores it again with other parameters"
            )
        if self.max_failures is not None:
            self._set_whole("max_failures", "max_failures", least=0)
        for name in ("max_pause", "deadline", "item_deadline", "bandwidth_limit"):
            value = getattr(self, name)
            if value is not None and not is_positive(value):
                raise _refused(f"{name} must be a positive number, got {value!r:.80}")
        self._set_whole("byte_budget", "byte_budget", least=LEAST_BYTE_BUDGET)
        self._check_processes()

    def _set_whole(self, field: str, name: str, *, least: int) -> None:
        try:
            number = whole(name, getattr(self, field), least=least)
        except ValueError as error:
            raise _refused(str(error)) from None
        object.__setattr__(self, field, number)

    def _check_processes(self) -> None:
        self._set_whole("processes", "processes", least=1)
        count = self.processes
        if count == 1:
            return
        if count > self._senders:
            raise _refused(
                f"concurrency ({self.concurrency}) must be at least the number of processes ({count}), "
                "which share it"
            )
        if self.byte_budget < count * LEAST_BYTES_IN_A_PROCESS:
            raise _refused(
                f"byte_budget must be at least {LEAST_BYTES_IN_A_PROCESS} bytes for each of the {count} "
                f"processes, which share it, got {self.byte_budget}"
            )

    @property
    def most_processes(self) -> int:
        """How many processes share the bounds."""
        return max(1, min(self._senders, self.byte_budget // LEAST_BYTES_IN_A_PROCESS))

    @property
    def _senders(self) -> int:
        return MOST_IN_FLIGHT if self.concurrency == "auto" else self.concurrency

    def portable(self) -> IngestOptions:
        """The options that other processes need, in plain types."""
        common = portable(IngestItem("", purpose=self.purpose, custom_metadata=self.custom_metadata))
        return replace(self, purpose=common.purpose, custom_metadata=common.custom_metadata, stop_on=())

    def bounds(self, requests: int) -> Share:
        """The bounds of the job.

        Args:
            requests: maximum number of requests in flight of its client.
        """
        return Share(
            senders=self._senders,
            requests=requests,
            byte_budget=self.byte_budget,
            bandwidth_limit=self.bandwidth_limit,
        )


def _refused(problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(problem, operation="ingest")
