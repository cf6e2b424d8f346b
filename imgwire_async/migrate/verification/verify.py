"""Verifying a migration: fetch images from both services, compare them, and write a report."""

from __future__ import annotations

import heapq
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import anyio
from anyio import to_thread
from anyio.streams.memory import MemoryObjectReceiveStream

from imgwire_async.core.concurrency.cancellation import ForeignCode
from imgwire_async.core.concurrency.tasks import JoinedTasks
from imgwire_async.core.values.numbers import is_finite, is_positive, whole
from imgwire_async.errors import ImgwireError, InvalidArgumentError
from imgwire_async.migrate.translation.records import JUDGED, DefaultParams, Judgement
from imgwire_async.migrate.urls_file import UrlRow, url_rows
from imgwire_async.migrate.verification.comparing import (
    MEAN_TOLERANCE,
    WORST_TOLERANCE,
    check_pictures,
    measure,
    pictures_of,
)
from imgwire_async.migrate.verification.delivery import Delivery, deliveries, imgix_address
from imgwire_async.migrate.verification.folder import PAGE, PICTURES, RESULTS, naming, prepare, remove_others
from imgwire_async.migrate.verification.pairs import Pair, pairs, sampled
from imgwire_async.migrate.verification.results import Compared, Results

PathTarget: TypeAlias = "str | os.PathLike[str]"
SHOWN: Final = 100
"""Pairs in the report, the worst of all."""
_LOSSLESS: Final = frozenset({"image/png"})


@dataclass(slots=True)
class VerificationReport:
    """The result of a verification.

    Attributes:
        counts: Number of pairs by verdict: `agrees`, `differs`, `approximate`, `unsupported`, `failed`.
        reused: Number of pairs that an earlier run had compared.
        page: Path of the HTML report.
    """

    counts: Counter[str] = field(default_factory=Counter)
    reused: int = 0
    page: Path = Path()

    @property
    def is_within_tolerance(self) -> bool:
        """Whether every exact translation agrees, and every pair could be compared."""
        return not self.counts["differs"] and not self.counts["failed"]

    def to_dict(self) -> dict[str, object]:
        """Convert to a dictionary for JSON."""
        names = ("agrees", "differs", "approximate", "unsupported", "failed")
        return {
            "pairs": sum(self.counts.values()),
            **{name: self.counts[name] for name in names},
            "reused": self.reused,
            "page": str(self.page),
            "within_tolerance": self.is_within_tolerance,
        }


_MOST_AT_ONCE: Final = 1000


def _begun(rows: Iterator[UrlRow]) -> Iterator[UrlRow]:
    """The same rows, with the first one already read."""
    return chain(list(islice(rows, 1)), rows)


async def verify_urls(
    urls: PathTarget,
    report: PathTarget,
    *,
    variants: Iterable[str] = ("w=640",),
    sample: int | None = 100,
    mean_tolerance: float = MEAN_TOLERANCE,
    worst_tolerance: float = WORST_TOLERANCE,
    rate: float | None = None,
    concurrency: int = 8,
    shown: int = SHOWN,
    default_params: DefaultParams | None = None,
    judgement: Judgement = JUDGED,
    token: str | None = None,
    rendering_base_url: str | None = None,
    on_compared: Callable[[Compared], object] | None = None,
) -> VerificationReport:
    """Fetch pictures from imgix and Imgwire, compare size, format and pixels, and write an HTML report.

    Pixels are compared as PNG of both; other formats by size. Exact translations have to be within the
    tolerances; others are shown with their difference. A run that was interrupted continues with the same
    folder, and comparisons that failed are made again.

    Args:
        urls: The file that `write_urls` wrote; see `read_urls`.
        report: Folder for the report, its pictures and the results so far.
        variants: Rendering parameters to compare, such as `w=320&h=320&fit=crop`; `""` for none.
        sample: Number of images, always the same ones; None for all.
        mean_tolerance: Maximum mean difference, in levels of 255. The default was measured between the local
            services, which share one image library.
        worst_tolerance: The same for the worst tile of 16 × 16 pixels.
        rate: Requests per second to each service; None for no additional limit.
        concurrency: Pairs to compare concurrently, at most 1000.
        shown: Pairs in the report, the worst of all.
        default_params: Default parameters of the imgix source.
        judgement: The numbers that no document specifies.
        token: `secure_url_token` of the source, to sign the URLs. It is not written anywhere.
        rendering_base_url: Where imgix's rendering hosts can be reached without DNS, which a local imgix
            needs: its `base_url`. Comparisons with another imgix are not reused.
        on_compared: Called after each comparison of this run. An exception that it raises ends the run.

    Raises:
        ConfigurationError: libvips is missing (extra `migrate`).
        InvalidArgumentError: the file of URLs, a variant or a number cannot be used, or `report` cannot be
            written or holds other files under the names of a report's.
        OSError: the report cannot be written; `filename` is the file. The results so far are kept.
        UnexpectedCancellationError: `on_compared` raised a cancellation although the call was not cancelled.
    """
    try:
        sample = None if sample is None else whole("sample", sample, least=1)
        concurrency = whole("concurrency", concurrency, least=1, most=_MOST_AT_ONCE)
        shown = whole("shown", shown, least=1)
    except ValueError as error:
        raise InvalidArgumentError(str(error)) from None
    for name, value in (("mean_tolerance", mean_tolerance), ("worst_tolerance", worst_tolerance)):
        if not is_finite(value) or value < 0:
            raise InvalidArgumentError(f"{name} must be a number from 0, got {value!r:.80}")
    if rate is not None and not is_positive(rate):
        raise InvalidArgumentError(f"rate must be a positive number, got {rate!r:.80}")
    given: object = variants
    # A single string would be taken for its characters.
    wanted_variants: list[Any] = (
        list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [None]
    )
    if not all(isinstance(variant, str) for variant in wanted_variants):
        raise InvalidArgumentError(f"variants must be a list of strings, got {given!r:.80}")
    check_pictures()
    # Read the URLs first, so that an unreadable file leaves no folder behind.
    rows = await to_thread.run_sync(_begun, url_rows(urls))
    if sample is not None:
        chosen = await to_thread.run_sync(partial(sampled, rows, sample))
        rows = iter(chosen)
    folder = Path(report)
    await to_thread.run_sync(prepare, folder)
    tolerances = mean_tolerance, worst_tolerance
    run = _Run(folder, token, rendering_base_url, shown, tolerances, on_compared)
    done = await to_thread.run_sync(run.results.done)
    planned: set[str] = set()
    found = VerificationReport(page=folder / PAGE)
    wanted = iter(
        pairs(
            rows,
            wanted_variants,
            default_params=default_params,
            judgement=judgement,
            rendering_base_url=rendering_base_url,
        )
    )
    try:
        async with deliveries(rate, concurrency) as (imgix, imgwire):
            send, receive = anyio.create_memory_object_stream[Pair](0)
            async with JoinedTasks() as group:
                for _ in range(concurrency):
                    group.start_soon(run.work, receive.clone(), imgix, imgwire)
                receive.close()
                # Suppressed: nobody receives any more, because every task has failed.
                with send, suppress(anyio.BrokenResourceError):
                    while (pair := await to_thread.run_sync(next, wanted, None)) is not None:
                        planned.add(pair.id)
                        if pair.id in done:
                            found.reused += 1
                        else:
                            await send.send(pair)
    finally:
        run.results.close()
    await to_thread.run_sync(run.prune)
    from imgwire_async.migrate.verification.page import write_page

    found.counts = await to_thread.run_sync(
        lambda: write_page(
            found.page,
            (result for result in run.results if result.id in planned),
            shown=shown,
            mean=mean_tolerance,
            worst=worst_tolerance,
            pictures=PICTURES,
        )
    )
    return found


class _Run:
    """A run of comparisons."""

    def __init__(
        self,
        folder: Path,
        token: str | None,
        base_url: str | None,
        shown: int,
        tolerances: tuple[float, float],
        on_compared: Callable[[Compared], object] | None,
    ) -> None:
        self.results = Results(folder / RESULTS)
        self._pictures = folder / PICTURES
        self._token = token
        self._base_url = base_url
        self._shown = shown
        self._on_compared = on_compared
        self._tolerances = tolerances
        self._worst: list[tuple[int, float, str]] = []
        for result in self.results:
            if result.error is None:
                self._is_among_worst(result)

    async def work(
        self,
        receive: MemoryObjectReceiveStream[Pair],
        imgix: Delivery,
        imgwire: Delivery,
    ) -> None:
        """Compare pairs until there are no more."""
        with receive:
            async for pair in receive:
                result, data = await self._compared(pair, imgix, imgwire)
                self.results.add(result)
                if data is not None and self._is_among_worst(result):
                    await to_thread.run_sync(self._keep, pair.id, *data)
                if self._on_compared is not None:
                    with ForeignCode("the on_compared hook"):
                        self._on_compared(result)

    async def _compared(
        self, pair: Pair, imgix: Delivery, imgwire: Delivery
    ) -> tuple[Compared, tuple[bytes, bytes] | None]:
        facts: dict[str, Any] = {name: getattr(pair, name) for name in _COPIED}
        try:
            old, old_type = await imgix.get(self._address(pair.old_url))
            new, new_type = await imgwire.get(pair.new_url)
            sizes = await to_thread.run_sync(measure, old, new)
            if not (old_type in _LOSSLESS and new_type in _LOSSLESS):
                old, _ = await imgix.get(self._address(pair.lossless_old_url))
                new, _ = await imgwire.get(pair.lossless_new_url)
            pixels = await to_thread.run_sync(measure, old, new)
        except (ImgwireError, ValueError) as error:
            message = error.message if isinstance(error, ImgwireError) else str(error)
            return Compared(**facts, error=message), None
        result = Compared(
            **facts,
            old_type=old_type,
            new_type=new_type,
            old_size=sizes.old_size,
            new_size=sizes.new_size,
            mean=None if sizes.mean is None else pixels.mean,
            worst=pixels.worst,
        )
        return result, (old, new)

    def _address(self, url: str) -> str:
        return imgix_address(url, self._base_url, self._token)

    def _is_among_worst(self, result: Compared) -> bool:
        """Whether a pair is among the worst so far, and so is shown."""
        place = result.badness(*self._tolerances)
        if len(self._worst) < self._shown:
            heapq.heappush(self._worst, place)
            return True
        if not self._worst or place <= self._worst[0]:
            return False
        heapq.heapreplace(self._worst, place)
        return True

    def prune(self) -> None:
        """Remove the pictures of pairs that worse ones have replaced."""
        remove_others(self._pictures, {name for *_, name in self._worst})

    def _keep(self, name: str, old: bytes, new: bytes) -> None:
        for kind, data in zip(("old", "new", "difference"), pictures_of(old, new), strict=True):
            if data is not None:
                path = self._pictures / f"{name}-{kind}.webp"
                with naming(path):
                    path.write_bytes(data)


_COPIED: Final = (
    *("id", "old_url", "new_url", "variant", "parameters", "status", "findings", "is_negotiated"),
)
