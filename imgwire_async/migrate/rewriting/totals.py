"""Counts of the URLs that were found, by result."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from imgwire_async.migrate.translation.records import Finding, Translation

SERIALIZED: Final = Finding("(serialized)", "part of serialized PHP data, whose lengths would no longer fit")
_MOST_HOSTS: Final = 1000


@dataclass(slots=True)
class UrlTotals:
    """Numbers of imgix URLs, each counted under one status.

    Attributes:
        exact: Translated exactly.
        approximate: Translated to something similar.
        unsupported: Part of them cannot be expressed.
        unknown_asset: No stored image is known for them.
        malformed: Not URLs, completed by a template or code, part of another URL, or without a clear end.
        replaced: URLs that were replaced; counted under their status as well.
        approximate_reasons: Number of URLs by parameter and reason.
        unsupported_reasons: Number of URLs by parameter and reason.
        unknown_hosts: Number of URLs without a known asset by host.
    """

    exact: int = 0
    approximate: int = 0
    unsupported: int = 0
    unknown_asset: int = 0
    malformed: int = 0
    replaced: int = 0
    approximate_reasons: Counter[Finding] = field(default_factory=Counter)
    unsupported_reasons: Counter[Finding] = field(default_factory=Counter)
    unknown_hosts: Counter[str] = field(default_factory=Counter)

    @property
    def urls(self) -> int:
        """Number of all URLs."""
        return self.exact + self.approximate + self.unsupported + self.unknown_asset + self.malformed

    def count(self, translation: Translation, *, replaced: bool, serialized: bool = False) -> None:
        """Count a URL."""
        self.replaced += replaced
        source = translation.source
        if translation.status in {"malformed", "not_imgix"}:
            self.malformed += 1
            return
        whole = any(found.name in {"host", "path"} for found in translation.unsupported)
        if translation.url is None and source is not None and not whole:
            self.unknown_asset += 1
            host = source.host if len(self.unknown_hosts) < _MOST_HOSTS else "(others)"
            self.unknown_hosts[source.host if source.host in self.unknown_hosts else host] += 1
            return
        if serialized or translation.status == "unsupported":
            self.unsupported += 1
            reasons = (SERIALIZED, *translation.unsupported) if serialized else translation.unsupported
            self.unsupported_reasons.update(set(reasons))
        elif translation.status == "approximate":
            self.approximate += 1
            self.approximate_reasons.update(set(translation.approximate))
        else:
            self.exact += 1

    def add(self, other: UrlTotals) -> None:
        """Add the numbers of another file."""
        for name in ("exact", "approximate", "unsupported", "unknown_asset", "malformed", "replaced"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.approximate_reasons.update(other.approximate_reasons)
        self.unsupported_reasons.update(other.unsupported_reasons)
        for host, number in other.unknown_hosts.items():
            known = host in self.unknown_hosts or len(self.unknown_hosts) < _MOST_HOSTS
            self.unknown_hosts[host if known else "(others)"] += number

    def to_dict(self) -> dict[str, object]:
        """Convert to a dictionary for JSON. Reasons are sorted, the most frequent first."""
        return {
            "urls": self.urls,
            "exact": self.exact,
            "approximate": self.approximate,
            "unsupported": self.unsupported,
            "unknown_asset": self.unknown_asset,
            "malformed": self.malformed,
            "replaced": self.replaced,
            "approximate_reasons": reasons_of(self.approximate_reasons),
            "unsupported_reasons": reasons_of(self.unsupported_reasons),
            "unknown_hosts": dict(sorted(self.unknown_hosts.items(), key=lambda item: (-item[1], item[0]))),
        }


def reasons_of(reasons: Counter[Finding]) -> list[dict[str, object]]:
    """Parameters and reasons with their numbers, the most frequent first."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return [{"parameter": found.name, "reason": found.reason, "count": number} for found, number in ordered]
