"""Request targets in access logs of common formats, read as a stream."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final, NamedTuple, TypeAlias, cast
from urllib.parse import unquote

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.ingest.sources.lines import LONGEST_START, marked_encoding, packed

PathSource: TypeAlias = "str | os.PathLike[str]"

LONGEST_LINE: Final = 64 * 1024
"""Bytes of a line that are read."""
_GZIP: Final = b"\x1f\x8b"
# Common and combined, as written by nginx, Apache, Varnish, Fastly and others.
_REQUEST: Final = re.compile(rb'"(?:GET|HEAD) ([^" ]+)(?: HTTP/[0-9.]+)?"(?:[ \t]+([0-9]{3})\b)?')
_ANY_REQUEST: Final = re.compile(rb'"[A-Z]{3,10} [^" ]+(?: HTTP/[0-9.]+)?"')
_URL: Final = re.compile(rb"(?:https?:)?//[^\s\"'<>]+", re.IGNORECASE)
_NOT_ALPHANUMERIC: Final = re.compile(r"[^a-z0-9]")
_TARGETS: Final = (
    "url",
    "requesturl",
    "clientrequesturi",
    "requesturi",
    "uri",
    "requestpath",
    "path",
    "csuristem",
)
_QUERIES: Final = ("query", "querystring", "requestquery", "csuriquery", "urlquery")
_STATUSES: Final = ("status", "statuscode", "edgeresponsestatus", "responsestatus", "scstatus", "httpstatus")
_METHODS: Final = ("method", "requestmethod", "clientrequestmethod", "csmethod", "httpmethod")


class LoggedRequest(NamedTuple):
    """A line of a log.

    `target` is a URL, or a path with its query; None if the line has none. A request is `rejected` if its
    response was an error, or if it is neither GET nor HEAD.
    """

    target: str | None
    rejected: bool = False


_NOTHING: Final = LoggedRequest(None)
_REJECTED: Final = LoggedRequest(None, rejected=True)


def logged_requests(path: PathSource) -> Iterator[LoggedRequest]:
    """The requests of a log, gzip or not: combined, common, JSON lines, W3C (CloudFront), or plain URLs.

    The text may be UTF-16 or UTF-32, which PowerShell writes.

    Args:
        path: The file.

    Raises:
        InvalidArgumentError: it cannot be read.
    """
    name = os.fsdecode(path)
    if "\0" in name:
        raise InvalidArgumentError(f"cannot read {name!r}: a path contains no NUL character")
    try:
        with open(name, "rb") as file:  # noqa: PTH123 - a name as given
            yield from requests_of(file)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidArgumentError(f"cannot read {name!r}: {reason}") from error


def requests_of(file: BinaryIO) -> Iterator[LoggedRequest]:
    """The requests of an open log; see `logged_requests`.

    Raises:
        OSError: it cannot be read, is damaged gzip, or is compressed in another way.
        EOFError: it is incomplete gzip.
    """
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(file)  # type: ignore[type-var]
    if buffered.peek(2)[:2] == _GZIP:
        try:
            with gzip.open(buffered) as unpacked:
                yield from _requests(_as_ascii(unpacked))
        except zlib.error as error:
            raise gzip.BadGzipFile(f"it is damaged gzip: {error}") from error
    else:
        yield from _requests(_as_ascii(buffered))


def _as_ascii(file: io.BufferedReader[Any] | gzip.GzipFile) -> BinaryIO:
    """The file without a byte order mark, and in an encoding whose ASCII characters are single bytes."""
    head = file.peek(LONGEST_START)
    if (what := packed(head)) is not None:
        raise OSError(None, f"it is {what}")
    encoding, mark = marked_encoding(head[:4])
    file.read(len(mark))
    if encoding in {None, "utf-8"}:
        return cast("BinaryIO", file)
    return cast("BinaryIO", codecs.EncodedFile(cast("BinaryIO", file), "utf-8", encoding, "replace"))


def _requests(file: BinaryIO) -> Iterator[LoggedRequest]:
    fields: list[str] = []
    whole = True
    while line := file.readline(LONGEST_LINE):
        starts, whole = whole, line.endswith(b"\n")
        if not starts:
            continue  # the rest of a line that is too long
        line = line.strip()
        if not line:
            continue
        if line[:1] == b"#":
            if line[:8].lower() == b"#fields:":
                fields = line[8:].decode("latin-1").split()
            continue
        if fields:
            yield _of_fields(fields, line)
        elif (found := _REQUEST.search(line)) is not None:
            status = found[2]
            rejected = status is not None and status >= b"400"
            yield LoggedRequest(found[1].decode("latin-1"), rejected)
        elif line[:1] == b"{":
            yield _of_json(line)
        elif line[:1] == b"/" and b" " not in line:
            yield LoggedRequest(line.decode("latin-1"))
        elif _ANY_REQUEST.search(line) is not None:
            yield _REJECTED
        else:
            url = _URL.search(line)
            yield _NOTHING if url is None else LoggedRequest(url[0].decode("latin-1"))


def _of_fields(fields: list[str], line: bytes) -> LoggedRequest:
    """A line of the W3C format. CloudFront encodes the percent signs of a query once more."""
    cells = line.decode("latin-1").split("\t" if b"\t" in line else " ")
    found = {_plain(name): cell for name, cell in zip(fields, cells, strict=False) if cell != "-"}
    if "%25" in found.get("csuriquery", "") and "xedgelocation" in found:
        found["csuriquery"] = unquote(found["csuriquery"])
    return _of_names(found)


def _of_json(line: bytes) -> LoggedRequest:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return _NOTHING
    if not isinstance(record, dict):
        return _NOTHING
    for name in ("request", "http", "httpRequest"):
        inner = record.get(name)
        if isinstance(inner, dict):
            record = {**record, **inner}
        elif isinstance(inner, str) and (found := _REQUEST.search(f'"{inner}"'.encode("latin-1", "replace"))):
            record = {**record, "url": found[1].decode("latin-1")}
    return _of_names({_plain(str(name)): value for name, value in record.items()})


def _of_names(found: Mapping[str, object]) -> LoggedRequest:
    target = next((text for name in _TARGETS if isinstance(text := found.get(name), str) and text), None)
    if target is None:
        return _NOTHING
    query = next((text for name in _QUERIES if isinstance(text := found.get(name), str)), "")
    if query and "?" not in target:
        target = f"{target}?{query.removeprefix('?')}"
    status = next((value for name in _STATUSES if (value := found.get(name)) is not None), "")
    method = next((value for name in _METHODS if isinstance(value := found.get(name), str)), "GET")
    failed = str(status)[:1] in {"4", "5"} and len(str(status)) == 3
    return LoggedRequest(target, failed or method.upper() not in {"GET", "HEAD"})


def _plain(name: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", name.lower())
