"""Rewriting text, values and CSV cells."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, NamedTuple, Protocol

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.ingest.sources.csv_rows import CsvTable, MalformedError
from imgwire_async.ingest.sources.lines import Line
from imgwire_async.migrate.rewriting.totals import UrlTotals
from imgwire_async.migrate.translation.escapes import escaped
from imgwire_async.migrate.translation.records import (
    JUDGED,
    Assets,
    DefaultParams,
    Judgement,
    Status,
    Translation,
)
from imgwire_async.migrate.translation.text import REPLACED, is_xml, replace_urls
from imgwire_async.migrate.translation.translate import translate_url
from imgwire_async.migrate.translation.urls import ascii_host
from imgwire_async.migrate.urls_file import UrlMap

_SERIALIZED: Final = re.compile(r"\bs:([0-9]{1,10}):(\\*)\"")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_NESTED: Final = 8
_LINE: Final = re.compile(r"[^\r\n]*(?:\r?\n|\r)|[^\r\n]+\Z")
_BLANKS: Final = " \t"
_NOT_ONE_URL: Final = re.compile(r"[\s<>\"\\]|&(?:amp|#)|\$[A-Za-z_(]")  # several, or with escapes


class Rules(NamedTuple):
    """How URLs are translated and which of them are replaced."""

    assets: Assets
    hosts: Collection[str] = ()
    default_params: DefaultParams | None = None
    replace: Collection[Status] = REPLACED
    judgement: Judgement = JUDGED

    def translate(self, url: str) -> Translation:
        """Translate a URL."""
        return translate_url(
            url,
            hosts=self.hosts,
            default_params=self.default_params,
            assets=self.assets,
            judgement=self.judgement,
        )


def rules_for(
    assets: Assets,
    hosts: Collection[str],
    default_params: DefaultParams | None,
    replace: Collection[Status],
    judgement: Judgement = JUDGED,
) -> Rules:
    """Rules that also know the custom domains in the file of URLs."""
    known = assets.hosts if isinstance(assets, UrlMap) else ()
    return Rules(assets, {*map(ascii_host, hosts), *known}, default_params, replace, judgement)


class Rewriter(Protocol):
    """Rewrites the pieces of one file, one after the other."""

    def rewrite(self, text: str, totals: UrlTotals) -> str:
        """The text with URLs replaced; they are added to `totals`."""
        ...


class TextRewriter:
    """Rewrites a text of any kind."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._xml: bool | None = None

    def rewrite(self, text: str, totals: UrlTotals) -> str:
        """The text with URLs replaced; they are added to `totals`."""
        rules = self._rules
        if self._xml is None:
            self._xml = is_xml(text)
        serialized = _serialized(text)
        found = replace_urls(
            text,
            rules.translate,
            replace=rules.replace,
            hosts=rules.hosts,
            xml=self._xml,
            is_fixed=serialized,
        )
        for url in found.urls:
            replaced = url.replacement is not None
            totals.count(
                url.translation, replaced=replaced, serialized=not replaced and serialized(url.start)
            )
        return found.text


class LineRewriter:
    """Rewrites values, one on each line."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def rewrite(self, text: str, totals: UrlTotals) -> str:
        """The lines with URLs replaced; they are added to `totals`."""
        return "\n".join(rewritten_value(line, self._rules, totals) for line in text.split("\n"))


class CellRewriter:
    """Rewrites one column of CSV with a header. Everything else keeps its bytes, quotes included.

    The header is read as that of a manifest.

    Args:
        rules: For the URLs.
        column: Name of the column.
    """

    def __init__(self, rules: Rules, column: str) -> None:
        self._rules = rules
        self._column = column
        self._delimiter = ","
        self._index: int | None = None

    def rewrite(self, text: str, totals: UrlTotals) -> str:
        """The records with URLs replaced; they are added to `totals`.

        Raises:
            InvalidArgumentError: the header does not have the column.
        """
        done = 0
        if self._index is None:
            done = self._read_header(text)
        between = re.escape(self._delimiter)
        blanks = f"[{_BLANKS.replace(self._delimiter, '')}]*"
        cells = re.compile(
            rf'({blanks}"(?:[^"]|"")*"{blanks}(?=[{between}\r\n]|\Z)|[^{between}\r\n]*)({between}?)(\r?\n|\r)?'
        )
        pieces = [text[:done]]
        index = 0
        while done < len(text):
            cell = cells.match(text, done)
            if cell is None or cell.end() == done:
                break
            raw = cell[1]
            if index == self._index:
                raw = self._replaced(raw, totals)
            pieces += (raw, cell[2], cell[3] or "")
            done = cell.end()
            index = index + 1 if cell[3] is None else 0
        pieces.append(text[done:])
        return "".join(pieces)

    def _read_header(self, text: str) -> int:
        """Find the column; returns where the rows begin."""
        mark = len("\ufeff") if text.startswith("\ufeff") else 0
        end = mark

        def lines() -> Iterator[Line]:
            nonlocal end
            for number, line in enumerate(_LINE.finditer(text, mark), 1):
                end = line.end()
                yield Line(number, line[0])

        plain = _plain(self._column)
        try:
            table = CsvTable(lines(), {plain})
        except MalformedError as error:
            raise InvalidArgumentError(f"line {error.line} {error}") from None
        alike = [at for at, name in enumerate(table.header) if name == self._column] or [
            at for at, name in enumerate(table.header) if _plain(name) == plain
        ]
        if not alike:
            names = ", ".join(table.header)
            raise InvalidArgumentError(f"no column {self._column!r}; the header has {names[:300]}")
        if len(alike) > 1:
            raise InvalidArgumentError(f"line {table.header_line} has more than one column {self._column!r}")
        self._delimiter, self._index = table.delimiter, alike[0]
        return end

    def _replaced(self, raw: str, totals: UrlTotals) -> str:
        bare = raw.strip(_BLANKS)
        if len(bare) > 1 and bare[0] == bare[-1] == '"':
            before, _, after = raw.partition(bare)
            return f'{before}"{rewritten_value(bare[1:-1], self._rules, totals)}"{after}'
        new = rewritten_value(raw, self._rules, totals)
        return f'"{new}"' if self._delimiter in new and self._delimiter not in raw else new


def rewrite_values(
    values: Iterable[str],
    *,
    assets: Assets,
    hosts: Collection[str] = (),
    default_params: DefaultParams | None = None,
    replace: Collection[Status] = REPLACED,
    judgement: Judgement = JUDGED,
    totals: UrlTotals | None = None,
) -> Iterator[str]:
    """Rewrite values of a database or a list: URLs, `srcset`s or texts that contain them.

    A value that is one URL is replaced as a whole, even with characters that would end it in a text.

    Args:
        values: The values.
        assets: The images that are stored on Imgwire; see `read_urls`.
        hosts: Custom domains of imgix sources; `*.imgix.net` is always one.
        default_params: Default parameters of the source.
        replace: Statuses of URLs to replace.
        judgement: The numbers that no document specifies.
        totals: The URLs found are added to it.

    Returns:
        The values in the same order; values without imgix URLs are unchanged.
    """
    rules = rules_for(assets, hosts, default_params, replace, judgement)
    totals = UrlTotals() if totals is None else totals
    return (rewritten_value(value, rules, totals) for value in values)


def rewritten_value(value: str, rules: Rules, totals: UrlTotals) -> str:
    """Rewrite one value."""
    bare = value.strip()
    if bare and "//" in bare and _NOT_ONE_URL.search(bare) is None:
        translation = rules.translate(bare)
        if translation.url is not None and not translation.is_misread and bare.count("//") == 1:
            replaced = translation.status in rules.replace
            totals.count(translation, replaced=replaced)
            if not replaced:
                return value
            _, mark, fragment = bare.partition("#")
            new = escaped(translation.url + mark + fragment, bare)
            return value.replace(bare, new, 1)
    return TextRewriter(rules).rewrite(value, totals)


def _plain(name: str) -> str:
    return name.strip().lower()


def _serialized(text: str) -> Callable[[int], bool]:
    r"""Whether an index is within a string of serialized PHP, `s:12:"…"`, which includes its length."""
    strings = list(_SERIALIZED.finditer(text)) if "s:" in text else []
    if not strings:
        return lambda _: False
    starts = [string.end() for string in strings]

    def is_within(index: int) -> bool:
        last = bisect_left(starts, index + 1)
        for string in strings[max(last - _NESTED, 0) : last]:
            content = text[string.end() : index]
            if string[2]:
                content = _ESCAPED.sub(r"\1", content)
            if len(content.encode("utf-8", "surrogatepass")) < int(string[1]):
                return True
        return False

    return is_within
