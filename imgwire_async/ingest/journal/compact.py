"""Rows as a journal stores them: without what can be derived, and in as few bytes as possible.

Values of an unexpected form are stored unchanged, so nothing is lost. The type of a stored value shows which
form the original had:

- `place` and `name` are the key, cut behind its last slash; the place is a shared value.
- `source_place` and `source_name` are the source. Without a name it is the place and the key; without both,
  the key.
- `version`: a number, or 16 bytes for 32 hexadecimal digits.
- `idempotency_key`: 0 or 1 if it derives from the rest of the row, without or with the parameters; 20 bytes
  for any other one of this library.
- `image`: 0 if it is the key, 16 bytes for a UUID. An item that is yet to be stored has zeros there, so that
  its row does not grow, which would split pages and leave them half empty.
- `url`: the CDN URL, or the number of its form, a shared value, in which the id of the image takes the place
  of the mark. A byte with that number and 16 more bytes have another UUID there.
- `parameters`: the number of a shared value, or themselves.
- `failure`: the type and text of the error and the item, as a JSON array.

Every column costs a byte in every row.
"""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from imgwire_async.ingest.items import KEY_PREFIX, is_url
from imgwire_async.ingest.items import idempotency_key as derived_key
from imgwire_async.ingest.journal.rows import Row, State
from imgwire_async.ingest.journal.shared import SharedValues

COLUMNS: Final = (
    "place",
    "name",
    "state",
    "run",
    "size",
    "version",
    "sha256",
    "idempotency_key",
    "image",
    "url",
    "source_place",
    "source_name",
    "attempts",
    "parameters",
    "failure",
    "note",
)
INSERT: Final = f"INSERT INTO compact_items VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - only marks
STATES: Final = (State.KEYED, State.STORED, State.READY, State.SKIPPED, State.FAILED)
"""States by the number that is stored. SQLite stores 0 and 1 without a byte."""
NUMBERS: Final = {state: number for number, state in enumerate(STATES)}

PLACES: Final = 16_384
"""How many places are shared: few enough to take little room even if hardly any two keys share one."""
_MARK: Final = "{image}"
_NO_FAILURE: Final = (None, None, None)
_ROOM: Final = bytes(16)
_HOSTS: Final = 256
"""Places of whole hosts and buckets for which room is kept."""
_HOST: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/]*/", re.IGNORECASE)
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEX: Final = re.compile(r"[0-9a-f]{32}")
_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_MOST: Final = 2**63 - 1


class RowCodec:
    """Encodes and decodes the rows of a journal.

    Args:
        connection: of the journal.
        job: name of the job.
    """

    def __init__(self, connection: sqlite3.Connection, job: str) -> None:
        self._derived_keys = tuple(partial(_derived_key, job, number) for number in (0, 1))
        """The idempotency key of a row by the number that is stored for it."""
        self._places: SharedValues[str] = SharedValues(connection, 0, PLACES)
        self._urls: SharedValues[str] = SharedValues(connection, 1, 256)
        self._parameters: SharedValues[bytes] = SharedValues(connection, 2, 64)

    @property
    def places(self) -> Sequence[str]:
        """The prefixes of keys, by number."""
        return self._places.values

    def write_shared(self, connection: sqlite3.Connection) -> None:
        """Write the new shared values of the rows encoded since the last call, in the rows' transaction."""
        for values in (self._places, self._urls, self._parameters):
            values.write(connection)

    def place_of(self, key: str) -> tuple[int, str] | None:
        """Place and name under which a row with this key is stored; None if there can be no such row yet."""
        cut = key.rfind("/") + 1
        place = self._places.find(key[:cut])
        if place is not None:
            return place, key[cut:]
        if self._places.has_room():
            return None
        host = _HOST.match(key)
        place = None if host is None else self._places.find(host[0])
        if host is not None and place is not None:
            return place, key[host.end() :]
        # Keys without room for their place are stored under the empty place, which is always the first.
        return None if host is not None and self._places.has_room(_HOSTS) else (0, key)

    def encode(self, row: Row) -> tuple[object, ...]:
        """A row as it is stored, in the order of `COLUMNS`."""
        place, name = self._share_place(row.key)
        source_place, source_name = self._source(row)
        parameters: bytes | int | None = row.parameters
        if row.parameters is not None:
            shared = self._parameters.number(row.parameters)
            parameters = row.parameters if shared is None else shared
        return (
            place,
            name,
            NUMBERS[State(row.state)],
            row.run,
            row.size,
            _packed_version(row.version),
            row.sha256,
            self._packed_key(row),
            _packed_image(row),
            self._packed_url(row),
            source_place,
            source_name,
            row.attempts,
            parameters,
            _packed_failure(row),
            row.note,
        )

    def _share_place(self, key: str) -> tuple[int, str]:
        found = self.place_of(key)
        if found is None:
            cut = key.rfind("/") + 1
            place = self._places.number(key[:cut])
            if place is not None:
                return place, key[cut:]
            host = _HOST.match(key)
            assert host is not None  # noqa: S101 - else it has been found
            place = self._places.number(host[0], _HOSTS)
            assert place is not None  # noqa: S101 - there was room
            found = place, key[host.end() :]
        return found

    def _source(self, row: Row) -> tuple[int | None, str | None]:
        source, key = row.source, row.key
        if source == key:
            return None, None
        above = source.removesuffix(key)
        if key and above != source and above.endswith(("/", "\\")):
            place = self._places.number(above)
            return (None, source) if place is None else (place, None)
        cut = source.rfind("/") + 1
        place = self._places.number(source[:cut]) if cut else None
        return (None, source) if place is None else (place, source[cut:])

    def _packed_url(self, row: Row) -> str | bytes | int | None:
        url, image = row.cdn_url, row.image_id
        if url is None or _MARK in url:
            return url
        if image and image in url:
            form = self._urls.number(url.replace(image, _MARK, 1))
            return url if form is None else form
        other = _UUID.search(url)
        form = None if other is None else self._urls.number(url.replace(other[0], _MARK, 1))
        return url if other is None or form is None else bytes([form]) + _uuid_bytes(other[0])

    def _url(self, packed: str | bytes | int, image: str | None) -> str:
        if isinstance(packed, str):
            return packed
        form, text = (packed, image) if isinstance(packed, int) else (packed[0], _uuid(packed[1:]))
        if text is None:
            raise ValueError("a URL was packed without its image")
        return self._urls.values[form].replace(_MARK, text, 1)

    def _packed_key(self, row: Row) -> str | bytes | int | None:
        key = row.idempotency_key
        if key is None:
            return None
        for number, derived in enumerate(self._derived_keys):
            if key == derived(row):
                return number
        return _packed_other_key(key)

    def decode(self, stored: Sequence[Any]) -> Row:
        """Decode a row that `encode` has encoded."""
        place, name, state, run, size, version, sha256, own_key, image, url, *others = stored
        source_place, source_name, attempts, parameters, failure, note = others
        places = self._places.values
        key = places[place] + name
        if source_name is None:
            source = key if source_place is None else places[source_place] + key
        else:
            source = source_name if source_place is None else places[source_place] + source_name
        if image is not None:
            image = _image(image, key)
        if url is not None:
            url = self._url(url, image)
        if isinstance(version, int):
            version = str(version)
        elif isinstance(version, bytes):
            version = version.hex()
        if isinstance(parameters, int):
            parameters = self._parameters.values[parameters]
        if isinstance(own_key, int):
            own_key = self._derived_keys[own_key]  # see _DerivedWhenAsked
        elif isinstance(own_key, bytes):
            own_key = _unpacked_key(own_key)
        error_type, error, item = _NO_FAILURE if failure is None else json.loads(failure)
        state = STATES[state]
        # Positional and without unpacking, because a resumed job does little else for most of its items.
        return Row(
            key, source, state, run, size, version, sha256, own_key, image, url, attempts,
            error_type, error, item, parameters, note,
        )  # fmt: skip


def _derived_key(job: str, number: int, row: Row) -> str | None:
    """The idempotency key that an item normally has, see `prepare`; 1 includes its parameters."""
    if row.sha256 is not None:
        content = row.sha256
    elif is_url(row.source):
        content = (row.source if row.version is None else f"{row.source}\0{row.version}").encode()
    elif row.version is not None:
        content = f"{row.source}\0{row.version}\0{row.size}".encode()
    else:
        return None
    return derived_key(job, row.key, content, row.parameters if number else None)


def _packed_version(version: str | None) -> str | bytes | int | None:
    if version is None:
        return None
    if _NUMBER.fullmatch(version) and abs(number := int(version)) <= _MOST:
        return number
    return bytes.fromhex(version) if _HEX.fullmatch(version) else version


def _packed_image(row: Row) -> str | bytes | int | None:
    image = row.image_id
    if image is None:
        return _ROOM if row.state == State.KEYED else None
    if image == row.key:
        return 0
    packed = _uuid_bytes(image) if _UUID.fullmatch(image) else _ROOM
    return image if packed == _ROOM else packed


def _image(packed: str | bytes | int, key: str) -> str | None:
    if isinstance(packed, bytes):
        return None if packed == _ROOM else _uuid(packed)
    return packed if isinstance(packed, str) else key


def _packed_failure(row: Row) -> str | None:
    failure = (row.error_type, row.error, row.item)
    return None if failure == _NO_FAILURE else json.dumps(failure)


def _uuid_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))


def _uuid(packed: bytes) -> str:
    digits = packed.hex()  # str(UUID(bytes=packed)) takes five times as long
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _packed_other_key(key: str) -> str | bytes:
    try:
        packed = base64.b32decode(key.removeprefix(KEY_PREFIX).upper())
    except ValueError:
        return key
    return packed if _unpacked_key(packed) == key else key


def _unpacked_key(packed: bytes) -> str:
    return KEY_PREFIX + base64.b32encode(packed).decode().lower()
