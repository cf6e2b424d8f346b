"""Rows of a Parquet file, converted to plain types."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from imgwire_async.errors import ConfigurationError

_BATCH: Final = 1024  # rows
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SECONDS_PER_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Unusable:
    """A value without a plain form."""

    problem: str
    """What it is, as the object of "has"."""


class MapValue(dict[str, object]):
    """A value of a MAP column, whose names differ from row to row."""


class DamagedError(Exception):
    """The file cannot be read; the message says why and where."""


class ParquetTable:
    """Columns of a Parquet file, read as a stream.

    Args:
        source: Path of the file, or a seekable file, which is closed with the table.

    Raises:
        ConfigurationError: the extra is not installed.
        DamagedError: the file is not a Parquet file, or is incomplete.
        OSError: the file cannot be opened.
    """

    def __init__(self, source: str | io.IOBase) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ModuleNotFoundError:
            raise ConfigurationError(
                "Parquet needs its extra: pip install 'imgwire-async[parquet]'", operation="ingest"
            ) from None
        self._damages = (pa.ArrowException, OSError, ValueError)
        if isinstance(source, str):
            source = open(source, "rb")  # noqa: PTH123, SIM115 - a name as given; closed with the table
        try:
            # INT96, Spark's type for times, covers more years than nanoseconds can.
            self._file = parquet.ParquetFile(source, coerce_int96_timestamp_unit="us")
            self.header: list[str] = self._file.schema_arrow.names
        except self._damages as error:
            source.close()
            raise DamagedError(str(error)) from error
        self._source = source

    def rows(self, columns: Iterable[str]) -> Iterator[tuple[int, dict[str, object]]]:
        """The number of each row, counted from 1, with its values in these columns; no others are read.

        Values are text, numbers, booleans, None, dictionaries of these, or `Unusable`. Times become text in
        ISO 8601, durations seconds, and decimals text.
        """
        names = list(columns)
        batches = self._file.iter_batches(batch_size=_BATCH, columns=names)
        number = 0
        while True:
            try:
                batch = next(batches, None)
            except self._damages as error:
                raise DamagedError(f"{error} (after row {number})") from error
            if batch is None:
                return
            found = {name: values_of(batch.column(name)) for name in names}
            for at in range(batch.num_rows):
                number += 1
                yield number, {name: values[at] for name, values in found.items()}

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._source.close()


def values_of(array: Any) -> list[object]:  # noqa: ANN401 - pyarrow is an extra
    """The values of a pyarrow array in plain types."""
    from pyarrow import types

    kind = array.type
    if hasattr(kind, "storage_type"):
        if kind.extension_name == "arrow.uuid":
            return _map(str, array.to_pylist())
        return values_of(array.storage)
    if types.is_dictionary(kind):
        return values_of(array.dictionary_decode())
    convert = next(
        (convert for name, convert in _BY_TYPE.items() if getattr(types, f"is_{name}")(kind)), None
    )
    if convert is not None:
        return convert(array)
    unusable = Unusable(f"a value of type {kind}")
    return [unusable if there else None for there in array.is_valid().to_pylist()]


def _map(convert: Callable[[Any], object], values: Iterable[object]) -> list[object]:
    return [None if value is None else convert(value) for value in values]


def _as_they_are(array: Any) -> list[object]:  # noqa: ANN401
    return list(array.to_pylist())


def _numbers(array: Any) -> list[object]:  # noqa: ANN401
    # Data frames write missing numbers as NaN.
    return [None if value is None or value != value else float(value) for value in array.to_pylist()]


def _decimals(array: Any) -> list[object]:  # noqa: ANN401
    return _map(_decimal_text, array.to_pylist())


def _decimal_text(value: Decimal) -> str:
    return format(value, "f")


def _texts(array: Any) -> list[object]:  # noqa: ANN401
    import pyarrow as pa

    # Text that is not UTF-8 would be an error of the whole batch.
    return _map(_text, array.cast(pa.large_binary()).to_pylist())


def _binaries(array: Any) -> list[object]:  # noqa: ANN401
    return _map(_text, array.to_pylist())


def _text(value: bytes) -> object:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return Unusable("bytes that are not UTF-8 text")


def _timestamps(array: Any) -> list[object]:  # noqa: ANN401
    import pyarrow as pa

    per_second = _PER_SECOND[array.type.unit]
    zone = "Z" if array.type.tz else ""

    def text(value: int) -> object:
        seconds, fraction = divmod(value, per_second)
        return _moment(seconds, _fraction(fraction, per_second) + zone)

    return _map(text, array.cast(pa.int64()).to_pylist())


def _moment(seconds: int, rest: str) -> object:
    try:
        return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat() + rest
    except OverflowError:
        return Unusable("a time outside the years 1 to 9999")


def _dates(array: Any) -> list[object]:  # noqa: ANN401
    import pyarrow as pa
    from pyarrow import types

    in_days = types.is_date32(array.type)
    numbers = array.cast(pa.int32() if in_days else pa.int64()).to_pylist()

    def text(value: int) -> object:
        found = _moment((value if in_days else value // 86_400_000) * _SECONDS_PER_DAY, "")
        return found.partition("T")[0] if isinstance(found, str) else found

    return _map(text, numbers)


def _times(array: Any) -> list[object]:  # noqa: ANN401
    import pyarrow as pa

    per_second = _PER_SECOND[array.type.unit]
    numbers = array.cast(pa.int32() if array.type.bit_width == 32 else pa.int64()).to_pylist()

    def text(value: int) -> object:
        seconds, fraction = divmod(value, per_second)
        if not 0 <= seconds < _SECONDS_PER_DAY:
            return Unusable("a time of day outside of a day")
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return clock + _fraction(fraction, per_second)

    return _map(text, numbers)


def _fraction(value: int, per_second: int) -> str:
    return f".{value:0{len(str(per_second)) - 1}}".rstrip("0") if value else ""


def _durations(array: Any) -> list[object]:  # noqa: ANN401
    import pyarrow as pa

    per_second = _PER_SECOND[array.type.unit]

    def seconds(value: int) -> float:
        return value / per_second if value % per_second else value // per_second

    return _map(seconds, array.cast(pa.int64()).to_pylist())


def _structs(array: Any) -> list[object]:  # noqa: ANN401
    names = [field.name for field in array.type]
    columns = [values_of(column) for column in array.flatten()]
    rows = zip(*columns, strict=True) if columns else ((),) * len(array)
    there = array.is_valid().to_pylist()
    return [
        dict(zip(names, row, strict=True)) if is_there else None
        for row, is_there in zip(rows, there, strict=True)
    ]


def _maps(array: Any) -> list[object]:  # noqa: ANN401
    keys, items = values_of(array.keys), values_of(array.items)
    starts = array.offsets.to_pylist()
    found: list[object] = []
    for at, is_there in enumerate(array.is_valid().to_pylist()):
        names = keys[starts[at] : starts[at + 1]]
        if not is_there:
            found.append(None)
        elif any(isinstance(name, Unusable) for name in names) or len(set(names)) < len(names):
            found.append(Unusable("a map with a name that is repeated or not text"))
        else:
            found.append(MapValue(zip(map(str, names), items[starts[at] : starts[at + 1]], strict=True)))
    return found


_BY_TYPE: Final[dict[str, Callable[[Any], list[object]]]] = {
    "null": _as_they_are,
    "boolean": _as_they_are,
    "integer": _as_they_are,
    "floating": _numbers,
    "decimal": _decimals,
    "string": _texts,
    "large_string": _texts,
    "string_view": _texts,
    "binary": _binaries,
    "large_binary": _binaries,
    "binary_view": _binaries,
    "fixed_size_binary": _binaries,
    "timestamp": _timestamps,
    "date": _dates,
    "time": _times,
    "duration": _durations,
    "map": _maps,
    "struct": _structs,
}
"""Conversions by the name of the type's test in `pyarrow.types`."""
