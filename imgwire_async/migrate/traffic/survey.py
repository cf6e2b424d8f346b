"""Counting the parameters of requests and the results of translating them, in bounded memory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final, Generic, NamedTuple, TypeVar

from imgwire_async.migrate.traffic.logs import LoggedRequest, PathSource, logged_requests
from imgwire_async.migrate.translation.records import JUDGED, Asset, DefaultParams, Finding, Judgement, Status
from imgwire_async.migrate.translation.rules.table import NAMES
from imgwire_async.migrate.translation.translate import translate_url
from imgwire_async.migrate.translation.urls import ascii_host, is_imgix, is_imgix_video, pairs_of, split_url

T = TypeVar("T")

STATUSES: Final[tuple[Status, ...]] = ("exact", "approximate", "unsupported", "malformed")
MOST_KEPT: Final = 10_000
"""Number of combinations, reasons and unknown names that are kept: the most frequent ones."""
_REMEMBERED: Final = 20_000  # different queries
_LONGEST_REMEMBERED: Final = 512  # characters
_NAMELESS: Final = "(other)"
_PRESENTABLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-\[\]]{0,39}")
_SECRET: Final = re.compile(r"[0-9a-fA-F]{16,}|[A-Za-z0-9_-]{24,}")
_DELIVERY: Final = frozenset({"s", "ixlib", "ixid"})
_HOST: Final = "https://x.imgix.net"


class BoundedCounter(Generic[T]):
    """Counts by status for each key. If there are too many keys, the rarest are dropped and counted together.

    Args:
        most: Number of keys that are kept; temporarily up to twice as many.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._counts: dict[T, Counter[str]] = {}
        self.others: Counter[str] = Counter()
        """Counts of the dropped keys."""

    def add(self, key: T, status: str, number: int = 1) -> None:
        """Count a key."""
        found = self._counts.get(key)
        if found is None:
            if len(self._counts) >= 2 * self._most:
                self._prune()
            found = self._counts[key] = Counter()
        found[status] += number

    def __len__(self) -> int:
        return len(self._counts)

    def ranked(self) -> list[tuple[T, Counter[str]]]:
        """Keys with their counts, the most frequent first."""
        return sorted(self._counts.items(), key=lambda item: (-item[1].total(), item[0]))

    def _prune(self) -> None:
        ranked = sorted(self._counts.items(), key=lambda item: -item[1].total())
        for _, counts in ranked[self._most :]:
            self.others.update(counts)
        self._counts = dict(ranked[: self._most])


class _Judged(NamedTuple):
    status: Status
    names: tuple[str, ...]
    unknown: tuple[str, ...]
    findings: tuple[tuple[str, Finding], ...]


class _AnyAsset(Mapping[str, Asset]):
    """Treats every picture as stored and of known size, because a migration will know both."""

    _asset = Asset("picture", 4000, 3000)

    def __getitem__(self, key: str) -> Asset:
        return self._asset

    def __iter__(self) -> Iterator[str]:
        return iter(("picture",))

    def __len__(self) -> int:
        return 1


class TrafficSurvey:
    """Counts of the parameters in the requests so far.

    Only names of parameters are kept, not values, so that no signature leaks.

    Attributes:
        requests: Requests for pictures.
        statuses: Requests by status of the translation.
        parameters: Requests by canonical name of each parameter.
        combinations: Requests by all their parameters together.
        unknown: Requests by names that are not imgix parameters.
        reasons: Requests by approximate or unsupported feature.
        other_hosts: Requests for other hosts.
        rejected: Requests whose response was an error, or that were neither GET nor HEAD.
        unreadable: Lines without a request.
    """

    def __init__(
        self,
        *,
        hosts: Collection[str] = (),
        default_params: DefaultParams | None = None,
        judgement: Judgement = JUDGED,
    ) -> None:
        self.requests = 0
        self.statuses: Counter[str] = Counter()
        self.parameters: BoundedCounter[str] = BoundedCounter()
        self.combinations: BoundedCounter[tuple[str, ...]] = BoundedCounter()
        self.unknown: BoundedCounter[str] = BoundedCounter(1000)
        self.reasons: BoundedCounter[Finding] = BoundedCounter()
        self.other_hosts = 0
        self.rejected = 0
        self.unreadable = 0
        self._hosts = set(map(ascii_host, hosts))
        self._default_params = default_params
        self._judgement = judgement
        self._assets = _AnyAsset()
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._judge)

    def add(self, request: LoggedRequest) -> None:
        """Count a request of a log."""
        target = request.target
        if request.rejected:
            self.rejected += 1
        elif target is None:
            self.unreadable += 1
        elif target.startswith("/") and not target.startswith("//"):
            self._count(target)
        else:
            parts = split_url(target)
            if parts is None:
                self._count_judged(_Judged("malformed", (), (), ()))
            elif is_imgix_video(parts.host):
                self._count_judged(
                    _Judged("unsupported", (), (), (("unsupported", Finding("host", "a video")),))
                )
            elif is_imgix(parts.host, self._hosts):
                self._count(parts.path + (f"?{parts.query}" if parts.query else ""))
            else:
                self.other_hosts += 1

    def _count(self, target: str) -> None:
        path, _, query = target.partition("?")
        query = query.partition("#")[0]
        if "~text" in path or len(query) > _LONGEST_REMEMBERED:
            self._count_judged(self._judge(query, path))
            return
        if "s=" in query or "ix" in query:
            query = "&".join(part for part in query.split("&") if part.partition("=")[0] not in _DELIVERY)
        self._count_judged(self._remembered(query))

    def _judge(self, query: str, path: str = "/picture") -> _Judged:
        found = translate_url(
            f"{_HOST}{path}?{query}" if query else _HOST + path,
            assets=self._assets,
            default_params=self._default_params,
            judgement=self._judgement,
        )
        names = {NAMES.get(name, NAMES.get(name.removesuffix("64"), "")) for name, _ in pairs_of(query)}
        unknown = {one.name if _is_presentable(one.name) else _NAMELESS for one in found.unknown}
        findings = dict.fromkeys(
            (kind, Finding(one.name, _without_values(one.reason)))
            for kind, ones in (("approximate", found.approximate), ("unsupported", found.unsupported))
            for one in ones
        )
        known = tuple(sorted(names - _DELIVERY - {""}))
        return _Judged(found.status, known, tuple(sorted(unknown)), tuple(findings))

    def _count_judged(self, judged: _Judged) -> None:
        status = judged.status
        self.requests += 1
        self.statuses[status] += 1
        for name in judged.names:
            self.parameters.add(name, status)
        self.combinations.add(judged.names, status)
        for name in judged.unknown:
            self.unknown.add(name, status)
        for kind, finding in judged.findings:
            self.reasons.add(finding, kind)

    def to_dict(self, most: int | None = None) -> dict[str, object]:
        """Convert to a dictionary for JSON.

        Args:
            most: Rows of each list; None for all.
        """
        return {
            "requests": self.requests,
            "statuses": {status: self.statuses[status] for status in STATUSES},
            "parameters": [_row("parameter", *item) for item in self.parameters.ranked()[:most]],
            "combinations": [
                _row("parameters", list(names), counts) for names, counts in self.combinations.ranked()[:most]
            ],
            "other_combinations": self.combinations.others.total(),
            "unknown": [_row("name", *item) for item in self.unknown.ranked()[:most]],
            "reasons": [
                {"parameter": found.name, "reason": found.reason, "kind": kind, "requests": number}
                for found, counts in self.reasons.ranked()[:most]
                for kind, number in counts.items()
            ],
            "other_hosts": self.other_hosts,
            "rejected": self.rejected,
            "unreadable_lines": self.unreadable,
        }


def survey_traffic(
    paths: Iterable[PathSource],
    *,
    hosts: Collection[str] = (),
    default_params: DefaultParams | None = None,
    judgement: Judgement = JUDGED,
) -> TrafficSurvey:
    """Count the rendering parameters in access logs or lists of URLs. Blocks; memory is bounded.

    Logs may be common or combined, JSON lines, W3C such as CloudFront's, or plain URLs, gzip or not. A target
    without a host counts as a request to imgix. Every image is assumed to be stored and of known size.

    Args:
        paths: The files.
        hosts: Custom domains of imgix sources; `*.imgix.net` is always one.
        default_params: Default parameters of the source.
        judgement: The numbers that no document specifies.

    Raises:
        InvalidArgumentError: a file cannot be read.
    """
    survey = TrafficSurvey(hosts=hosts, default_params=default_params, judgement=judgement)
    for path in paths:
        for request in logged_requests(path):
            survey.add(request)
    return survey


def _row(name: str, key: object, counts: Counter[str]) -> dict[str, object]:
    return {name: key, "requests": counts.total(), **{status: counts[status] for status in STATUSES}}


def _is_presentable(name: str) -> bool:
    """Whether a name really is a name, not a misplaced value such as a signature."""
    return _PRESENTABLE.fullmatch(name) is not None and _SECRET.fullmatch(name) is None


def _without_values(reason: str) -> str:
    """A reason without values from the URL: only names of parameters are kept."""
    return re.sub(r"^unknown value .*?: ", "unknown value: ", reason, flags=re.DOTALL)
